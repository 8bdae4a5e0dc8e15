"""Lots and instruments: what is there, and whether it may be used."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, time, timedelta

from django.db.models import QuerySet
from django.utils import timezone

from labeling.models import Calibration, Equipment, EquipmentCheck, Lot
from lims.signatures.manifestation import signature_or_none


def passed_check_on_day_of(equipment: Equipment, at: datetime) -> bool:
    """Whether the newest check of the instrument on the site's calendar day of `at` was passed. No check is no pass."""
    day = timezone.localtime(at).date()
    zone = timezone.get_current_timezone()
    start = datetime.combine(day, time(), tzinfo=zone)
    end = datetime.combine(day + timedelta(days=1), time(), tzinfo=zone)
    newest = equipment.checks.filter(at__gte=start, at__lt=end).order_by("-at", "-id").first()
    return newest is not None and newest.outcome == EquipmentCheck.Outcome.PASS


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


def instrument_rows(equipment: Sequence[Equipment]) -> list[dict[str, object]]:
    """Instruments with their newest check and calibration: two queries, however many there are."""
    checks = EquipmentCheck.objects.filter(equipment__in=equipment).order_by("equipment_id", "-at", "-id")
    periods = Calibration.objects.filter(equipment__in=equipment).order_by("equipment_id", "-valid_from", "-id")
    newest_check = {check.equipment_id: check for check in checks.distinct("equipment_id")}
    newest_period = {period.equipment_id: period for period in periods.distinct("equipment_id")}
    return [_instrument(row, newest_check.get(row.pk), newest_period.get(row.pk)) for row in equipment]


def instrument_row(equipment: Equipment) -> dict[str, object]:
    return instrument_rows([equipment])[0]


def _instrument(equipment: Equipment, check: EquipmentCheck | None, period: Calibration | None) -> dict[str, object]:
    # No check lies in the future, so the newest of all is the newest of today, if there is one today.
    today = check is not None and timezone.localdate(check.at) == timezone.localdate()
    return {
        "code": equipment.code,
        "kind": equipment.kind,
        "name": equipment.name,
        "serial": equipment.serial,
        "registered_at": equipment.registered_at.isoformat(),
        "checked_today": check is not None and today and check.outcome == EquipmentCheck.Outcome.PASS,
        "last_check": _check_row(check) if check else None,
        "calibration": {
            "relative_u_percent": period.relative_u_percent,
            "repeatability_percent": period.repeatability_percent or None,
            "valid_from": period.valid_from.isoformat(),
            "certificate": period.certificate,
        }
        if period
        else None,
    }


def _check_row(check: EquipmentCheck) -> dict[str, object]:
    return {
        "at": check.at.isoformat(),
        "outcome": check.outcome,
        "note": check.note,
        "clock_offset_seconds": check.clock_offset_seconds,
        "clock_is_off": check.clock_is_off,
    }
