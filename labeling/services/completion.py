"""Complete a batch: everything recorded, checked and signed by who did the work. Hold it, and take it up again."""

from __future__ import annotations

from labeling.domain.lifecycle import Action
from labeling.domain.training import Task
from labeling.models import Batch
from labeling.selectors.facts import completion_manifest, facts_of, what_is_missing
from labeling.services.batch_balance import open_where_unbalanced
from labeling.services.lifecycle import advance, lock_batch, refuse_stale
from labeling.services.recording import refuse_unless_in_progress
from labeling.services.training import require_training_for
from lims.accounts.actors import Actor
from lims.accounts.attestation import Credential, attest
from lims.accounts.roles import Permission, require
from lims.audit.operations import operation
from lims.errors import Conflict, InvalidInput
from lims.signatures.meanings import Meaning
from lims.signatures.signing import sign


def complete_batch(*, actor: Actor, number: str, credential: Credential, revision: int | None = None) -> Batch:
    """Into quarantine. Raises Conflict with every value, timer and verification that is still missing."""
    attestation = attest(actor, credential, purpose="batch.complete")
    attestation.require(Permission.MAKE_BATCH)
    require_training_for(attestation.actor, number, Task.MAKE, doing="batch.complete")
    with operation(actor=attestation.actor, action="batch.complete", subject=number) as op:
        batch = lock_batch(number)
        refuse_stale(op, batch, revision)
        refuse_unless_in_progress(batch)
        facts = facts_of(batch)
        missing = what_is_missing(facts)
        if missing:
            raise Conflict(
                f"{number} cannot be completed: {len(missing)} "
                + ("thing is" if len(missing) == 1 else "things are")
                + f" missing. {' '.join(item['detail'] for item in missing[:3])}",
                code="incomplete",
                errors=missing,
            )
        signature = sign(
            op,
            attestation,
            meaning=Meaning.PERFORMED,
            permission=Permission.MAKE_BATCH,
            covers=f"batch {number}",
            manifest=completion_manifest(facts),
        )
        open_where_unbalanced(op, facts)
        return advance(op, batch, Action.COMPLETE, signature=signature)


def hold_batch(*, actor: Actor, number: str, reason: str, revision: int | None = None) -> Batch:
    """Stop a batch in quarantine from being released, with the reason, until it is taken up again."""
    return _move(actor, number, reason, Action.HOLD, revision)


def resume_batch(*, actor: Actor, number: str, reason: str, revision: int | None = None) -> Batch:
    return _move(actor, number, reason, Action.RESUME, revision)


def _move(actor: Actor, number: str, reason: str, action: Action, revision: int | None) -> Batch:
    require(actor.user, Permission.HOLD_BATCH)
    if not reason.strip():
        raise InvalidInput("Give the reason.", code="reason_missing", field="reason")
    with operation(actor=actor, action=f"batch.{action}", subject=number, reason=reason) as op:
        batch = lock_batch(number)
        refuse_stale(op, batch, revision)
        return advance(op, batch, action)
