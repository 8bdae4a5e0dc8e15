"""What was typed for a field, as the value that is kept: the one place that knows the field types."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from labeling.domain.field_types import SIGNED_TYPES
from labeling.domain.magnitudes import magnitude_warning
from labeling.domain.protocol import Field, Protocol
from labeling.domain.quantities import parse_nonnegative, parse_number
from labeling.domain.units import convert, unit
from labeling.models import Batch, Lot
from labeling.services.materials import IDENTITY_MISMATCH, usable_batch, usable_lot
from lims.errors import InvalidInput

LONGEST_U = 40
IMPLIED_UNITS = {"1", "pH"}  # a pure number and a pH have no other unit they could be typed in


@dataclass(frozen=True, slots=True)
class FieldValue:
    """A value as typed and as kept, and what it refers to."""

    typed: str
    value: str
    unit: str = ""
    lot: Lot | None = None
    source_batch: Batch | None = None
    out_of_range: str = ""
    warnings: tuple[str, ...] = ()


def read_value(
    field: Field, typed: str, unit_given: str, *, protocol: Protocol, batch: Batch, measured_at: datetime
) -> FieldValue:
    """The value of `field` in what was typed. Raises InvalidInput or Conflict, naming the input, otherwise."""
    typed = typed.strip()
    if not typed:
        raise InvalidInput(f"{field.label}: the value is missing.", code="missing_value", field="value")
    if field.is_quantity:
        return _numeric(field, typed, unit_given)
    if field.type == "choice" and typed not in field.options:
        raise InvalidInput(
            f"{field.label}: “{typed}” is not one of {', '.join(field.options)}.", code="unknown_choice", field="value"
        )
    if field.type == "check":
        return _check(field, typed)
    if field.type == "identity" and batch.identity and typed != batch.identity:
        raise InvalidInput(
            f"{field.label}: {typed} is not the identity of this batch. Stop and find out whose cells these are.",
            code=IDENTITY_MISMATCH,
            field="value",
        )
    if field.type == "lot":
        return _material(field, typed, protocol=protocol, batch=batch, measured_at=measured_at)
    return FieldValue(typed, typed)


def read_uncertainty(field: Field, typed: str) -> str:
    """The standard uncertainty stated with a value, in the value's unit; most readings have none of their own."""
    typed = typed.strip()
    if not typed:
        return ""
    if not field.is_quantity:
        raise InvalidInput(f"{field.label} is not measured; it has no uncertainty.", code="not_a_quantity", field="u")
    if len(typed) > LONGEST_U:
        raise InvalidInput("u: the uncertainty has too many digits.", code="too_long", field="u")
    return str(parse_nonnegative(typed, field="u"))


def _numeric(field: Field, typed: str, unit_given: str) -> FieldValue:
    parse = parse_number if field.type in SIGNED_TYPES else parse_nonnegative
    number = parse(typed, field="value")
    if not field.unit:
        return FieldValue(typed, str(number), "", out_of_range=_range_fault(field, number, typed, ""))
    unit_given = unit_given.strip() or (field.unit if field.unit in IMPLIED_UNITS else "")
    if not unit_given:
        raise InvalidInput(
            f"{field.label}: give the unit of {typed}, for example {field.unit}.", code="unit_missing", field="unit"
        )
    spelled = unit(unit_given, field="unit").symbol
    in_field_unit = convert(number, spelled, field.unit)
    warning = magnitude_warning(
        number, spelled, field_unit=field.unit, minimum=_decimal(field.min), maximum=_decimal(field.max)
    )
    return FieldValue(
        typed,
        str(number),
        spelled,
        out_of_range=_range_fault(field, in_field_unit, typed, spelled),
        warnings=(warning,) if warning else (),
    )


def _range_fault(field: Field, in_field_unit: Decimal, typed: str, spelled: str) -> str:
    """A sentence where the value lies outside the field's range: it is kept, and a deviation opens."""
    lower, upper = _decimal(field.min), _decimal(field.max)
    if (lower is None or in_field_unit >= lower) and (upper is None or in_field_unit <= upper):
        return ""
    unit_text = f" {field.unit}" if field.unit else ""
    limits = f"at least {field.min}" if upper is None else f"at most {field.max}" if lower is None else None
    limits = limits or f"{field.min} to {field.max}"
    return f"{field.label}: {typed} {spelled}".strip() + f" lies outside its range, {limits}{unit_text}."


def _check(field: Field, typed: str) -> FieldValue:
    if typed.lower() not in {"true", "yes", "1", "on"}:
        raise InvalidInput(
            f"{field.label}: a check is recorded when it is met. While it is not, the step waits.",
            code="check_not_met",
            field="value",
        )
    return FieldValue(typed, "true")


def _material(field: Field, typed: str, *, protocol: Protocol, batch: Batch, measured_at: datetime) -> FieldValue:
    material = protocol.material(field.material or "")
    if material is None:
        raise InvalidInput(
            f"{field.label}: the protocol names no material for it.", code="wrong_material", field="value"
        )
    if material.kind == "batch":
        return FieldValue(typed, typed, source_batch=usable_batch(typed, material=material, at=measured_at))
    lot = usable_lot(typed, material=material, at=measured_at, identity=batch.identity)
    return FieldValue(typed, typed, lot=lot)


def _decimal(limit: str | None) -> Decimal | None:
    return Decimal(limit) if limit is not None else None
