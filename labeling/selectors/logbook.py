"""The log book of an instrument: everything that was done with it, newest first, whatever table it stands in."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from labeling.domain.display import display_recorded
from labeling.domain.quantities import parse_instant
from labeling.models import CheckSource, Entry, Equipment, EquipmentCheck
from labeling.selectors.instrument_rows import calibration_row, check_row
from lims.errors import InvalidInput, NotFound

Json = dict[str, Any]
PAGE = 40
TREND = 60
TABLES = ("registered", "calibration", "check", "status", "rules", "reading", "restatement")


@dataclass(frozen=True, slots=True)
class Newest:
    """Where a page ended. Several rows may share an instant, so table and row belong to it."""

    at: datetime
    table: int
    pk: int

    @classmethod
    def read(cls, text: str) -> Newest | None:
        if not text:
            return None
        try:
            at, table, pk = text.split("~")
            return cls(parse_instant(at, field="before"), int(table), int(pk))
        except (ValueError, InvalidInput):
            raise NotFound("This cursor names no page; begin at the first one.") from None

    def __str__(self) -> str:
        return f"{self.at.isoformat()}~{self.table}~{self.pk}"

    @property
    def key(self) -> tuple[datetime, int, int]:
        return self.at, self.table, self.pk


def logbook(equipment: Equipment, *, before: Newest | None = None) -> tuple[list[Json], str | None]:
    """A page of the log, and the cursor of the next one. One query for each table, each no longer than the page."""
    found = [
        (Newest(row["_at"], table, row.pop("_pk")), row)
        for table, rows in enumerate(_tables(equipment, before))
        for row in rows
    ]
    found = [(place, row) for place, row in found if before is None or place.key < before.key]
    found.sort(key=lambda item: item[0].key, reverse=True)
    page = found[:PAGE]
    for place, row in page:
        row.update(at=place.at.isoformat(), what=TABLES[place.table])
        del row["_at"]
    return [row for _, row in page], str(page[-1][0]) if len(found) > PAGE else None


def source_row(source: CheckSource) -> Json:
    return {
        "code": source.code,
        "nuclide": source.nuclide,
        "activity": source.activity,
        "unit": source.unit,
        "relative_u_percent": source.relative_u_percent or None,
        "reference_at": source.reference_at.isoformat(),
        "certificate": source.certificate,
        "certificate_sha256": source.certificate_sha256 or None,
        "registered_by": {"username": source.registered_by.username, "full_name": source.registered_by.full_name},
    }


def check_document(check: EquipmentCheck) -> Json:
    """A check with its evidence: the points, the worked lines and what it was judged by."""
    return {
        "id": check.pk,
        "equipment": check.equipment.code,
        **check_row(check),
        "source": check.source.code if check.source else None,
        "evidence": check.evidence,
    }


def _tables(equipment: Equipment, before: Newest | None) -> Iterable[list[Json]]:
    yield [_log(equipment, equipment.registered_at, equipment.registered_by, {})]
    yield [
        _log(p, p.recorded_at, p.recorded_by, {"calibration": calibration_row(p)})
        for p in _some(equipment.calibrations, before, "recorded_at", "recorded_by")
    ]
    yield [
        _log(
            c,
            c.at,
            c.recorded_by,
            {
                "check": {
                    **check_row(c),
                    "kind_label": c.get_kind_display(),
                    "source": c.source.code if c.source else None,
                    "read": read_of(c),
                }
            },
        )
        for c in _some(equipment.checks, before, "at", "recorded_by", "source")
    ]
    yield [
        _log(s, s.recorded_at, s.signature.signer, {"in_service": s.in_service, "reason": s.signature.reason})
        for s in _some(equipment.statuses, before, "recorded_at", "signature__signer")
    ]
    yield [
        _log(r, r.recorded_at, r.signature.signer, {"reason": r.signature.reason})
        for r in _some(equipment.rules, before, "recorded_at", "signature__signer")
    ]
    readings = Entry.objects.filter(equipment=equipment)
    yield [
        _log(e, e.measured_at, e.recorded_by, _reading(e))
        for e in _some(readings, before, "measured_at", "recorded_by", "batch__protocol_version")
    ]
    yield [
        _log(
            r,
            r.recorded_at,
            r.signature.signer,
            {"restatement": r.pk, "batches": len(r.batches), "reason": r.signature.reason},
        )
        for r in _some(equipment.restatements, before, "recorded_at", "signature__signer")
    ]


def _some(rows: Any, before: Newest | None, column: str, *related: str) -> Any:
    """The newest of a table up to where the page before ended."""
    if before is not None:
        rows = rows.filter(**{f"{column}__lte": before.at})
    return rows.select_related(*related).order_by(f"-{column}", "-pk")[: PAGE + 1]


def _log(row: Any, at: datetime, by: Any, told: Json) -> Json:
    return {"_at": at, "_pk": row.pk, "by": {"username": by.username, "full_name": by.full_name}, **told}


def _reading(entry: Entry) -> Json:
    return {
        "batch": entry.batch.number,
        "field": entry.reference,
        "label": entry.batch.protocol_version.document.field(entry.step, entry.field).label,
        "value": display_recorded(entry.value, entry.unit),
        "setting": entry.setting or None,
        "geometry": entry.geometry or None,
    }


def read_of(check: EquipmentCheck) -> Json | None:
    """What a constancy check read, and what was expected and taken off; nothing of checks that read no source."""
    if check.kind != EquipmentCheck.Kind.CONSTANCY or not check.evidence.get("points"):
        return None
    return {**check.evidence["points"][0], "background": check.evidence.get("background", "")}


def trend_of(equipment: Equipment) -> Json:
    """The newest constancy readings, oldest first, in % of what was expected, and the limits they are judged by now."""
    rows = list(equipment.checks.filter(kind=EquipmentCheck.Kind.CONSTANCY).order_by("-at", "-pk")[:TREND])
    points = [
        {"at": check.at, "percent": check.evidence["points"][0]["percent_of_expected"], "state": check.state}
        for check in reversed(rows)
    ]
    newest = rows[0].evidence if rows else {}
    return {
        "points": points,
        "limit": newest.get("limit_percent", ""),
        "warning": newest.get("warning_percent", ""),
    }
