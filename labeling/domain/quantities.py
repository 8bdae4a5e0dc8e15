"""What people type: numbers, bounds and instants. What could mean two things is refused with the name of the field."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum

from labeling.domain.magnitudes import magnitude_warning
from labeling.domain.units import convert, quoted, unit
from lims.errors import InvalidInput

__all__ = ["Bound", "Value", "convert", "magnitude_warning", "parse_instant", "parse_number", "parse_value", "unit"]

SPACES = "\u0020\u00a0\u2009\u202f"  # people paste thin and no-break spaces between groups of three digits
NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,3})?")
GROUPED = re.compile(rf"[+-]?[0-9]{{1,3}}([{SPACES}][0-9]{{3}})+(\.[0-9]+)?")
WITH_COMMA = re.compile(r"[+-]?[\d\s.]*\d,\d[\d\s.,]*([eE][+-]?\d+)?")
NOT_FINITE = re.compile(r"[+-]?(s?nan|inf|infinity)", re.IGNORECASE)
BOUND = re.compile(r"(<=|>=|<|>|≤|≥)\s*(.*)", re.DOTALL)
LONGEST = 60
EXAMPLE = "2026-03-02T08:00:00+01:00"
LARGEST_EXPONENT = 60  # nothing in a laboratory is larger than 1e60 or, but for zero, smaller than 1e-60


class Bound(StrEnum):
    """What a result such as `<0.05` says: the value lies on one side of the number."""

    NONE = ""
    BELOW = "<"
    AT_MOST = "<="
    ABOVE = ">"
    AT_LEAST = ">="

    @property
    def is_upper(self) -> bool:
        return self in (Bound.BELOW, Bound.AT_MOST)

    @property
    def includes_edge(self) -> bool:
        return self in (Bound.AT_MOST, Bound.AT_LEAST)


@dataclass(frozen=True, slots=True)
class Value:
    """A number with the decimals it was typed with, or a bound on it."""

    number: Decimal
    bound: Bound = Bound.NONE

    def __str__(self) -> str:
        return f"{self.bound}{self.number}"


def parse_number(text: object, *, field: str) -> Decimal:
    """A number as people type it: `1.5e6`, `1 500`, `12.0`. A comma, two points, NaN and infinity are refused."""
    if isinstance(text, bool) or not isinstance(text, str | int | float | Decimal):
        raise InvalidInput(f"{field}: a number is wanted here.", code="not_a_number", field=field)
    if isinstance(text, int) and abs(text) >= 10**LARGEST_EXPONENT:
        raise _not_a_number("this", field, "lies beyond anything that can be measured")
    typed = str(text).strip().replace("\u2212", "-")
    if not typed:
        raise InvalidInput(f"{field}: the value is missing.", code="missing_value", field=field)
    if WITH_COMMA.fullmatch(typed):
        raise _ambiguous(typed, field, "a comma can separate decimals or thousands. Write a decimal point")
    if NOT_FINITE.fullmatch(typed):
        raise _not_a_number(typed, field, "is not a measured value")
    grouped = GROUPED.fullmatch(typed)
    if not grouped and re.fullmatch(rf"[+-]?\d+([{SPACES}]+[\d.]+)+", typed):
        raise _ambiguous(typed, field, "spaces may only separate groups of three digits")
    if len(typed) > LONGEST or not (grouped or (NUMBER.fullmatch(typed) and typed.isascii())):
        raise _not_a_number(typed, field, "is not a number")
    number = Decimal(re.sub(rf"[{SPACES}]", "", typed))
    if number and abs(number.adjusted()) > LARGEST_EXPONENT:
        raise _not_a_number(typed, field, "lies beyond anything that can be measured")
    return number


def parse_value(text: object, *, field: str) -> Value:
    """A number, or a bound on one: `<0.05`, `<=0.05`, `>90`, `>=90`."""
    match = BOUND.fullmatch(text.strip()) if isinstance(text, str) else None
    if match is None:
        return Value(parse_number(text, field=field))
    bound = Bound(match[1].replace("≤", "<=").replace("≥", ">="))
    return Value(parse_number(match[2], field=field), bound)


def parse_instant(text: object, *, field: str = "at") -> datetime:
    """An instant in ISO 8601 with its offset: a time of day without one means another instant in every zone."""
    if text is None or text == "":
        raise InvalidInput(f"{field}: the time is missing.", code="missing_value", field=field)
    if not isinstance(text, str | datetime):
        raise InvalidInput(f"{field}: a time such as {EXAMPLE} is wanted here.", code="not_a_time", field=field)
    try:
        instant = text if isinstance(text, datetime) else datetime.fromisoformat(text.strip())
    except ValueError:
        raise InvalidInput(
            f"{field}: {quoted(text)} is not a time. Write it as {EXAMPLE}.", code="not_a_time", field=field
        ) from None
    if instant.utcoffset() is None:
        raise InvalidInput(
            f"{field}: {quoted(text)} has no offset from UTC. Write it as {EXAMPLE}.", code="naive_time", field=field
        )
    if not 1900 <= instant.year <= 2200:
        raise InvalidInput(f"{field}: the year of {quoted(text)} cannot be right.", code="not_a_time", field=field)
    return instant


def seconds_between(earlier: datetime, later: datetime) -> float:
    """Elapsed seconds, negative where `later` lies before: between instants, so that no clock change can count."""
    return (later.astimezone(UTC) - earlier.astimezone(UTC)).total_seconds()


def parse_nonnegative(text: object, *, field: str) -> Decimal:
    number = parse_number(text, field=field)
    if number < 0:
        raise InvalidInput(f"{field}: {text} is negative, which cannot be.", code="negative_value", field=field)
    return number


def _ambiguous(typed: str, field: str, why: str) -> InvalidInput:
    return InvalidInput(
        f"{field}: {quoted(typed)} is ambiguous, {why}.", code="ambiguous_number", field=field, value=typed
    )


def _not_a_number(typed: str, field: str, why: str) -> InvalidInput:
    return InvalidInput(f"{field}: {quoted(typed)} {why}.", code="not_a_number", field=field, value=typed)
