"""What people do upon their own account: choose a password, set up the second factor, accept the statement."""

from __future__ import annotations

from django.contrib.auth.hashers import make_password
from django.utils import timezone

from lims.accounts import access
from lims.accounts.actors import Actor
from lims.accounts.attestation import Credential, attest
from lims.accounts.factors import (
    Answer,
    confirmed_factor,
    make_factor,
    new_recovery_codes,
    new_secret,
    use_code,
)
from lims.accounts.models import Acceptance, Factor, Secret
from lims.accounts.passwords import choose_password
from lims.accounts.possession import CODE_WRONG, USED
from lims.accounts.sign_in import LOCKED
from lims.accounts.statement import SHA256, VERSION, has_accepted
from lims.accounts.tokens import end_every_session
from lims.audit.operations import operation
from lims.errors import Conflict, InvalidInput
from lims.people.services import check_password_rules


def change_password(*, actor: Actor, old: str, new: str) -> None:
    """Ends every session and token of its owner; the page that asked signs its own session in again."""
    user = actor.user
    if access.is_locked(user):
        raise InvalidInput(LOCKED, code="locked", field="old")
    if not user.check_password(old):
        access.failed(user, address=actor.address)
        raise InvalidInput("This is not your present password.", code="wrong_password", field="old")
    if new == old:
        raise InvalidInput("The new password is the present one; choose another.", code="same_password", field="new")
    try:
        check_password_rules(new, user)
    except InvalidInput as fault:
        raise InvalidInput(fault.message, code=fault.code, field="new") from None
    encoded = make_password(new)
    with operation(actor=actor, action="person.change_password", subject=user.username):
        choose_password(user, encoded)
        Secret.objects.filter(user=user).update(must_change=False, changed_at=timezone.now())
        end_every_session(user)


def factor_to_set_up(*, actor: Actor) -> Factor:
    """A secret that waits for its first code. Raises Conflict where there is a second factor already."""
    if confirmed_factor(actor.user) is not None:
        raise Conflict(
            "You have a second factor; an administrator has to revoke it before you set up another.",
            code="already_exists",
        )
    waiting = Factor.objects.filter(user=actor.user).first()
    if waiting is not None:
        return waiting
    with operation(actor=actor, action="person.begin_factor", subject=actor.user.username):
        return make_factor(actor.user, new_secret())


def confirm_factor(*, actor: Actor, code: str) -> list[str]:
    """The first right code makes it count (21 CFR 11.300(e)). Answers with the recovery codes, once."""
    factor = factor_to_set_up(actor=actor)
    answer = use_code(factor, code)
    if answer is not Answer.RIGHT:
        raise InvalidInput(USED if answer is Answer.USED else CODE_WRONG, code=answer, field="otp")
    with operation(actor=actor, action="person.set_up_factor", subject=actor.user.username):
        Factor.objects.filter(pk=factor.pk).update(confirmed_at=timezone.now())
        return new_recovery_codes(factor)


def accept_statement(*, actor: Actor, credential: Credential) -> Acceptance:
    """Accept the statement on signatures, with all factors: it is the first thing a person puts their name to."""
    attestation = attest(actor, credential, purpose="person.accept_statement")
    user = attestation.user
    if has_accepted(user):
        raise Conflict(f"{user.full_name} has accepted this version already.", code="already_exists")
    with operation(actor=attestation.actor, action="person.accept_statement", subject=user.username):
        return Acceptance.objects.create(
            user=user, version=VERSION, sha256=SHA256, factors="+".join(attestation.factors)
        )
