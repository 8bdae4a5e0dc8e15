"""An activity on its arrival: of which nuclide it is, and how far it lies from what the supplier stated."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.conf import settings

from labeling.domain.arrival import Activity, compare_arrival
from labeling.domain.display import display, display_recorded
from labeling.domain.lifecycle import VersionStatus
from labeling.domain.nuclides import nuclide as shipped_nuclide
from labeling.domain.quantities import parse_number
from labeling.domain.units import convert
from labeling.models import Calibration, Equipment, Lot, ProtocolVersion, Restatement
from labeling.selectors.nuclides import nuclide_in_use
from labeling.selectors.restated_readings import factor_for

Kept = Mapping[str, str]


def nuclide_of_lot(given: str, material: str) -> str:
    """The nuclide as stated; else the one of the effective protocols that take this material as an activity."""
    if given.strip():
        return shipped_nuclide(given.strip()).code
    versions = ProtocolVersion.objects.filter(status=VersionStatus.EFFECTIVE)
    documents = [version.document for version in versions]
    codes = {d.nuclide for d in documents for m in d.materials if m.key == material and m.kind == "radioactive"}
    return codes.pop() if len(codes) == 1 else ""


def arrival_of(
    nuclide: str, *, stated: Kept | None, received: Kept | None, instrument: Equipment | None
) -> dict[str, object] | None:
    """The comparison as it is kept with the lot; None where something to compare is missing."""
    if not nuclide or not stated or not received:
        return None
    in_use = nuclide_in_use(nuclide)
    compared = compare_arrival(
        stated=_activity(stated),
        measured=_activity(received, instrument),
        nuclide=in_use,
        limit_percent=str(settings.ARRIVAL_LIMIT_PERCENT),
    )
    if compared is None:
        return None
    return {**asdict(compared), "worked": list(compared.worked), "nuclide": nuclide, "source": in_use.source}


def restated_arrival(lot: Lot, restatement: Restatement) -> dict[str, Any]:
    """The activity read on arrival and its difference from what was stated, before and after."""
    received: dict[str, str] = dict(lot.received or {})
    factor = factor_for(restatement, setting=received.get("setting", ""))
    restated = received | {"value": str(Decimal(received["value"]) * factor)}
    if received.get("u"):
        restated["u"] = str(Decimal(received["u"]) * factor)
    found = arrival_of(lot.nuclide, stated=lot.stated, received=restated, instrument=lot.received_on)
    was, comes = (
        display_recorded(received["value"], received["unit"]),
        display(restated["value"], None, restated["unit"]),
    )
    before, after = _judged(was, received, lot.arrival), _judged(comes, restated, found)
    after["worked"] = f"{received['value']} {received['unit']} × {factor:f}"
    return {
        "kind": "lot",
        "id": lot.pk,
        "subject": lot.number,
        "title": f"Arrival of lot {lot.number}",
        "at": received["at"],
        "unit": "%",
        "limit": {"min": f"-{found['limit_percent']}", "max": found["limit_percent"]} if found else None,
        "before": before,
        "after": after,
        "moved": factor != 1,
        "verdict_moved": before["verdict"] != after["verdict"],
    }


def _judged(shown: str, reading: Kept, arrival: Mapping[str, Any] | None) -> dict[str, Any]:
    difference = display(arrival["difference_percent"], arrival["u_percent"], "%") if arrival is not None else ""
    return {
        "value": reading["value"],
        "u": reading.get("u"),
        "display": shown,
        "detail": f"{difference} off the statement" if difference else "",
        "verdict": arrival["verdict"] if arrival is not None else "none",
    }


def _activity(reading: Kept, instrument: Equipment | None = None) -> Activity:
    at = datetime.fromisoformat(reading["at"])
    value = convert(parse_number(reading["value"], field="value"), reading["unit"], "MBq")
    u = convert(Decimal(reading["u"]), reading["unit"], "MBq") if reading.get("u") else None
    period = _calibration(instrument, at)
    if u is None and period is not None and period.repeatability_percent:
        u = value * Decimal(period.repeatability_percent) / 100
    factor_u = float(Decimal(period.relative_u_percent)) / 100 if period is not None else None
    return Activity(float(value), at, None if u is None else float(u), factor_u)


def _calibration(instrument: Equipment | None, at: datetime) -> Calibration | None:
    if instrument is None:
        return None
    periods = Calibration.objects.filter(equipment=instrument, valid_from__lte=at)
    return periods.order_by("-valid_from", "-id").first()
