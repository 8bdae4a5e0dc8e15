"""What else was read on an instrument beside the entries of batches: lots on arrival, containers, typed test results.

Each is multiplied like an entry: what was typed is what the instrument showed. What names no instrument is counted, so
that whoever signs knows what stays as it is.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db.models import Q, QuerySet

from labeling.domain.display import display
from labeling.domain.instruments import factor_of
from labeling.domain.quantities import parse_value
from labeling.domain.units import unit
from labeling.models import Batch, Container, ContainerEvent, Entry, Lot, RestatedReading, Restatement
from lims.errors import InvalidInput

Json = dict[str, Any]
MOST_NAMED = 10
DOSE_CALIBRATOR = "dose_calibrator"


def factor_for(restatement: Restatement, *, setting: str = "") -> Decimal:
    """What a reading taken at `setting` is multiplied by; blank where it does not say its own."""
    used = setting or restatement.setting_used
    return factor_of(factor=restatement.factor, used=used, correct=restatement.setting_correct)


def scaled(text: str, factor: Decimal) -> str:
    """A typed number, or the bound `<0.05`, multiplied; what is below a reading's bound moves with it."""
    value = parse_value(text, field="value")
    return f"{value.bound.value}{value.number * factor}"


def restated_lots(restatement: Restatement) -> list[Lot]:
    """Lots whose activity was read on that instrument when they came."""
    return [lot for lot in _lots(restatement) if lot.received_on_id == restatement.equipment_id]


def restated_events(restatement: Restatement) -> QuerySet[ContainerEvent]:
    """What counts today of the contents read in containers by themselves. Those of a batch follow its entries."""
    return _events(restatement).filter(equipment=restatement.equipment).select_related("source", "target")


def batches_with_typed_results(restatement: Restatement) -> QuerySet[Batch]:
    named = {f"test_results__{name}": value for name, value in _typed(restatement).items()}
    return _of_nuclide(Batch.objects.filter(**named), restatement, "protocol_version__nuclide")


def typed_results_of(batch: Batch, restatement: Restatement) -> dict[str, Any]:
    """By test, the result that counts, was typed as a number, and names that instrument in that period."""
    if restatement.nuclide not in ("", batch.protocol_version.nuclide):
        return {}
    rows = batch.test_results.filter(**_typed(restatement)).order_by("id")
    return {row.test: row for row in rows if _is_number(row.value)}


def container_of(event: ContainerEvent) -> Container:
    """The container whose content was read: where something came in that one, else the one it went out of."""
    found = event.target or event.source
    assert found is not None  # by the table's own check
    return found


def event_row(event: ContainerEvent, restatement: Restatement) -> Json:
    """A container's reading before and after. Its ledger goes on from what was recorded."""
    factor, row = factor_for(restatement), container_of(event)
    value, u = Decimal(event.activity or "0"), Decimal(event.u) if event.u else None
    before = _activity(value, u)
    after = _activity(value * factor, None if u is None else u * factor)
    after["worked"] = f"{before['value']} MBq × {factor:f}"
    return {
        "kind": "container",
        "id": row.pk,
        "subject": row.code,
        "title": f"{event.get_kind_display()}, container {row.code}",
        "at": event.measured_at.isoformat(),
        "unit": "MBq",
        "limit": None,
        "before": before,
        "after": after,
        "moved": factor != 1,
        "verdict_moved": False,
    }


def left_out(restatement: Restatement) -> list[Json]:
    """What in that period might have been read on the instrument and does not say so, by what it is."""
    if restatement.equipment.kind != DOSE_CALIBRATOR:
        entries, results, lots, events = 0, _unnamed_results(restatement), 0, 0
    else:
        entries, results = _unnamed_entries(restatement), _unnamed_results(restatement)
        lots = sum(lot.received_on_id is None for lot in _lots(restatement))
        events = _unnamed_events(restatement).count()
    counted = (
        ("entries", entries, "value", "values", "of batches"),
        ("test_results", results, "test result", "test results", "typed as numbers"),
        ("lots", lots, "arrival reading", "arrival readings", "of lots"),
        ("containers", events, "reading", "readings", "of containers"),
    )
    unnamed = [
        {"what": what, "count": n, "detail": _sentence(n, one if n == 1 else many, of)}
        for what, n, one, many, of in counted
        if n
    ]
    return [*unnamed, *_from_raw_data(restatement)]


def _from_raw_data(restatement: Restatement) -> list[Json]:
    """Results that were computed from raw data: which of the raw data the instrument gave is not recorded."""
    rows = _of_nuclide(
        Batch.objects.filter(test_results__equipment=restatement.equipment, **_computed(restatement)),
        restatement,
        "protocol_version__nuclide",
    )
    named = [f"{test} of {number}" for number, test in rows.order_by("pk").values_list("number", "test_results__test")]
    if not named:
        return []
    more = f" and {len(named) - MOST_NAMED} more" if named[MOST_NAMED:] else ""
    results, name, are = ("result", "names", "is") if len(named) == 1 else ("results", "name", "are")
    said = (
        f"{len(named)} test {results} computed from raw data {name} {restatement.equipment.code} and {are} not "
        f"restated: {', '.join(named[:MOST_NAMED])}{more}. Quality assesses what the new factor does to the raw data."
    )
    return [{"what": "computed_results", "count": len(named), "detail": said}]


def _computed(restatement: Restatement) -> dict[str, object]:
    return {
        "test_results__measured_at__gte": restatement.since,
        "test_results__measured_at__lt": restatement.until,
        "test_results__formula__gt": "",
        "test_results__investigation": None,
        "test_results__corrected_by": None,
    }


def settings_unsaid(restatement: Restatement) -> bool:
    """Whether any of these readings does not say at which dial setting it was taken."""
    lots = any(not (lot.received or {}).get("setting") for lot in restated_lots(restatement))
    return lots or restated_events(restatement).exists() or batches_with_typed_results(restatement).exists()


def restated_of(rows: QuerySet[RestatedReading]) -> list[Json]:
    """What was restated of a lot or a container, oldest first, as pages, prints and REST show it."""
    return [
        {
            **row.reading,
            "restatement": row.restatement_id,
            "equipment": row.restatement.equipment.code,
            "factor": row.restatement.factor,
            "certificate": row.restatement.certificate,
            "by": row.restatement.signature.full_name,
            "signed_at": row.restatement.signature.at.isoformat(),
            "event": row.event_id,
        }
        for row in rows.select_related("restatement__equipment", "restatement__signature").order_by("id")
    ]


def _sentence(count: int, noun: str, of: str) -> str:
    verb, are = ("names", "is") if count == 1 else ("name", "are")
    return f"{count} {noun} {of} {verb} no instrument and {are} not restated."


def _activity(value: Decimal, u: Decimal | None) -> Json:
    """In MBq, without the zeros that bringing it there has added."""
    number, spread = f"{value.normalize():f}", None if u is None else f"{u.normalize():f}"
    return {"value": number, "u": spread, "display": display(number, spread, "MBq"), "verdict": "none"}


def _lots(restatement: Restatement) -> Iterable[Lot]:
    """Those with a reading of the period, whatever it was read on. Its instant is in the reading, with its zone."""
    rows = Lot.objects.filter(received__isnull=False).select_related("received_on").order_by("id")
    for lot in _of_nuclide(rows, restatement, "nuclide"):
        at = datetime.fromisoformat(str((lot.received or {})["at"]))
        if restatement.since <= at < restatement.until:
            yield lot


def _events(restatement: Restatement) -> QuerySet[ContainerEvent]:
    rows = ContainerEvent.objects.filter(
        measured_at__gte=restatement.since,
        measured_at__lt=restatement.until,
        corrected_by=None,
        batch=None,
        activity__isnull=False,
    ).order_by("id")
    if not restatement.nuclide:
        return rows
    return rows.filter(target__nuclide=restatement.nuclide) | rows.filter(
        target=None, source__nuclide=restatement.nuclide
    )


def _unnamed_events(restatement: Restatement) -> QuerySet[ContainerEvent]:
    """What was typed; the first content of a lot's container is counted with the lot."""
    of_lots = Q(kind=ContainerEvent.Kind.OPENING, target__lot__isnull=False)
    return _events(restatement).filter(equipment=None).exclude(typed="").exclude(of_lots)


def _typed(restatement: Restatement) -> dict[str, object]:
    return {
        "equipment": restatement.equipment,
        "measured_at__gte": restatement.since,
        "measured_at__lt": restatement.until,
        "formula": "",
        "investigation": None,
    }


def _unnamed_entries(restatement: Restatement) -> int:
    rows = Entry.objects.filter(
        equipment=None, measured_at__gte=restatement.since, measured_at__lt=restatement.until, corrected_by=None
    ).exclude(unit="")
    units = _of_nuclide(rows, restatement, "batch__protocol_version__nuclide").values_list("unit", flat=True)
    return sum(_is_activity(symbol) for symbol in units)


def _unnamed_results(restatement: Restatement) -> int:
    """Numbers only; of a dose calibrator those of an activity, of another kind those of anything."""
    named = {f"test_results__{name}": value for name, value in {**_typed(restatement), "equipment": None}.items()}
    rows = _of_nuclide(Batch.objects.filter(**named), restatement, "protocol_version__nuclide")
    found = rows.values_list("test_results__value", "test_results__unit")
    activities_only = restatement.equipment.kind == DOSE_CALIBRATOR
    return sum(_is_number(value) and (not activities_only or _is_activity(symbol)) for value, symbol in found)


def _of_nuclide(rows: QuerySet[Any], restatement: Restatement, column: str) -> QuerySet[Any]:
    return rows.filter(**{column: restatement.nuclide}) if restatement.nuclide else rows


def _is_activity(symbol: str) -> bool:
    return bool(symbol) and bool(unit(symbol).dimension.power_of("activity"))


def _is_number(text: str) -> bool:
    """A number or a bound such as “<0.05”; not “clear”."""
    try:
        parse_value(text, field="value")
    except InvalidInput:
        return False
    return True
