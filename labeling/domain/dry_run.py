"""A protocol calculated from example entries, before anything is made by it: nothing of it is kept."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from labeling.domain.evaluation import ComputedResult, Recorded, evaluate, expiry
from labeling.domain.field_types import SIGNED_TYPES
from labeling.domain.nuclides import Nuclide
from labeling.domain.protocol import Field, Protocol
from labeling.domain.quantities import parse_instant, parse_nonnegative, parse_number
from labeling.domain.result_definitions import in_order
from labeling.domain.units import convert
from lims.errors import DomainError, InvalidInput

BETWEEN_READINGS = timedelta(minutes=5)
WIDE = Decimal(10)  # a range over more than this factor has its example in the middle of its logarithm
REMAINDER = Decimal("0.03")  # of the maximum, where a range begins at 0: residues and washes are remainders
# Examples where a protocol states no range, in the field's unit where that is listed, else of its type.
USUAL = {
    "activity": "20",
    "counts": "10000",
    "mass": "1",
    "volume": "2",
    "concentration": "10",
    "ph": "7",
    "temperature": "22",
    "duration": "10",
    "cells": "2.5e7",
    "number": "1",
}


@dataclass(frozen=True, slots=True)
class Example:
    """One entry of a dry run, as a person types it."""

    step: str
    field: str
    value: str
    unit: str = ""
    at: datetime | str | None = None

    @property
    def name(self) -> str:
        return f"{self.step}.{self.field}"


@dataclass(frozen=True, slots=True)
class Refused:
    """An entry that a batch would refuse too: its `step.field`, which part of it, and why."""

    name: str
    part: str
    detail: str


@dataclass(frozen=True, slots=True)
class DryRun:
    results: tuple[ComputedResult, ...]
    expires_at: datetime | None
    refused: tuple[Refused, ...]
    out_of_range: tuple[str, ...]  # `step.field` of values that would open a deviation


def needed_fields(protocol: Protocol) -> tuple[tuple[str, Field], ...]:
    """Every field that a result or the expiry stands on, as step and field, in the order of the work."""
    names = {name for result in in_order(protocol.results) for name in result.references}
    if protocol.expires is not None:
        names.add(protocol.expires.from_)
    return tuple(
        (step.key, field) for step in protocol.steps for field in step.fields if f"{step.key}.{field.key}" in names
    )


def examples(protocol: Protocol, *, begins_at: datetime) -> tuple[Example, ...]:
    """An entry for every field that is needed, read one after the other: the example of the protocol, else a plausible
    one inside its range."""
    wanted = {f"{step}.{field.key}" for step, field in needed_fields(protocol)}
    found, at = [], begins_at
    for step in protocol.steps:
        if step.timer is not None:
            at += timedelta(minutes=float(step.timer.min_minutes or step.timer.max_minutes or 0))
        for field in step.fields:
            at += BETWEEN_READINGS
            if f"{step.key}.{field.key}" in wanted:
                value = field.example or _plausible(field)
                found.append(Example(step.key, field.key, value, field.unit or "", at))
    return tuple(found)


def dry_run(protocol: Protocol, entries: Iterable[Example], *, nuclide: Nuclide) -> DryRun:
    """Every result from the entries. What a batch would refuse is refused by name, and its results wait."""
    recorded: dict[str, Recorded] = {}
    refused: list[Refused] = []
    out_of_range: list[str] = []
    for entry in entries:
        try:
            read, outside = _read(protocol, entry)
        except DomainError as refusal:
            refused.append(Refused(entry.name, str(refusal.details.get("field") or "value"), refusal.message))
            continue
        if entry.name in recorded:
            refused.append(Refused(entry.name, "value", f"{entry.name} is given twice."))
            continue
        recorded[entry.name] = read
        out_of_range += [entry.name] if outside else []
    results = evaluate(protocol, recorded, nuclide=nuclide)
    return DryRun(results, expiry(protocol, recorded), tuple(refused), tuple(out_of_range))


def _read(protocol: Protocol, entry: Example) -> tuple[Recorded, bool]:
    field = protocol.field(entry.step, entry.field)
    if not entry.value.strip():
        raise InvalidInput(f"{field.label}: the value is missing.", code="missing_value", field="value")
    if entry.at in (None, ""):
        raise InvalidInput(f"{field.label}: give the time of the reading.", code="missing_instant", field="at")
    at = parse_instant(entry.at, field="at")
    if not field.is_quantity:
        return Recorded(entry.step, entry.field, entry.value.strip(), None, at), False
    parse = parse_number if field.type in SIGNED_TYPES else parse_nonnegative
    number = parse(entry.value, field="value")
    written = entry.unit.strip() or (field.unit or "")
    in_field_unit = convert(number, written, field.unit or "1")
    low, high = (Decimal(limit) if limit is not None else None for limit in (field.min, field.max))
    outside = (low is not None and in_field_unit < low) or (high is not None and in_field_unit > high)
    return Recorded(entry.step, entry.field, str(number), written, at), outside


def _plausible(field: Field) -> str:
    if not field.is_quantity:
        return field.options[0] if field.options else "true" if field.type == "check" else "example"
    low, high = (Decimal(limit) if limit is not None else None for limit in (field.min, field.max))
    if low is not None and high is not None:
        if not low and field.type in ("activity", "counts"):
            return _short(high * REMAINDER)
        wide = low > 0 and high / low > WIDE
        return _short((low * high).sqrt() if wide else (low + high) / 2)
    usual = Decimal(USUAL[field.type])
    if low is not None:
        return _short(max(low * 2, usual) if low >= 0 else usual)
    return _short(min(high / 2, usual) if high is not None else usual)


def _short(number: Decimal) -> str:
    """Three digits are enough for an example."""
    text = f"{number:.3g}"
    return text.replace("e+", "e") if "e" in text else text


def by_name(refused: Iterable[Refused]) -> Mapping[str, Refused]:
    return {refusal.name: refusal for refusal in refused}
