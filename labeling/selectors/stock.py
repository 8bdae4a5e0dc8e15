"""Lots and instruments: what is there."""

from __future__ import annotations

from django.db.models import QuerySet

from labeling.models import Equipment, Lot
from lims.signatures.manifestation import signature_or_none


def lots(*, number: str = "", status: str = "", material: str = "", identity: str = "") -> QuerySet[Lot]:
    asked = {"number": number, "status": status, "material": material, "identity": identity}
    rows = Lot.objects.select_related("received_by", "received_on", "disposition_signature").order_by("-pk")
    return rows.filter(**{name: value for name, value in asked.items() if value})


def instruments() -> QuerySet[Equipment]:
    return Equipment.objects.select_related("registered_by").order_by("code")


def lot_row(lot: Lot) -> dict[str, object]:
    received = dict(lot.received) if lot.received else None
    if received and lot.received_on:
        received["equipment"] = lot.received_on.code
    return {
        "id": lot.pk,
        "number": lot.number,
        "material": lot.material,
        "kind": lot.kind,
        "name": lot.name,
        "identity": lot.identity or None,
        "status": lot.status,
        "status_label": lot.get_status_display(),
        "expires_at": lot.expires_at.isoformat(),
        "stated": lot.stated,
        "volume": lot.volume,
        "received": received,
        "received_by": {"username": lot.received_by.username, "full_name": lot.received_by.full_name},
        "recorded_at": lot.recorded_at.isoformat(),
        "decided_by": lot.disposition_signature.full_name if lot.disposition_signature else None,
        "decided_at": lot.disposition_signature.at.isoformat() if lot.disposition_signature else None,
        "decision": signature_or_none(lot.disposition_signature),
    }
