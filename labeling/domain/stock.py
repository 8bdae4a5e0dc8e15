"""Quantities of what lies on a shelf: pieces, volumes, masses. Activity decays and is no stock."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from labeling.domain.documents import Section
from labeling.domain.quantities import parse_number
from labeling.domain.units import convert, quoted, unit
from lims.errors import InvalidInput

PIECE = "piece"
STOCK_UNITS = (PIECE, "mL", "uL", "L", "g", "mg", "ug")
SPELLINGS = {"pieces": PIECE, "pcs": PIECE, "pc": PIECE}
SMALLEST = Decimal("0.000001")
LARGEST = Decimal(10) ** 12


@dataclass(frozen=True, slots=True)
class Amount:
    """More than zero of something, in one of `STOCK_UNITS`."""

    value: Decimal
    unit: str

    def __str__(self) -> str:
        return f"{amount_text(self.value)} {unit_word(self.unit, self.value)}"

    def in_unit(self, wanted: str, *, field: str = "quantity") -> Decimal:
        """The value in another unit of the same kind. Raises InvalidInput where pieces meet a volume or a mass."""
        if self.unit == wanted:
            return self.value
        if PIECE in (self.unit, wanted) or unit(self.unit).dimension != unit(wanted).dimension:
            raise InvalidInput(
                f"{field}: the stock is kept in {unit_word(wanted, Decimal(2))}, and {self} is none of that.",
                code="wrong_unit",
                field=f"{field}.unit",
            )
        return _within_reach(convert(self.value, self.unit, wanted), field=field)


def read_amount(given: Mapping[str, str], *, field: str) -> Amount:
    """`{"value", "unit"}` as somebody typed it."""
    value = parse_number(given.get("value", ""), field=f"{field}.value")
    if value <= 0:
        raise InvalidInput(f"{field}: an amount is more than zero.", code="not_positive", field=f"{field}.value")
    symbol = stock_unit(given.get("unit", ""), field=f"{field}.unit")
    if symbol == PIECE and value != value.to_integral_value():
        raise InvalidInput(f"{field}: pieces are counted whole.", code="not_whole", field=f"{field}.value")
    return Amount(_within_reach(value, field=field), symbol)


def read_consumption(field: Section, kind: str) -> Amount | None:
    """What a protocol's field says that recording its lot takes from the stock, under `consumes`."""
    section = field.section("consumes", "What is consumed")
    if section is None:
        return None
    section.only(["value", "unit"])
    if kind != "lot":
        field.fault("consumes", 'A field of type "lot", and no other, "consumes".')
        return None
    try:
        return read_amount({"value": section.text("value"), "unit": section.text("unit")}, field="consumes")
    except InvalidInput as refusal:
        field.fault("consumes", refusal.message)
        return None


def stock_unit(spelling: str, *, field: str = "unit") -> str:
    text = SPELLINGS.get(spelling.strip().lower(), spelling.strip())
    symbol = text if text == PIECE else unit(text, field=field).symbol
    if symbol not in STOCK_UNITS:
        raise InvalidInput(
            f"{field}: a stock is kept in {', '.join(STOCK_UNITS)}, not in {quoted(spelling)}.",
            code="wrong_unit",
            field=field,
        )
    return symbol


def amount_text(value: Decimal) -> str:
    """`12` and `0.25`, never `1E+1` and no zeros that only the database's six decimals bring."""
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def unit_word(symbol: str, value: Decimal) -> str:
    return symbol if symbol != PIECE or value == 1 else "pieces"


def _within_reach(value: Decimal, *, field: str) -> Decimal:
    if value >= LARGEST or value != value.quantize(SMALLEST):
        raise InvalidInput(
            f"{field}: {amount_text(value)} cannot be kept; an amount has at most twelve digits and six decimals.",
            code="too_long",
            field=f"{field}.value",
        )
    return value.quantize(SMALLEST)
