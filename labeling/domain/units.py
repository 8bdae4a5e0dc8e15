"""Units as people in the laboratory write them: a closed list of spellings, each defined through `pint`.

The registry is built from the definitions below and nothing else, so that activity, count rate, cells, endotoxin and pH
are kinds of their own: 5 MBq can never be mistaken for 5e6 counts per second, as it can in the SI.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from functools import cache
from typing import Any

import pint

from lims.errors import InvalidInput

DEFINITIONS = """
milli- = 1e-3 = m-
micro- = 1e-6 = u-
nano- = 1e-9 = n-
pico- = 1e-12 = p-
centi- = 1e-2 = c-
hecto- = 1e2 = h-
kilo- = 1e3 = k-
mega- = 1e6 = M-
giga- = 1e9 = G-
tera- = 1e12 = T-
second = [time] = s
minute = 60 * second = min
hour = 3600 * second = h
day = 86400 * second = d
becquerel = [activity] = Bq
curie = 3.7e10 * becquerel = Ci
gram = [mass] = g
litre = [volume] = L
mole = [substance] = mol
cell = [cells]
million_cells = 1e6 * cell
endotoxin_unit = [endotoxin] = EU
pascal = [pressure] = Pa
bar = 1e5 * pascal
psi = 6894.757293168361 * pascal
metre = [length] = m
kelvin = [temperature]; offset: 0 = K
degree_Celsius = kelvin; offset: 273.15 = degC
pH_unit = [ph]
sievert = [dose] = Sv
osmole = [osmoles] = Osm
gravity = [centrifugal_force]
volt = [voltage] = V
one = []
percent = 0.01 * one
"""


@dataclass(frozen=True, slots=True)
class Dimension:
    """What kind of quantity: powers of the independent kinds, such as activity per volume."""

    powers: frozenset[tuple[str, Fraction]] = frozenset()

    def __mul__(self, other: Dimension) -> Dimension:
        powers = dict(self.powers)
        for kind, power in other.powers:
            powers[kind] = powers.get(kind, Fraction(0)) + power
        return Dimension(frozenset((kind, power) for kind, power in powers.items() if power))

    def __pow__(self, exponent: Fraction | int) -> Dimension:
        return Dimension(frozenset((kind, power * exponent) for kind, power in self.powers if exponent))

    def __truediv__(self, other: Dimension) -> Dimension:
        return self * other**-1

    def power_of(self, kind: str) -> Fraction:
        return dict(self.powers).get(kind, Fraction(0))

    def __str__(self) -> str:
        if not self.powers:
            return "a plain number"
        if self in NAMED:
            return NAMED[self]
        above = [_power(kind, power) for kind, power in sorted(self.powers) if power > 0]
        below = [_power(kind, -power) for kind, power in sorted(self.powers) if power < 0]
        return " × ".join(above or ["1"]) + "".join(f" per {kind}" for kind in below)


def _power(kind: str, power: Fraction) -> str:
    return kind if power == 1 else f"{kind}^{power}"


@dataclass(frozen=True, slots=True)
class Unit:
    """One unit under its usual symbol; `factor` brings a value to the canonical unit of its dimension (Bq, s, L, g)."""

    symbol: str
    dimension: Dimension
    factor: Decimal
    offset: Decimal = Decimal(0)

    def to_canonical(self, value: Decimal) -> Decimal:
        return value * self.factor + self.offset

    def from_canonical(self, value: Decimal) -> Decimal:
        return (value - self.offset) / self.factor


# One group per dimension: symbol, the same in pint's words, and other spellings of it. Case matters: mBq is not MBq.
SPELLINGS: dict[str, tuple[tuple[str, str, tuple[str, ...]], ...]] = {
    "a plain number": (
        ("1", "one", ("", "counts", "count", "cts")),
        ("%", "percent", ("percent",)),
        ("ppm", "1e-6 * one", ()),
    ),
    "activity": tuple(
        (symbol, symbol, ()) for symbol in ("Bq", "mBq", "kBq", "MBq", "GBq", "TBq", "nCi", "uCi", "mCi", "Ci")
    ),
    "activity concentration": tuple(
        (f"{activity}/{volume}", f"{activity}/{volume}", ())
        for activity in ("Bq", "kBq", "MBq", "GBq", "uCi", "mCi")
        for volume in ("mL", "uL", "L")
    ),
    "activity per cell": (
        ("kBq/10^6 cells", "kBq/million_cells", ("kBq/1e6 cells", "kBq/million cells")),
        ("MBq/10^6 cells", "MBq/million_cells", ("MBq/1e6 cells", "MBq/million cells")),
        ("Bq/10^6 cells", "Bq/million_cells", ("Bq/1e6 cells", "Bq/million cells")),
        ("uCi/10^6 cells", "uCi/million_cells", ("uCi/1e6 cells", "uCi/million cells")),
        ("mBq/cell", "mBq/cell", ()),
        ("Bq/cell", "Bq/cell", ()),
        ("kBq/cell", "kBq/cell", ()),
    ),
    "activity per mass": tuple(
        (f"{activity}/{mass}", f"{activity}/{mass}", ())
        for activity in ("kBq", "MBq", "GBq", "mCi")
        for mass in ("ug", "mg", "g")
    ),
    "molar activity": tuple(
        (f"{activity}/{amount}", f"{activity}/{amount}", ())
        for activity in ("Bq", "kBq", "MBq", "GBq", "TBq", "mCi", "Ci")
        for amount in ("nmol", "umol", "mmol", "mol")
    ),
    "mass": tuple((symbol, symbol, ()) for symbol in ("pg", "ng", "ug", "mg", "g", "kg")),
    "volume": (("nL", "nL", ()), ("uL", "uL", ("ul",)), ("mL", "mL", ("ml",)), ("L", "L", ("l",))),
    "amount of substance": tuple((symbol, symbol, ()) for symbol in ("pmol", "nmol", "umol", "mmol", "mol")),
    "molar mass": (("g/mol", "g/mol", ()), ("kg/mol", "kg/mol", ())),
    "mass concentration": tuple(
        (f"{mass}/{volume}", f"{mass}/{volume}", ()) for mass in ("ng", "ug", "mg", "g") for volume in ("mL", "uL", "L")
    ),
    "molar concentration": (
        ("mol/L", "mol/L", ("M",)),
        ("mmol/L", "mmol/L", ("mM",)),
        ("umol/L", "umol/L", ("uM",)),
        ("nmol/L", "nmol/L", ("nM",)),
    ),
    "cells": (
        ("cells", "cell", ("cell",)),
        ("10^6 cells", "million_cells", ("1e6 cells", "million cells", "x10^6 cells")),
    ),
    "cell concentration": (
        ("cells/mL", "cell/mL", ()),
        ("cells/uL", "cell/uL", ()),
        ("10^6 cells/mL", "million_cells/mL", ("1e6 cells/mL", "million cells/mL", "10^6/mL")),
    ),
    "endotoxin": (("EU", "EU", ()),),
    "endotoxin concentration": (("EU/mL", "EU/mL", ()),),
    "endotoxin per mass": (("EU/kg", "EU/kg", ()), ("EU/mg", "EU/mg", ())),
    "time": (
        ("s", "s", ("sec",)),
        ("ms", "ms", ()),
        ("min", "min", ()),
        ("h", "h", ("hr",)),
        ("d", "d", ("day", "days")),
    ),
    "count rate": (
        ("1/s", "1/s", ("cps", "counts/s", "s^-1")),
        ("1/min", "1/min", ("cpm", "counts/min", "min^-1")),
        ("1/h", "1/h", ("h^-1",)),
    ),
    "pressure": (
        ("psi", "psi", ()),
        ("bar", "bar", ()),
        ("mbar", "millibar", ()),
        ("Pa", "Pa", ()),
        ("hPa", "hPa", ()),
        ("kPa", "kPa", ()),
        ("MPa", "MPa", ()),
    ),
    "temperature": (("degC", "degC", ()), ("K", "K", ())),
    "counts per length": (("1/mm", "1/mm", ("counts/mm",)), ("1/cm", "1/cm", ())),
    "length": (("um", "um", ()), ("mm", "mm", ()), ("cm", "cm", ()), ("m", "m", ())),
    "pH": (("pH", "pH_unit", ()),),
    "dose": (("uSv", "uSv", ()), ("mSv", "mSv", ())),
    "dose rate": (("uSv/h", "uSv/h", ()), ("mSv/h", "mSv/h", ())),
    "osmolality": (("mOsm/kg", "milliosmole/kg", ("mosm/kg", "mOsmol/kg")),),
    "relative centrifugal force": (("x g", "gravity", ("xg",)),),
    "voltage": (("V", "volt", ()), ("mV", "millivolt", ()), ("kV", "kilovolt", ())),
}

# Other ways to write the same characters, none of which changes the meaning.
CHARACTERS = str.maketrans({"µ": "u", "μ": "u", "⁶": "^6", "×": "x", "·": " ", "\u00a0": " ", "\u202f": " "})


def unit(spelling: str | None, *, field: str = "unit") -> Unit:
    """The unit that a spelling stands for; what is not in the list is refused, never guessed."""
    text = " ".join((spelling or "").translate(CHARACTERS).replace("°C", "degC").split())
    known = units().get(text)
    if known is None:
        near = [symbol for symbol in units() if symbol and symbol.lower() == text.lower()]
        near = near or difflib.get_close_matches(text[:60], units(), n=2, cutoff=0.6)
        hint = f" Did you mean {' or '.join(near)}?" if near else ""
        raise InvalidInput(
            f"{field}: the unit {quoted(spelling)} is not known.{hint}",
            code="unknown_unit",
            field=field,
            value=spelling,
        )
    return known


def quoted(text: object) -> str:
    """What was typed, as a message repeats it: not more of it than a person would read."""
    typed = str(text)
    return f'"{typed}"' if len(typed) <= 60 else f'"{typed[:60]}…"'


@cache
def units() -> dict[str, Unit]:
    """Every accepted spelling with its unit."""
    return dict(_defined())


def convert(value: Decimal, from_unit: str, to_unit: str) -> Decimal:
    """A value brought from one unit to another of the same dimension."""
    source, target = unit(from_unit, field="from_unit"), unit(to_unit, field="to_unit")
    if source == target:
        return value
    if source.dimension != target.dimension:
        raise wrong_unit(source, target.dimension, field="unit")
    return target.from_canonical(source.to_canonical(value))


def wrong_unit(given: Unit, expected: Dimension, *, field: str) -> InvalidInput:
    return InvalidInput(
        f"{field}: {given.symbol} is a unit of {given.dimension}, and {expected} is wanted here.",
        code="wrong_unit",
        field=field,
        unit=given.symbol,
    )


def _defined() -> Iterator[tuple[str, Unit]]:
    registry: Any = pint.UnitRegistry(None, non_int_type=Decimal)
    registry.load_definitions(DEFINITIONS.strip().splitlines())
    for group in SPELLINGS.values():
        for symbol, words, others in group:
            defined = _define(registry, symbol, words)
            for spelling in (symbol, *others):
                yield spelling, defined


def _define(registry: Any, symbol: str, words: str) -> Unit:
    if words in ("degC", "K"):  # an offset scale cannot be multiplied: pint converts two points of it
        zero, one = (registry.Quantity(Decimal(point), words).to("degC").magnitude for point in (0, 1))
        return Unit(symbol, _dimension(registry, words), factor=one - zero, offset=zero)
    quantity = registry.parse_expression(words)
    if not hasattr(quantity, "to_root_units"):
        return Unit(symbol, Dimension(), factor=Decimal(quantity))
    canonical = (1 * quantity).to_root_units()
    return Unit(symbol, _dimension(registry, words), factor=Decimal(canonical.magnitude))


def _dimension(registry: Any, words: str) -> Dimension:
    powers = registry.get_dimensionality(registry.parse_units(words)) if "*" not in words else {}
    return Dimension(frozenset((kind.strip("[]"), Fraction(power)) for kind, power in dict(powers).items()))


def dimension_of(symbol: str) -> Dimension:
    return unit(symbol).dimension


@cache
def _names() -> dict[Dimension, str]:
    return {units()[group[0][0]].dimension: name for name, group in SPELLINGS.items()}


NAMED = _names()
