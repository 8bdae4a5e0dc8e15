"""The magnitude guard: a value whose unit has slipped, mBq for MBq or mCi for MBq, is asked about, never changed."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from labeling.domain.units import convert, unit

# Factors that a wrong prefix or an old unit leaves behind, and how far apart that is in words.
SLIPS = (
    (Decimal(10) ** 9, "a thousand million", "a thousand million"),
    (Decimal(10) ** 6, "a million", "a million"),
    (Decimal(37000), "37 000", "a factor of 37 000"),
    (Decimal(10) ** 3, "a thousand", "a thousand"),
    (Decimal(37), "37", "a factor of 37"),
)
NEAR = Decimal(3)  # a value within this factor of what is expected, or of the range, is taken as meant
SMALLEST_SHARE = Decimal(100_000)  # a range that begins at zero still has a size: less than this share of it is a slip


@dataclass(frozen=True, slots=True)
class _Usual:
    minimum: Decimal | None
    maximum: Decimal | None
    expected: Decimal | None

    @property
    def is_known(self) -> bool:
        return self.expected is not None or bool(self.minimum) or self.maximum is not None

    def holds(self, value: Decimal, *, slack: Decimal = Decimal(1)) -> bool:
        if self.expected is not None and self.expected > 0:
            return self.expected / NEAR <= value <= self.expected * NEAR
        if self.maximum is None:
            floor = self.minimum or Decimal(0)
            return floor / slack <= value <= floor * 1000
        floor = self.minimum if self.minimum is not None and self.minimum > 0 else self.maximum / SMALLEST_SHARE
        return floor / slack <= value <= self.maximum * slack


def magnitude_warning(
    value: Decimal,
    unit_symbol: str,
    *,
    field_unit: str,
    minimum: Decimal | None = None,
    maximum: Decimal | None = None,
    expected: Decimal | None = None,
) -> str | None:
    """A sentence where a value looks as if its unit had slipped, else None.

    `minimum`, `maximum` and `expected` are in the field's unit. Only a value that a slip would bring to where it is
    expected is warned about: merely unusual values are the business of the field's range.
    """
    usual = _Usual(minimum, maximum, expected)
    in_field = convert(value, unit_symbol, field_unit)
    if in_field <= 0 or not usual.is_known or usual.holds(in_field, slack=NEAR):
        return None
    for factor, times, apart in SLIPS:
        for meant, direction in ((in_field * factor, "less"), (in_field / factor, "more")):
            if usual.holds(meant):
                typed, wanted = unit(unit_symbol).symbol, unit(field_unit).symbol
                if typed != wanted and meant == value:
                    return f"{value} {typed} and {value} {wanted} are {apart} apart: is the unit right?"
                return (
                    f"{value} {typed} is {times} times {direction} than {_plain(meant)} {wanted}, which would be usual"
                    " here: are the value and its unit right?"
                )
    return None


def _plain(value: Decimal) -> str:
    return f"{float(value):.4g}".replace("e+0", "e").replace("e+", "e")
