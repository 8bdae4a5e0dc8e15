"""Sign-in with all factors, for pages and tokens alike. Every attempt is kept."""

from __future__ import annotations

from typing import NoReturn

from lims.accounts import access
from lims.accounts.factors import confirmed_factor
from lims.accounts.keys import Use
from lims.accounts.models import AccessEvent, User
from lims.accounts.possession import Shown, check_possession
from lims.errors import SignInRefused

# One sentence for an unknown name, a wrong password, a closed and a locked account: whoever guesses learns nothing.
WRONG = "Username or password is wrong, or the account is locked. After five failures only an administrator unlocks it."
LOCKED = "This account is locked after too many failures; an administrator has to unlock it."


def prove(*, username: str, password: str, shown: Shown, address: str) -> tuple[User, tuple[str, ...]]:
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
    factors: tuple[str, ...] = ("password",)
    if confirmed_factor(user) is not None:
        if not shown.anything:
            refuse(
                "Enter the one-time code of your authenticator too, or use a security key.", "otp_required", field="otp"
            )
        held = check_possession(user, shown, Use.SIGN_IN, address=address)
        if held.code:
            refuse(held.message, held.code, field="otp", counted=held.counted)
        factors = (*factors, held.kind)
    access.succeeded(user)
    return user, factors
