"""The cleared line, the refused scans and the handing over of a batch, as its document shows them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db.models import Q, QuerySet

from labeling.domain.display import display
from labeling.domain.lifecycle import BatchStatus
from labeling.models import Batch, Container, ContainerEvent, Dispatch, LineClearance, Scan
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
    rows = Dispatch.objects.filter(batch=facts.batch).select_related("signature", "vessel", "event").order_by("id")
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
            "handed_over": _handed_over(row),
            "at": row.at.isoformat(),
            "signed": _signed(row.signature),
        }
        for row in rows
    ]


def product_gone() -> Q:
    """Of handing overs: those after which nothing of the product is left here."""
    return Q(whole=True) & (Q(vessel=None) | Q(vessel__product=True))


def dispatched_at(batch: Batch) -> datetime | None:
    """When the last of a released product was handed over; None while some of it is here."""
    if batch.status != BatchStatus.RELEASED:
        return None
    return Dispatch.objects.filter(product_gone(), batch=batch).values_list("at", flat=True).first()


def expected_on_container(batch: Batch) -> str:
    """What the label of the container carries: the identity of the cells, else the number of the batch."""
    return batch.identity or batch.number


def product_containers(batch: Batch) -> QuerySet[Container]:
    """What holds the product of a batch: its own container, and those that were filled from it outside any batch."""
    drawn = ContainerEvent.objects.filter(
        source__batch=batch,
        source__product=True,
        target__batch=None,
        corrected_by=None,
        kind__in=("transfer", "residue"),
    )
    filled = Q(pk__in=drawn.values("target"), kind__in=("vial", "syringe", "suspension"))
    return Container.objects.filter(Q(batch=batch, product=True) | filled).order_by("pk")


def _handed_over(sent: Dispatch) -> Json:
    """From which container, and how much of it; None where that was not kept."""
    event = sent.event
    return {
        "from_container": sent.vessel.code if sent.vessel else None,
        "container_id": sent.vessel_id,
        "whole": sent.whole,
        "activity": _amount(event.activity, event.u, "MBq") if event and event.activity else None,
        "volume": _amount(event.volume, None, "mL") if event and event.volume else None,
    }


def _amount(value: str, u: str | None, unit: str) -> Json:
    return {"value": value, "unit": unit, "u": u, "display": display(value, u, unit)}


def _signed(signature: Signature | None) -> Json | None:
    if signature is None:
        return None
    return {"username": signature.username, "full_name": signature.full_name, "at": signature.at.isoformat()}
