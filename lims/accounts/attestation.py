"""Prove who is at the keyboard, before any row is locked: the hash is slow on purpose."""

from __future__ import annotations

from dataclasses import dataclass, field

from lims.accounts.actors import Actor
from lims.accounts.models import AccessEvent, User
from lims.errors import SignatureRefused


@dataclass(frozen=True, slots=True)
class Credential:
    """What a signer types at a signature: never a token, never the session alone (21 CFR 11.200(a))."""

    username: str
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Attestation:
    """Evidence that `actor.user` has just re-entered the components of their signature."""

    actor: Actor
    factors: tuple[str, ...]

    @property
    def user(self) -> User:
        return self.actor.user


def attest(actor: Actor, credential: Credential, *, purpose: str) -> Attestation:
    """The signer named by `credential`, who need not be the person signed in at this workstation.

    Raises SignatureRefused where username and password do not belong together; the attempt is kept, outside any
    transaction that could roll it back.
    """
    user = User.objects.filter(username__iexact=credential.username).first()
    if user is None:
        User().set_password(credential.password)  # an unknown name takes as long as a known one
    if user is None or not user.is_active or not user.check_password(credential.password):
        AccessEvent.objects.create(
            kind=AccessEvent.Kind.SIGNING_REFUSED,
            username=credential.username[:150],
            user=user,
            purpose=purpose[:64],
            address=actor.address,
        )
        raise SignatureRefused("Username or password is wrong; nothing was signed.", field="password")
    return Attestation(actor.as_user(user), factors=("username", "password"))
