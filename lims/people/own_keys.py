"""A person's security keys: added with all factors, good once they have answered, revoked with a reason."""

from __future__ import annotations

from dataclasses import replace

from django.db import IntegrityError, transaction
from django.utils import timezone
from webauthn.helpers import bytes_to_base64url

from lims.accounts import access
from lims.accounts.actors import Actor
from lims.accounts.attestation import Credential, attest
from lims.accounts.keys import Asked, Use, ask_to_add, ask_to_confirm, verified_registration
from lims.accounts.models import SecurityKey, SecurityKeyUse, User
from lims.accounts.possession import Shown, check_possession
from lims.accounts.sign_in import LOCKED
from lims.accounts.tokens import end_every_session
from lims.audit.operations import operation
from lims.errors import Conflict, InvalidInput, NotFound

NOT_ADDED = "This is not the answer of a new security key, or it came after two minutes. Begin again."


def begin_key(*, actor: Actor, credential: Credential, name: str, asked: Asked) -> str:
    """What to ask a new key, once its owner has shown all factors that they have. Their identity was checked before.

    Raises SignatureRefused where a factor is wrong, Conflict for a name that another key of theirs has.
    """
    attestation = attest(actor, credential, purpose="person.add_key")
    if attestation.user.pk != actor.user.pk:
        raise Conflict("A security key is added by its owner alone.", code="own_account")
    _unused(actor.user, name)
    return ask_to_add(asked, actor.user)


def add_key(*, actor: Actor, name: str, answer: str, asked: Asked) -> SecurityKey:
    """A key that answered `begin_key`. It counts only after `confirm_key`."""
    verified = verified_registration(asked, answer)
    if verified is None:
        raise InvalidInput(NOT_ADDED, code="key_wrong")
    _unused(actor.user, name)
    with operation(actor=actor, action="person.add_key", subject=actor.user.username):
        try:
            with transaction.atomic():
                key = SecurityKey.objects.create(
                    user=actor.user,
                    name=name.strip(),
                    credential=bytes_to_base64url(verified.credential_id),
                    public_key=verified.credential_public_key,
                )
        except IntegrityError:
            raise Conflict("This security key was added before; take another.", code="already_exists") from None
        SecurityKeyUse.objects.create(key=key, sign_count=verified.sign_count)
        return key


def begin_confirming(*, actor: Actor, key_id: int, asked: Asked) -> tuple[SecurityKey, str]:
    """A key that was added and does not count yet, and what to ask it."""
    key = _own(actor, key_id)
    if key.confirmed_at:
        raise Conflict(f"The security key “{key.name}” counts already.", code="already_exists")
    return key, ask_to_confirm(asked, key)


def confirm_key(*, actor: Actor, key_id: int, answer: str) -> SecurityKey:
    """The first right answer makes it count (21 CFR 11.300(e)); a wrong one is a failure like a wrong code."""
    user, key = actor.user, _own(actor, key_id)
    if access.is_locked(user):
        raise InvalidInput(LOCKED, code="locked")
    held = check_possession(user, Shown(key=answer, seat=actor.seat), Use.CONFIRM, address=actor.address)
    if held.counted:
        access.failed(user, address=actor.address)
    if held.code:
        access.signing_refused(replace(actor, signing="person.confirm_key"), why=held.code)
        raise InvalidInput(held.message, code=held.code)
    with operation(actor=actor, action="person.confirm_key", subject=user.username):
        SecurityKey.objects.filter(pk=key.pk, confirmed_at=None).update(confirmed_at=timezone.now())
        return key


def revoke_key(*, actor: Actor, key_id: int, reason: str) -> SecurityKey:
    """Its owner revokes it: it is void at once, and every session and token ends, this one included."""
    key = _own(actor, key_id)
    if not reason.strip():
        raise InvalidInput("Say why the security key is revoked.", code="reason_missing", field="reason")
    with operation(actor=actor, action="person.revoke_key", subject=actor.user.username, reason=reason.strip()):
        SecurityKey.objects.filter(pk=key.pk).update(revoked_at=timezone.now())
        end_every_session(actor.user)
        return key


def _own(actor: Actor, key_id: int) -> SecurityKey:
    key = SecurityKey.objects.filter(user=actor.user, pk=key_id, revoked_at=None).first()
    if key is None:
        raise NotFound("You have no such security key, or it is revoked already.")
    return key


def _unused(user: User, name: str) -> None:
    if not name.strip():
        raise InvalidInput("Give the security key a name.", code="name_missing", field="name")
    if SecurityKey.objects.filter(user=user, name__iexact=name.strip(), revoked_at=None).exists():
        raise Conflict(f"You have a security key “{name.strip()}” already.", code="already_exists", field="name")
