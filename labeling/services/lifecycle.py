"""The only writer of a batch's status."""

from __future__ import annotations

from labeling.domain.lifecycle import RULES, Action, BatchStatus, target_of
from labeling.models import Batch
from lims.audit.models import Operation
from lims.errors import IllegalTransition, NotFound, Stale
from lims.signatures.models import Signature


def lock_batch(number: str) -> Batch:
    """The batch, locked until the operation ends. Everything that decides about a batch or adds to it comes by here."""
    batch = (
        Batch.objects.select_for_update(of=("self",))
        .select_related("protocol_version", "specification_version", "planned_by", "started_by")
        .filter(number=number)
        .first()
    )
    if batch is None:
        raise NotFound(f"There is no batch {number}.")
    return batch


def advance(op: Operation, batch: Batch, action: Action, *, signature: Signature | None = None) -> Batch:
    """Move `batch` along the table of statuses, inside `op`."""
    rule = RULES[action]
    batch.status = target_of(BatchStatus(batch.status), action)
    if rule.signed and (signature is None or signature.operation_id != op.pk):
        raise IllegalTransition(f"“{action}” needs a signature given with it.")
    changed = ["status"]
    if action is Action.COMPLETE:
        batch.completion_signature = signature
        changed += ["completion_signature"]
    if action in (Action.RELEASE, Action.REJECT):
        batch.disposition_signature, batch.disposed_by = signature, op.actor
        changed += ["disposition_signature", "disposed_by"]
    batch.save(update_fields=changed)
    return batch


def refuse_stale(op: Operation, batch: Batch, expected: int | None) -> None:
    """Refuse to act on an older state of the batch than the one that is there now (call it under the lock)."""
    if expected is None:
        return
    earlier = Operation.objects.filter(subject=batch.number).exclude(pk=op.pk).select_related("actor")
    current = earlier.count()
    if current == expected:
        return
    changes = [
        {"at": o.at.isoformat(), "by": o.actor.full_name, "action": o.action, "reason": o.reason}
        for o in earlier.order_by("id")[max(expected, 0) :]
    ]
    people = ", ".join(sorted({str(change["by"]) for change in changes})) or "somebody"
    raise Stale(
        f"{batch.number} has changed since this page was opened ({len(changes)} new by {people}). "
        "Look at what changed, then try again.",
        revision=current,
        changes=changes,
    )
