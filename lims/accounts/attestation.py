"""Prove who is at the keyboard, before any row is locked: the hash is slow on purpose."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import NoReturn

from lims import rates
from lims.accounts import access, sequences
from lims.accounts.actors import Actor
from lims.accounts.factors import confirmed_factor
from lims.accounts.keys import Use
from lims.accounts.models import AccessEvent, IdentityCheck, Secret, User
from lims.accounts.possession import Shown, check_possession
from lims.accounts.roles import Permission, require
from lims.accounts.sign_in import WRONG
from lims.accounts.statement import has_accepted
from lims.errors import PermissionRefused, SignatureRefused

# Acts that take all factors however recently their signer signed: the last word of their purpose.
ALWAYS_ALL_FACTORS = frozenset({"release", "reject", "approve", "make_effective", "accept_statement", "add_key"})


class CodeWanted(StrEnum):
    """Whether a signature takes the factor of possession: a one-time code, or a touch of a security key."""

    ALWAYS = "always"
    FIRST = "first"
    NO = "no"


# For each session or token: a password hash costs a third of a second of a core.
SIGNINGS_PER_MINUTE = 120


@dataclass(frozen=True, slots=True)
class Credential:
    """What a signer types at a signature: never a token, never the session alone (21 CFR 11.200(a))."""

    username: str
    password: str = field(repr=False)
    otp: str = field(default="", repr=False)
    # The answer of a security key, in the place of the code.
    key: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Attestation:
    """Evidence that `actor.user` has just re-entered the components of their signature."""

    actor: Actor
    factors: tuple[str, ...]

    @property
    def user(self) -> User:
        return self.actor.user

    def require(self, permission: Permission) -> None:
        """Raises PermissionRefused where the signer's roles do not grant it; the attempt is kept like a wrong password.

        What is refused later, inside the operation, the operation keeps once it is rolled back.
        """
        try:
            require(self.user, permission)
        except PermissionRefused as refusal:
            access.signing_refused(self.actor, why=refusal.code)
            raise


def attest(actor: Actor, credential: Credential, *, purpose: str) -> Attestation:
    """The signer named by `credential`, who need not be the person signed in at this workstation.

    Raises SignatureRefused where a factor is wrong or missing, or where this person cannot sign yet; the attempt is
    kept, outside any transaction that could roll it back.
    """
    if actor.seat:
        rates.count("signing", actor.seat, most=SIGNINGS_PER_MINUTE)
    user = User.objects.filter(username__iexact=credential.username).first()

    def refuse(message: str, code: str, *, field: str = "password", counted: bool = False, noted: str = "") -> NoReturn:
        if user is not None and counted:
            access.failed(user, address=actor.address)
        access.note(
            AccessEvent.Kind.SIGNING_REFUSED,
            username=credential.username,
            user=user,
            purpose=purpose,
            address=actor.address,
            why=noted or code,
        )
        raise SignatureRefused(f"{message} Nothing was signed.", code=code, field=field)

    if user is None:
        User().set_password(credential.password)  # an unknown name takes as long as a known one
        refuse(WRONG, "signature_refused")
    right = user.check_password(credential.password)
    if access.is_locked(user):
        refuse(WRONG, "signature_refused", noted="locked")
    if not right or not user.is_active:
        refuse(WRONG, "signature_refused", counted=True)
    # Whoever signs through a scoped token does no more through it than it is good for.
    user.limited_to = actor.user.limited_to
    if why := _not_yet(user, purpose):
        refuse(*why)
    if confirmed_factor(user) is None:
        refuse(f"{user.full_name} has no second factor yet.", "factor_missing")
    factors: tuple[str, ...] = ("username", "password")
    shown = Shown(credential.otp, credential.key, actor.seat)
    if shown.anything:
        held = check_possession(user, shown, Use.SIGN, address=actor.address)
        if held.code:
            refuse(held.message, held.code, field="otp", counted=held.counted)
        factors = (*factors, held.kind)
    elif code_wanted(actor, user, purpose.rpartition(".")[2]) is not CodeWanted.NO:
        refuse("This signature needs the one-time code or a security key too.", "otp_required", field="otp")
    access.succeeded(user)
    return Attestation(replace(actor, user=user, signing=purpose), factors=factors)


def code_wanted(actor: Actor, user: User, act: str) -> CodeWanted:
    """What `user` needs to sign `act`, such as `release`, where `actor` sits. Forms ask the same rule."""
    if act in ALWAYS_ALL_FACTORS:
        return CodeWanted.ALWAYS
    return CodeWanted.NO if sequences.is_unbroken(actor, user) else CodeWanted.FIRST


def _not_yet(user: User, purpose: str) -> tuple[str, str] | None:
    """What has to happen before this person can sign at all."""
    secret = Secret.objects.get(user=user)
    if secret.must_change:
        return "An administrator set this password; its owner has to change it first.", "password_change_required"
    if purpose.endswith(".accept_statement"):
        return None
    if not identity_is_checked(user):
        return f"The identity of {user.full_name} has not been checked yet.", "identity_not_checked"
    if not has_accepted(user):
        return f"{user.full_name} has not accepted the statement on signatures yet.", "statement_not_accepted"
    return None


def identity_is_checked(user: User) -> bool:
    """Once at enrolment, and once more after a second factor was revoked (21 CFR 11.100(b), 11.300(c))."""
    void = Secret.objects.values_list("checks_void_to", flat=True).get(user=user)
    return IdentityCheck.objects.filter(user=user, pk__gt=void).exists()
