"""Lots and instruments: what is there."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from django.db.models import F, Q, QuerySet

from labeling.domain.stock import amount_text
from labeling.models import Equipment, Lot, LotCertificate, PackageSurvey, Withdrawal
from labeling.selectors.restated_readings import restated_of
from lims.errors import NotFound
from lims.signatures.manifestation import signature_or_none

USED_UP = Q(quantity__isnull=False, taken=F("quantity"))
MOST_WITHDRAWALS = 200


def lots(
    *, number: str = "", status: str = "", material: str = "", identity: str = "", kind: str = ""
) -> QuerySet[Lot]:
    asked = {"number": number, "status": status, "material": material, "identity": identity, "kind": kind}
    joined = ("received_by", "received_on", "disposition_signature", "container__decay_storage")
    rows = Lot.objects.select_related(*joined).order_by("-pk")
    return rows.filter(**{name: value for name, value in asked.items() if value})


def usable_lots(*, at: datetime, identity: str = "") -> QuerySet[Lot]:
    """Lots that may be used at this instant, the first to expire first: accepted, not expired, not used up.

    With an identity, those that carry none or the same one.
    """
    rows = Lot.objects.filter(status=Lot.Status.ACCEPTED, expires_at__gt=at).exclude(USED_UP)
    rows = rows.filter(identity__in=("", identity)) if identity else rows
    return rows.order_by("expires_at", "pk")


def expiring_lots(within: timedelta, *, at: datetime) -> QuerySet[Lot]:
    """What is usable at `at` and will not be after `within`, the first to expire first."""
    return usable_lots(at=at).filter(expires_at__lte=at + within)


@dataclass(frozen=True, slots=True)
class StockFilter:
    """What is asked of the stock list. `state` is a status, `in_stock` (not rejected, expired or used up) or `gone`."""

    state: str = ""
    number: str = ""
    material: str = ""
    kind: str = ""
    within: timedelta | None = None

    def rows(self, *, at: datetime) -> QuerySet[Lot]:
        rows = lots(
            status=self.state if self.state in Lot.Status.values else "",
            material=self.material,
            kind=self.kind,
        ).order_by("expires_at", "pk")
        gone = Q(status=Lot.Status.REJECTED) | Q(expires_at__lte=at) | USED_UP
        if self.state == "in_stock":
            rows = rows.exclude(gone)
        elif self.state == "gone":
            rows = rows.filter(gone)
        if self.number:
            rows = rows.filter(number__icontains=self.number)
        return rows.filter(expires_at__gt=at, expires_at__lte=at + self.within) if self.within else rows


def instruments() -> QuerySet[Equipment]:
    return Equipment.objects.select_related("registered_by").order_by("code")


def find_lot(lot_id: int) -> Lot:
    lot = lots().filter(pk=lot_id).first()
    if lot is None:
        raise NotFound("There is no such lot.")
    return lot


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
        "supplier": lot.supplier,
        "order_number": lot.order_number,
        "chemical_form": lot.chemical_form,
        "nuclide": lot.nuclide or None,
        "arrival": lot.arrival,
        "quantity": _amount(lot.quantity, lot.quantity_unit),
        "left": _amount(lot.left, lot.quantity_unit),
        "received_by": {"username": lot.received_by.username, "full_name": lot.received_by.full_name},
        "recorded_at": lot.recorded_at.isoformat(),
        "decided_by": lot.disposition_signature.full_name if lot.disposition_signature else None,
        "decided_at": lot.disposition_signature.at.isoformat() if lot.disposition_signature else None,
        "decision": signature_or_none(lot.disposition_signature),
    }


def _amount(value: Decimal | None, unit: str) -> dict[str, str] | None:
    return None if value is None else {"value": amount_text(value), "unit": unit}


def certificate_row(certificate: LotCertificate) -> dict[str, object]:
    return {
        "id": certificate.pk,
        "number": certificate.number,
        "issuer": certificate.issuer,
        "name": certificate.name,
        "content_type": certificate.content_type,
        "size": certificate.size,
        "sha256": certificate.file_id,
        "recorded_by": certificate.recorded_by.full_name,
        "recorded_at": certificate.recorded_at.isoformat(),
    }


def survey_row(survey: PackageSurvey) -> dict[str, object]:
    return {
        "id": survey.pk,
        "surface": survey.surface,
        "one_meter": survey.one_meter,
        "wipe": survey.wipe,
        "wipe_label": survey.get_wipe_display(),
        "wipe_reading": survey.wipe_reading,
        "condition": survey.condition,
        "condition_label": survey.get_condition_display(),
        "note": survey.note,
        "equipment": survey.equipment.code if survey.equipment else None,
        "at": survey.surveyed_at.isoformat(),
        "surveyed_by": survey.surveyed_by.full_name,
    }


def withdrawal_row(withdrawal: Withdrawal) -> dict[str, object]:
    """Negative amounts were given back by a correction."""
    entry = withdrawal.entry
    return {
        "id": withdrawal.pk,
        "amount": {"value": amount_text(withdrawal.amount), "unit": withdrawal.lot.quantity_unit},
        "batch": entry.batch.number if entry else None,
        "step": entry.step if entry else None,
        "reason": withdrawal.reason,
        "recorded_by": withdrawal.recorded_by.full_name,
        "recorded_at": withdrawal.recorded_at.isoformat(),
    }


def lot_document(lot: Lot) -> dict[str, object]:
    """A lot with all that came with it and all that left it, the newest first."""
    withdrawals = lot.withdrawals.select_related("recorded_by", "entry__batch", "lot").order_by("-pk")
    return {
        **lot_row(lot),
        "certificates": [certificate_row(c) for c in lot.certificates.select_related("recorded_by").order_by("-pk")],
        "surveys": [survey_row(s) for s in lot.surveys.select_related("surveyed_by", "equipment").order_by("-pk")],
        "restated": restated_of(lot.restated.all()),
        "withdrawals": [withdrawal_row(w) for w in withdrawals[:MOST_WITHDRAWALS]],
    }
