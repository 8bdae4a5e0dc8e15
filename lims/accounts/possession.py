"""The factor of possession: something that only its owner holds. It is of two kinds, the one-time code of an
authenticator and the touch of a security key; whatever takes one takes the other."""

from __future__ import annotations

from dataclasses import dataclass, field

from lims.accounts import access
from lims.accounts.factors import Answer, confirmed_factor, is_recovery_code, use_code, use_recovery_code
from lims.accounts.keys import KeyAnswer, Use, use_key
from lims.accounts.models import User

USED = "This one-time code was used already; wait for the next one."
CODE_WRONG = "The one-time code is wrong."
KEY_USED = "This touch of the security key was used already, or is older than two minutes; touch the key again."
KEY_WRONG = "This is no security key of this person that counts; take another, or the one-time code."
COUNTED_BACK = (
    "This security key counts fewer touches than it did before, so there may be a copy of it. The account is locked; "
    "an administrator has to revoke the key."
)
MESSAGES = {
    Answer.WRONG: CODE_WRONG,
    Answer.USED: USED,
    KeyAnswer.WRONG: KEY_WRONG,
    KeyAnswer.USED: KEY_USED,
    KeyAnswer.COUNTED_BACK: COUNTED_BACK,
}


@dataclass(frozen=True, slots=True)
class Shown:
    """What was typed or touched; `seat` is where, because a touch counts only where it was asked for."""

    otp: str = field(default="", repr=False)
    key: str = field(default="", repr=False)
    seat: str = ""

    @property
    def anything(self) -> bool:
        return bool(self.otp.strip() or self.key.strip())


@dataclass(frozen=True, slots=True)
class Possession:
    """Which kind was shown, and what was wrong with it: `code` is empty where it was right."""

    kind: str
    code: str = ""
    message: str = ""

    @property
    def counted(self) -> bool:
        """Whether it counts as a failure: who comes late or twice has guessed nothing."""
        return self.code in {Answer.WRONG, KeyAnswer.WRONG}


def check_possession(user: User, shown: Shown, use: Use, *, address: str) -> Possession:
    """Take the code or the touch, once. A key goes before a code where both were given."""
    if shown.key.strip():
        kind, answer = "security_key", use_key(user, shown.key, seat=shown.seat, use=use)
        if answer is KeyAnswer.COUNTED_BACK:
            access.lock(user, address=address)
        return Possession(kind) if answer is KeyAnswer.RIGHT else Possession(kind, answer, MESSAGES[answer])
    factor = confirmed_factor(user)
    if factor is None:
        return Possession("totp", Answer.WRONG, CODE_WRONG)
    if is_recovery_code(shown.otp):
        if use is not Use.SIGN_IN:
            message = "A recovery code opens the door; it cannot sign."
            return Possession("recovery_code", "recovery_code_cannot_sign", message)
        if use_recovery_code(factor, shown.otp):
            return Possession("recovery_code")
        return Possession("recovery_code", Answer.WRONG, CODE_WRONG)
    code = use_code(factor, shown.otp)
    return Possession("totp") if code is Answer.RIGHT else Possession("totp", code, MESSAGES[code])
