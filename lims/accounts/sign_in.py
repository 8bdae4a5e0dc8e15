"""Sign-in with all factors, for pages and tokens alike. Every attempt is kept."""

from __future__ import annotations

from typing import NoReturn

from lims.accounts import access
from lims.accounts.factors import Answer, confirmed_factor, is_recovery_code, use_code, use_recovery_code
from lims.accounts.models import AccessEvent, User
from lims.errors import SignInRefused

# One sentence for an unknown name, a wrong password, a closed and a locked account: whoever guesses learns nothing.
WRONG = "Username or password is wrong, or the account is locked. After five failures only an administrator unlocks it."
LOCKED = "This account is locked after too many failures; an administrator has to unlock it."
USED = "This one-time code was used already; wait for the next one."
CODE_WRONG = "The one-time code is wrong."


def prove(*, username: str, password: str, otp: str, address: str) -> tuple[User, tuple[str, ...]]:
    """The person these factors belong to, and which they were. Raises SignInRefused; the attempt is kept and counted.

    A person without a second factor comes in with the password alone, to set one up and to do nothing else.
    """
    user = User.objects.filter(username__iexact=username).first()

    def refuse(message: str, code: str, *, field: str = "password", counted: bool = False, noted: str = "") -> NoReturn:
        if user is not None and counted:
            access.failed(user, address=address)
        why = noted or code  # the access log says what the person at the door is not told
        access.note(AccessEvent.Kind.SIGN_IN_REFUSED, username=username, user=user, address=address, why=why)
        raise SignInRefused(message, code=code, field=field)

    if user is None:
        User().set_password(password)  # an unknown name takes as long as a known one
        refuse(WRONG, "not_signed_in")
    # The hash is computed for a locked account too, and its answer thrown away: the time tells no more than the words.
    right = user.check_password(password)
    if access.is_locked(user):
        refuse(WRONG, "not_signed_in", noted="locked")
    if not right or not user.is_active:
        refuse(WRONG, "not_signed_in", counted=True)
    factor = confirmed_factor(user)
    factors: tuple[str, ...] = ("password",)
    if factor is not None:
        if not otp.strip():
            refuse("Enter the one-time code of your authenticator too.", "otp_required", field="otp")
        if is_recovery_code(otp):
            factors = (*factors, "recovery_code")
            answer = Answer.RIGHT if use_recovery_code(factor, otp) else Answer.WRONG
        else:
            factors = (*factors, "totp")
            answer = use_code(factor, otp)
        if answer is Answer.USED:
            refuse(USED, answer, field="otp")
        if answer is Answer.WRONG:
            refuse(CODE_WRONG, answer, field="otp", counted=True)
    access.succeeded(user)
    return user, factors
