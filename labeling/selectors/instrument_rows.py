"""Instruments as REST, the pages and the printed record show them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from labeling.models import Calibration, CalibrationCertificate, Equipment, EquipmentCheck
from labeling.selectors.instruments import (
    DAILY,
    Condition,
    conditions,
    faults_of,
    newest_period,
    periods_in_force,
)
from labeling.selectors.stock import instruments
from lims.errors import NotFound

Json = dict[str, Any]


def find_instrument(code: str) -> Equipment:
    equipment = instruments().filter(code=code).first()
    if equipment is None:
        raise NotFound(f"There is no instrument {code} in the register.")
    return equipment


def instrument_rows(equipment: Sequence[Equipment]) -> list[Json]:
    """Instruments with their condition now, as REST, the pages and the printed record show them."""
    known = conditions(equipment)
    return [_row(known[row.pk]) for row in equipment]


def instrument_row(equipment: Equipment) -> Json:
    return instrument_rows([equipment])[0]


def calibration_row(period: Calibration) -> Json:
    kept = getattr(period, "certificate_kept", None)
    return {
        "id": period.pk,
        "relative_u_percent": period.relative_u_percent,
        "repeatability_percent": period.repeatability_percent or None,
        "factor": period.factor,
        "nuclide": period.nuclide or None,
        "setting": period.setting or None,
        "geometry": period.geometry or None,
        "valid_from": period.valid_from.isoformat(),
        "valid_until": period.valid_until.isoformat() if period.valid_until else None,
        "certificate": period.certificate,
        "certificate_sha256": period.certificate_sha256 or None,
        "certificate_file": calibration_file_row(kept) if kept else None,
        "traceability": period.traceability or None,
    }


def calibration_file_row(kept: CalibrationCertificate) -> Json:
    return {"name": kept.name, "content_type": kept.content_type, "size": kept.size, "sha256": kept.file_id}


def check_row(check: EquipmentCheck) -> Json:
    return {
        "kind": check.kind,
        "at": check.at.isoformat(),
        "outcome": check.outcome,
        "state": check.state or None,
        "deviation_percent": check.deviation_percent or None,
        "note": check.note,
        "late": check.late,
        "reason": check.reason,
        "recorded_at": check.recorded_at.isoformat(),
        "clock_offset_seconds": check.clock_offset_seconds,
        "clock_is_off": check.clock_is_off,
    }


def _row(condition: Condition) -> Json:
    equipment, rules, newest = condition.equipment, condition.rules, newest_period(condition)
    daily = [check for kind, check in condition.newest.items() if kind in DAILY]
    last = max(daily, key=lambda check: (check.at, check.pk), default=None)
    faults = faults_of(condition)
    return {
        "code": equipment.code,
        "kind": equipment.kind,
        "name": equipment.name,
        "serial": equipment.serial,
        "maker": equipment.maker,
        "model": equipment.model,
        "location": equipment.location,
        "registered_at": equipment.registered_at.isoformat(),
        "in_service": condition.in_service,
        "in_order": not faults,
        "faults": [{"code": fault.code, "detail": fault.text} for fault in faults],
        "checked_today": condition.checked_today,
        "last_check": check_row(last) if last else None,
        "due": [
            {"kind": due.kind, "at": due.at.isoformat() if due.at else None, "state": due.state}
            for due in condition.dues
        ],
        "daily_source": rules.daily_source.code if rules.daily_source else None,
        "intervals_days": {
            kind: getattr(rules, f"{kind}_days") for kind in ("calibration", "linearity", "accuracy", "service")
        },
        "limits_percent": {
            "constancy_warning": rules.constancy_warning_percent,
            "constancy_action": rules.constancy_action_percent,
            "linearity": rules.linearity_percent,
            "accuracy": rules.accuracy_percent,
        },
        "limits_are_defaults": rules.pk is None,
        "calibration": calibration_row(newest) if newest else None,
        "calibrations": [calibration_row(period) for period in periods_in_force(condition, None)],
    }
