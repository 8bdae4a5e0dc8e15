"""What a formula asks for, and the reading of what it is given: each fault names the input."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import NoReturn

from labeling.domain.measurements import Moment, Quantity, Reading, measured
from labeling.domain.nuclides import Nuclide, nuclide, nuclide_with
from labeling.domain.quantities import parse_instant, parse_nonnegative, parse_number
from labeling.domain.uncertainty import Number, variable
from labeling.domain.units import Dimension, Unit, dimension_of, quoted, unit, wrong_unit
from lims.errors import InvalidInput

ACTIVITY = dimension_of("Bq")
CONCENTRATION = dimension_of("Bq/mL")
COUNT_RATE = dimension_of("1/s")
CELLS = dimension_of("cells")
TIME = dimension_of("s")
VOLUME = dimension_of("mL")
MASS = dimension_of("g")
MOLAR_MASS = dimension_of("g/mol")
PLAIN = dimension_of("1")
TEMPERATURE = dimension_of("degC")


def refuse(name: str, detail: str, *, code: str = "invalid") -> NoReturn:
    raise InvalidInput(f"{name}: {detail}", code=code, field=name)


def check_names(
    given: Mapping[str, object], *, required: Sequence[str], optional: Sequence[str], within: str = ""
) -> None:
    """Every name that is wanted and none besides: a misspelled input would otherwise be silently left out."""
    prefix = f"{within}." if within else ""
    for name in given:
        if name not in required and name not in optional:
            known = ", ".join((*required, *optional))
            refuse(f"{prefix}{name}", f"there is no input of this name; known are {known}.", code="unknown_input")
    for name in required:
        if given.get(name) is None:
            refuse(f"{prefix}{name}", "this input is missing.", code="missing_input")


@dataclass(slots=True)
class Bench:
    """What the inputs of one calculation share: the instruments they were read on, and a list of what was measured."""

    instruments: Mapping[str, Number] = field(default_factory=dict)
    measured: dict[str, list[Quantity]] = field(default_factory=dict)
    input: str = ""  # the formula's input being read, whose parts belong to it

    def note(self, quantity: Quantity) -> Quantity:
        self.measured.setdefault(self.input, []).append(quantity)
        return quantity


def calibration_factors(instruments: object) -> dict[str, Number]:
    """One factor per instrument, of value 1 and its relative uncertainty: all readings made on it share it."""
    if not isinstance(instruments, Mapping):
        refuse("instruments", 'wanted is an object such as {"DC1": {"relative_u_percent": "3.0"}}.')
    factors: dict[str, Number] = {}
    for name, calibration in instruments.items():
        within = f"instruments.{name}"
        if not isinstance(calibration, Mapping):
            refuse(within, 'wanted is an object such as {"relative_u_percent": "3.0"}.')
        check_names(calibration, required=["relative_u_percent"], optional=[], within=within)
        percent = parse_nonnegative(calibration["relative_u_percent"], field=f"{within}.relative_u_percent")
        factors[str(name)] = variable(1.0, float(percent / 100), f"calibration of {name}")
    return factors


@dataclass(frozen=True, slots=True, kw_only=True)
class Input:
    """One input of a formula. `about` is what the list of formulas says of it."""

    about: str = ""
    required: bool = True

    def read(self, given: object, name: str, bench: Bench) -> object:
        raise NotImplementedError


@dataclass(frozen=True, slots=True, kw_only=True)
class QuantityInput(Input):
    """`{"value", "unit", "u"?, "instrument"?}` in a unit of one of the dimensions.

    A `plain` input may be a bare number in its `plain` unit. A number of counts carries sqrt(N). An input that someone
    sets (a target, a limit) is not `measured`: nobody misses its uncertainty.
    """

    dimensions: tuple[Dimension, ...]
    plain: str = ""
    counts: bool = False
    measured: bool = True
    negative: tuple[Dimension, ...] = (TEMPERATURE,)  # where less than zero is a result and no mistake
    positive: bool = False
    at_wanted: bool = False

    def read(self, given: object, name: str, bench: Bench) -> Quantity:
        quantity = given if isinstance(given, Quantity) else self._parse(given, name, bench)
        if quantity.unit.dimension not in self.dimensions:
            raise wrong_unit(quantity.unit, self.dimensions[0], field=quantity.name)
        if self.at_wanted and not isinstance(quantity, Reading):
            refuse(f"{quantity.name}.at", "a reading needs the instant it was made at.", code="missing_instant")
        if self.positive and quantity.value <= 0:
            refuse(quantity.name, "the value must be greater than zero.", code="not_positive")
        return bench.note(quantity)

    def _parse(self, given: object, name: str, bench: Bench) -> Quantity:
        if not isinstance(given, Mapping):
            if not self.plain:
                refuse(name, 'wanted is a value with its unit, such as {"value": "185.0", "unit": "MBq"}.')
            given = {"value": given, "unit": self.plain}
        required = ["value", "unit", "at"] if self.at_wanted else ["value", "unit"]
        if self.at_wanted and given.get("at") is None and "value" in given:
            refuse(f"{name}.at", "a reading needs the instant it was made at.", code="missing_instant")
        check_names(given, required=required, optional=["u", "at", "instrument"], within=name)
        measured_in = unit(_text(given["unit"], f"{name}.unit"), field=f"{name}.unit")
        if measured_in.dimension not in self.dimensions:
            raise wrong_unit(measured_in, self.dimensions[0], field=name)
        number = parse_number(given["value"], field=name)
        if number < 0 and measured_in.dimension not in self.negative:
            refuse(name, f"{number} {measured_in.symbol} is negative, which cannot be.", code="negative_value")
        return self._assemble(given, name, number, measured_in, bench)

    def _assemble(
        self, given: Mapping[str, object], name: str, number: Decimal, measured_in: Unit, bench: Bench
    ) -> Quantity:
        stated = given.get("u") is not None
        u = parse_nonnegative(given["u"], field=f"{name}.u") * measured_in.factor if stated else None
        value = float(measured_in.to_canonical(number))
        spread = math.sqrt(value) if self.counts and u is None else None if u is None else float(u)
        factor = _factor(given.get("instrument"), name, bench)
        known = stated or self.counts or not self.measured
        return measured(
            name,
            variable(value, spread, name) * factor,
            measured_in,
            typed=str(given["value"]).strip(),
            unstated=() if known else (name,),
            states_u=stated or self.counts or not isinstance(factor, float),
            at=None if given.get("at") is None else parse_instant(given["at"], field=f"{name}.at"),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class InstantInput(Input):
    """A time in ISO 8601 with its offset, or the instant of a reading."""

    def read(self, given: object, name: str, bench: Bench) -> datetime:
        if isinstance(given, Reading | Moment):
            return given.at
        if isinstance(given, Quantity):
            refuse(given.name, "it has no instant.", code="missing_instant")
        if not isinstance(given, str | datetime):
            refuse(name, "wanted is a time such as 2026-03-02T08:00:00+01:00.", code="not_a_time")
        return parse_instant(given, field=name)


@dataclass(frozen=True, slots=True, kw_only=True)
class TextInput(Input):
    choices: tuple[str, ...] = ()

    def read(self, given: object, name: str, bench: Bench) -> str:
        text = _text(given, name)
        if self.choices and text not in self.choices:
            refuse(name, f"{quoted(text)} is not known; known are {', '.join(self.choices)}.", code="unknown_choice")
        return text


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitInput(Input):
    """The unit in which an activity is wanted."""

    required: bool = False

    def read(self, given: object, name: str, bench: Bench) -> Unit:
        wanted = unit(_text(given, name), field=name)
        if wanted.dimension != ACTIVITY:
            raise wrong_unit(wanted, ACTIVITY, field=name)
        return wanted


@dataclass(frozen=True, slots=True, kw_only=True)
class NuclideInput(Input):
    """A code of the library. A half-life given beside it replaces the library's."""

    def read(self, given: object, name: str, bench: Bench) -> Nuclide:
        return given if isinstance(given, Nuclide) else nuclide(_text(given, name), field=name)


@dataclass(frozen=True, slots=True, kw_only=True)
class ListInput(Input):
    item: Input
    at_least: int = 0

    def read(self, given: object, name: str, bench: Bench) -> tuple[object, ...]:
        if isinstance(given, str | Mapping) or not isinstance(given, Sequence):
            refuse(name, "wanted is a list.")
        if len(given) < self.at_least:
            refuse(name, f"at least {self.at_least} are needed, and {len(given)} given.", code="too_few")
        return tuple(self.item.read(member, f"{name}[{number}]", bench) for number, member in enumerate(given))


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupInput(Input):
    members: Mapping[str, Input]

    def read(self, given: object, name: str, bench: Bench) -> dict[str, object]:
        if not isinstance(given, Mapping):
            refuse(name, f"wanted is an object with {', '.join(self.members)}.")
        return read_inputs(self.members, given, bench, within=name)


def read_inputs(
    specification: Mapping[str, Input], given: Mapping[str, object], bench: Bench, *, within: str = ""
) -> dict[str, object]:
    """Every input of a formula, or of a group in it, as the values that its function works with."""
    required = [name for name, wanted in specification.items() if wanted.required]
    optional = [name for name, wanted in specification.items() if not wanted.required]
    check_names(given, required=required, optional=optional, within=within)
    prefix = f"{within}." if within else ""
    found: dict[str, object] = {}
    for name, wanted in specification.items():
        if given.get(name) is None:
            found[name] = None
            continue
        if not within:
            bench.input = name
        found[name] = wanted.read(given[name], f"{prefix}{name}", bench)
    return found


def replace_half_life(known: Nuclide, given: object) -> Nuclide:
    """The nuclide with a half-life that was given in place of the library's."""
    if not isinstance(given, Mapping):
        refuse("half_life", 'wanted is a value with its unit, such as {"value": "78.41", "unit": "h"}.')
    check_names(given, required=["value", "unit"], optional=["u"], within="half_life")
    u = given.get("u")
    return nuclide_with(
        known.code,
        half_life=str(given["value"]),
        unit_symbol=_text(given["unit"], "half_life.unit"),
        u=None if u is None else str(u),
        source="as given",
    )


def _factor(instrument: object, name: str, bench: Bench) -> Number:
    if instrument is None:
        return 1.0
    known = _text(instrument, f"{name}.instrument")
    if known not in bench.instruments:
        refuse(f"{name}.instrument", f'{quoted(known)} is not among the "instruments".', code="unknown_input")
    return bench.instruments[known]


def _text(given: object, name: str) -> str:
    if not isinstance(given, str):
        refuse(name, "a text is wanted here.")
    return given
