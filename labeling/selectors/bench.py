"""The cleared line, the refused scans and the handing over of a batch, as its document shows them."""

from __future__ import annotations

from typing import Any

from labeling.domain.lifecycle import BatchStatus
from labeling.models import Dispatch, LineClearance, Scan
from labeling.selectors.facts import BatchFacts
from lims.signatures.models import Signature

Json = dict[str, Any]


def scan_row(scan: Scan) -> Json:
    return {
        "id": scan.pk,
        "step": scan.step,
        "field": scan.field,
        "scanned": scan.scanned,
        "expected": scan.expected,
        "matched": scan.outcome == Scan.Outcome.MATCHED,
        "outcome": scan.outcome,
        "says": scan.says,
        "at": scan.measured_at.isoformat(),
        "recorded_at": scan.recorded_at.isoformat(),
        "recorded_by": {"username": scan.recorded_by.username, "full_name": scan.recorded_by.full_name},
    }


def clearance_of(facts: BatchFacts) -> Json | None:
    """The line clearance that the protocol asks for, with its signatures; None where it asks for none."""
    asked = facts.protocol.line_clearance
    if asked is None:
        return None
    parts = {
        row.part: row.signature for row in LineClearance.objects.filter(batch=facts.batch).select_related("signature")
    }
    cleared, verified = parts.get(LineClearance.Part.CLEARED), parts.get(LineClearance.Part.VERIFIED)
    return {
        "text": asked.text,
        "verified_by_second_person": asked.verified_by_second_person,
        "cleared": _signed(cleared),
        "verified": _signed(verified),
        "is_clear": cleared is not None and (verified is not None or not asked.verified_by_second_person),
    }


def dispatches_of(facts: BatchFacts) -> list[Json]:
    """What was handed over of a released batch."""
    if facts.batch.status != BatchStatus.RELEASED:
        return []
    rows = Dispatch.objects.filter(batch=facts.batch).select_related("signature").order_by("id")
    return [
        {
            "id": row.pk,
            "recipient": row.recipient,
            "address": row.address,
            "phone": row.phone,
            "carrier": row.carrier,
            "quantity": row.quantity,
            "container": row.container,
            "scanned": row.scanned,
            "at": row.at.isoformat(),
            "signed": _signed(row.signature),
        }
        for row in rows
    ]


def _signed(signature: Signature | None) -> Json | None:
    if signature is None:
        return None
    return {"username": signature.username, "full_name": signature.full_name, "at": signature.at.isoformat()}
