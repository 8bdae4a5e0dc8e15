"""Calculations as a person would write them down, so that a reviewer can follow them with a pocket calculator."""

from __future__ import annotations

from datetime import datetime

from labeling.domain.display import display_unit, power_of_ten
from labeling.domain.measurements import Quantity, Reading, in_unit
from labeling.domain.nuclides import Nuclide
from labeling.domain.uncertainty import Number, contributions, nominal, standard_uncertainty
from labeling.domain.units import Unit

NEGLIGIBLE = 1e-6  # a contribution this much smaller than the largest changes no digit that is shown


def number(value: Number, digits: int = 9) -> str:
    """Enough digits to check the next line with, and a real minus."""
    text = f"{nominal(value):.{digits}g}"
    mantissa, _, exponent = text.partition("e")
    text = f"{mantissa} × {power_of_ten(int(exponent))}" if exponent else text
    return text.replace("-", "−", 1) if text.startswith("-") else text


def amount(value: Number, unit: Unit) -> str:
    """A canonical amount, said in a unit."""
    return f"{number(in_unit(value, unit))}{suffix(unit)}"


def suffix(unit: Unit) -> str:
    symbol = display_unit(unit.symbol)
    if not symbol:
        return ""
    return f" × {symbol}" if symbol.startswith("10") else f" {symbol}"


def said(quantity: Quantity) -> str:
    """A quantity as it was given, with its instant where it has one."""
    value = quantity.typed or number(quantity.in_unit(quantity.unit))
    at = f" at {instant(quantity.at)}" if isinstance(quantity, Reading) else ""
    return f"{quantity.name} = {value}{suffix(quantity.unit)}{at}"


def instant(at: datetime) -> str:
    clock = at.strftime("%Y-%m-%d %H:%M:%S" if at.second or at.microsecond else "%Y-%m-%d %H:%M")
    offset = at.strftime("%z")
    return f"{clock} {offset[:3]}:{offset[3:5]}"


def hours(seconds: float) -> str:
    text = f"{number(seconds / 3600)} h"
    return f"({text})" if seconds < 0 else text


def later(seconds: float) -> str:
    return f"{number(abs(seconds) / 3600)} h {'earlier' if seconds < 0 else 'later'}"


def half_life(nuclide: Nuclide) -> str:
    in_hours = "" if nuclide.unit == "h" else f" = {number(nominal(nuclide.half_life) / 3600)} h"
    return f"T({nuclide.code}) = {nuclide.stated}{in_hours}, {nuclide.source}"


def in_hours(seconds: Number) -> str:
    return f"{number(nominal(seconds) / 3600)} h"


def ratio(part: Number, whole: Number, unit: Unit) -> str:
    """`part / whole`, both canonical, said in one unit."""
    return f"{amount(part, unit)} / {amount(whole, unit)}"


def percent(share: Number) -> str:
    return f"{number(share * 100)} %"


def budget(name: str, value: Number, unit: Unit) -> str:
    """The standard uncertainty as the root of the sum of the squares of what contributes to it."""
    stated = in_unit(value, unit)
    parts = contributions(stated)
    largest = max(parts.values())
    parts = {source: part for source, part in parts.items() if part >= NEGLIGIBLE * largest}
    total = f"{number(standard_uncertainty(stated), 4)}{suffix(unit)}, from {', '.join(parts)}"
    if len(parts) == 1:
        return f"u({name}) = {total}"
    squares = " + ".join(_square(number(part, 4)) for part in parts.values())
    return f"u({name}) = √({squares}) = {total}"


def _square(text: str) -> str:
    return f"({text})²" if "×" in text else f"{text}²"
