"""A further record of a batch: what came after the decision is frozen beside the records that are there already."""

from __future__ import annotations

from labeling.domain.lifecycle import BatchStatus
from labeling.services.lifecycle import lock_batch
from lims.accounts.actors import Actor
from lims.accounts.roles import Permission, require
from lims.audit.operations import operation
from lims.errors import Conflict, InvalidInput
from lims.records.models import Document
from lims.records.services import request_document
from qc.printouts import batch_record
from qc.selectors import assess

SHORTEST_REASON = 3


def request_record(*, actor: Actor, number: str, reason: str) -> Document:
    """Freeze the batch as it stands now as its next record; those before it remain as they are.

    Raises Conflict for a batch without a decision: its first record is made by that.
    """
    require(actor.user, Permission.ISSUE_PRINT)
    reason = reason.strip()
    if len(reason) < SHORTEST_REASON:
        raise InvalidInput("Say why a new record is made.", code="reason_missing", field="reason")
    with operation(actor=actor, action="document.request", subject=number, reason=reason) as op:
        batch = lock_batch(number)  # nothing is added to it while it is read
        earlier = Document.objects.filter(kind=Document.Kind.BATCH_RECORD, subject=number).defer("pdf")
        first = earlier.order_by("id").first()
        if first is None or batch.status not in (BatchStatus.RELEASED, BatchStatus.REJECTED):
            raise Conflict(
                f"{number} is {BatchStatus(batch.status).label.lower()}. Its first record is made and sealed when it "
                "is released or rejected.",
                code="not_decided",
            )
        name = f"{number}/{earlier.count() + 1}"
        context = batch_record(batch, gate=assess(batch), document=name)
        again = {"of": first.number, "reason": reason, "by": op.actor.full_name}
        return request_document(
            op,
            kind=Document.Kind.BATCH_RECORD,
            number=name,
            title=f"Batch record {number}",
            template="records/batch_record.html",
            # What stood against the decision is what it found, not what is asked of a batch today.
            context={**context, "gate": first.context["gate"], "again": again},
            subject=number,
        )
