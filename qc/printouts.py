"""What the batch record prints, as JSON that is frozen when it is requested. The template sees nothing else."""

from __future__ import annotations

from typing import Any

from labeling.models import Batch, Equipment, Lot
from labeling.printouts import printed
from labeling.selectors.balance import balance_document
from labeling.selectors.clock import database_now
from labeling.selectors.containers import container_row, containers
from labeling.selectors.history import history_of
from labeling.selectors.instrument_rows import instrument_rows
from labeling.selectors.stock import lot_document
from qc.selectors import Assessment, assess, blockers_of, document_with_tests


def batch_record(batch: Batch, *, gate: Assessment, document: str) -> dict[str, Any]:
    """The context of `records/batch_record.html`: the batch as it is now, and the gate as the decision found it."""
    after = assess(batch)
    signature = batch.disposition_signature
    lots = Lot.objects.filter(entries__batch=batch).distinct().order_by("number")
    used = {entry.equipment_id for entry in after.facts.entries if entry.equipment_id is not None}
    instruments = Equipment.objects.filter(pk__in=used).order_by("code")
    materials = lots.select_related("received_by", "received_on", "disposition_signature")
    now = database_now()
    return {
        "batch": document_with_tests(after),
        "document": {"number": document},
        "gate": {
            "decision_possible": gate.evaluation.decision_possible,
            "blockers": blockers_of(gate),
        },
        "decision": {
            "status": batch.status,
            "reason": signature.reason if signature else "",
            "by": {"username": signature.username, "full_name": signature.full_name} if signature else None,
        },
        "materials": [lot_document(lot) for lot in materials],
        "instruments": instrument_rows(list(instruments)),
        "balance": balance_document(after.facts),
        "containers": [container_row(row, at=now) for row in containers(batch=batch.number).order_by("pk")],
        "history": history_of(batch.number),
        "printed": printed(),
    }
