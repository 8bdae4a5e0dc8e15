"""The audit trail of one batch on paper: a sealed PDF with the same rows as CSV and JSON inside it."""

from __future__ import annotations

from typing import Any

from labeling.domain.lifecycle import BatchStatus
from labeling.models import Batch
from labeling.printouts import printed
from labeling.selectors.batch import find_batch
from labeling.selectors.exceptions import Exceptional, exceptions
from labeling.selectors.history import history_of
from labeling.services.trail_export import as_csv
from lims.accounts.actors import Actor
from lims.accounts.roles import Permission, require
from lims.audit.models import Operation
from lims.audit.operations import operation
from lims.oversight.selectors import review_row, trail_of
from lims.oversight.trail import Wanted
from lims.records.models import Document
from lims.records.services import Attached, request_document

MOST_EXCEPTIONS = 10_000


def print_trail(*, actor: Actor, number: str) -> Document:
    """Request the trail of a batch up to this act as a sealed record; the printer makes it within seconds."""
    require(actor.user, Permission.READ_AUDIT)
    batch = find_batch(number)
    with operation(actor=actor, action="audit.print", subject=batch.number) as op:
        name = f"{batch.number}/trail-{op.pk}"
        return request_document(
            op,
            kind=Document.Kind.AUDIT_TRAIL,
            number=name,
            title=f"Audit trail {batch.number}",
            template="records/audit_trail.html",
            context=_context(batch),
            subject=batch.number,
            attachments=[_csv(op, batch.number)],
        )


def _context(batch: Batch) -> dict[str, Any]:
    exceptional = exceptions(Wanted(subject=batch.number), size=MOST_EXCEPTIONS).rows
    return {
        "batch": {"number": batch.number, "status_label": BatchStatus(batch.status).label},
        "history": [act for act in history_of(batch.number) if act["action"] != "audit.print"],
        "exceptions": [{"id": act["id"], "labels": act["labels"]} for act in exceptional],
        "kinds": [kind.label for kind in Exceptional],
        "review": review_row(trail_of(batch.number)),
        "printed": printed(),
    }


def _csv(op: Operation, number: str) -> Attached:
    return Attached(
        name=f"{number}-trail.csv",
        description="Every row of the trail with old and new values, to sort and search",
        text="".join(as_csv(op, Wanted(subject=number))),
    )
