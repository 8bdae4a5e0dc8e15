"""The catalogue: every formula under its name and version, and the one way to calculate with it.

`compute` takes and gives JSON, for the command and for REST; `Formula.calculate` takes readings as well, for batches.
The formulas themselves stand in `decay`, `counting`, `yields`, `purity`, `cells` and `planning`.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from importlib import import_module
from typing import Any

from labeling.domain import worksheet
from labeling.domain.inputs import (
    Bench,
    GroupInput,
    Input,
    ListInput,
    NuclideInput,
    UnitInput,
    calibration_factors,
    read_inputs,
    replace_half_life,
)
from labeling.domain.measurements import Quantity, Reading, in_unit, measured, unstated_among
from labeling.domain.nuclides import Nuclide
from labeling.domain.uncertainty import Number, nominal, standard_uncertainty
from labeling.domain.units import Dimension, Unit, unit
from lims.errors import InvalidInput, NotFound

ABOVE_100 = "above_100_percent"
NOT_STATED = "uncertainty_not_stated"
INCOMPLETE = "uncertainty_incomplete"
ABOVE_100_NOTE = (
    "Flag: {name} is above 100 %. It is reported as calculated; the readings and their times want a second look."
)
ROUNDING_NOISE = 1e-12
MODULES = ("decay", "counting", "yields", "purity", "cells", "planning")


@dataclass(frozen=True, slots=True)
class OutputSpecification:
    """An output's unit; the input whose instant it has; the inputs it stands on, where not on all of them."""

    unit: str
    at: str | None = None
    uses: tuple[str, ...] = ()
    whole: bool = False  # a share of a whole: more than 100 % is reported with a flag, never clipped
    states_u: bool = True


@dataclass(frozen=True, slots=True)
class Result:
    """What a formula's function returns: canonical amounts by output, and the calculation written down."""

    amounts: Mapping[str, Number]
    worked: tuple[str, ...]
    at: Mapping[str, datetime] = field(default_factory=dict)
    constants: Mapping[str, str] = field(default_factory=dict)
    flags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Outcome:
    """A calculation that was carried out: its outputs as quantities that further calculations can stand on."""

    formula: Formula
    outputs: Mapping[str, Quantity]
    flags: Mapping[str, tuple[str, ...]]
    lines: tuple[str, ...]
    constants: Mapping[str, str]

    def worked(self, *names: str) -> str:
        """The calculation as a person would write it down, with what is to be said of the outputs asked for."""
        asked = names or tuple(self.outputs)
        above = [ABOVE_100_NOTE.format(name=name) for name in asked if ABOVE_100 in self.flags[name]]
        return "\n".join((*self.lines, *above, *notes_on([self.outputs[name] for name in asked])))


@dataclass(frozen=True, slots=True)
class Formula:
    name: str
    version: str
    inputs: Mapping[str, Input]
    outputs: Mapping[str, OutputSpecification]
    primary: str | None  # the output meant where none is named
    function: Callable[..., Result]

    @property
    def definition(self) -> str:
        return inspect.getdoc(self.function) or ""

    def output(self, name: str) -> OutputSpecification | None:
        """The named output; `percent_of_main:Zr-88` is one of the outputs `percent_of_main:`."""
        return self.outputs.get(name) or self.outputs.get(name.split(":", maxsplit=1)[0] + ":")

    def calculate(self, given: Mapping[str, object], *, instruments: Mapping[str, Number] | None = None) -> Outcome:
        bench = Bench(instruments=instruments or {})
        values = self._read(given, bench)
        result = self._carry_out(values)
        outputs = {name: self._quantity(name, result, values, bench) for name in result.amounts}
        flags = {name: (*result.flags, *self._flags(name, quantity)) for name, quantity in outputs.items()}
        known = values.get("nuclide")
        constants = {**(half_life_constant(known) if isinstance(known, Nuclide) else {}), **result.constants}
        return Outcome(self, outputs, flags, result.worked, constants)

    def _read(self, given: Mapping[str, object], bench: Bench) -> dict[str, object]:
        half_life = given.get("half_life") if "nuclide" in self.inputs else None
        named = {name: value for name, value in given.items() if half_life is None or name != "half_life"}
        values = read_inputs(self.inputs, named, bench)
        if half_life is not None and isinstance(values["nuclide"], Nuclide):
            values["nuclide"] = replace_half_life(values["nuclide"], half_life)
        if "unit" in self.inputs and values["unit"] is None:
            values["unit"] = unit("MBq")
        return values

    def _carry_out(self, values: Mapping[str, object]) -> Result:
        try:
            result = self.function(**values)
        except (OverflowError, ZeroDivisionError, ValueError) as error:
            raise InvalidInput(
                f"{self.name}: these inputs lead to a number that cannot be calculated ({error}).",
                code="not_computable",
            ) from None
        for name, amount in result.amounts.items():
            if not math.isfinite(nominal(amount)):
                raise InvalidInput(f"{self.name}: {name} is not a finite number.", code="not_computable")
        return result

    def _quantity(self, name: str, result: Result, values: Mapping[str, object], bench: Bench) -> Quantity:
        specification = self.output(name)
        assert specification is not None, f"{self.name} declares no output {name}"
        wanted = values.get("unit")
        stated_in = unit(specification.unit)
        if isinstance(wanted, Unit) and wanted.dimension == stated_in.dimension:
            stated_in = wanted
        used = [
            quantity
            for input_name, quantities in bench.measured.items()
            if not specification.uses or input_name in specification.uses
            for quantity in quantities
        ]
        states_u = specification.states_u and any(quantity.states_u for quantity in used)
        unstated = unstated_among(used) if specification.states_u else ()
        return measured(
            name, result.amounts[name], stated_in, unstated=unstated, states_u=states_u, at=result.at.get(name)
        )

    def _flags(self, name: str, quantity: Quantity) -> tuple[str, ...]:
        specification = self.output(name)
        assert specification is not None
        above = (ABOVE_100,) if specification.whole and quantity.value > 1 + ROUNDING_NOISE else ()
        return above + uncertainty_flags(quantity)


_CATALOGUE: dict[str, Formula] = {}


def formula(
    name: str,
    *,
    inputs: Mapping[str, Input],
    outputs: Mapping[str, OutputSpecification],
    primary: str | None = None,
    version: str = "1",
) -> Callable[[Callable[..., Result]], Callable[..., Result]]:
    """Registers a pure function in the catalogue. Whoever changes what a formula computes raises its version."""

    def register(function: Callable[..., Result]) -> Callable[..., Result]:
        only = next(iter(outputs)) if len(outputs) == 1 else None
        _CATALOGUE[name] = Formula(name, version, inputs, outputs, primary or only, function)
        return function

    return register


@cache
def catalogue() -> Mapping[str, Formula]:
    for module in MODULES:
        import_module(f"labeling.domain.{module}")
    return _CATALOGUE


def formula_named(name: str) -> Formula:
    known = catalogue().get(name)
    if known is None:
        raise NotFound(f'There is no formula "{name}"; there are {", ".join(sorted(catalogue()))}.', field="formula")
    return known


def compute(name: str, inputs: object) -> dict[str, Any]:
    """Carry out a formula on JSON inputs; the JSON object of the command and of REST, numbers as decimal strings."""
    wanted = formula_named(name)
    if not isinstance(inputs, Mapping):
        raise InvalidInput('The inputs are an object such as {"nuclide": "Zr-89"}.', code="invalid", field="inputs")
    named = {str(key): value for key, value in inputs.items() if key != "instruments"}
    instruments = calibration_factors(inputs["instruments"]) if "instruments" in inputs else {}
    outcome = wanted.calculate(named, instruments=instruments)
    return {
        "formula": wanted.name,
        "version": wanted.version,
        "outputs": {output: _as_json(quantity) for output, quantity in outcome.outputs.items()},
        "worked": outcome.worked(),
        "flags": sorted({flag for flags in outcome.flags.values() for flag in flags}),
        "constants": dict(outcome.constants),
    }


def stated_u(quantity: Quantity) -> Number | None:
    """The standard uncertainty, or None where no measured input states one: the half-life's alone would mislead."""
    if quantity.unstated and not quantity.states_u:
        return None
    return standard_uncertainty(in_unit(quantity.amount, quantity.unit)) or (0.0 if quantity.states_u else None)


def uncertainty_flags(quantity: Quantity) -> tuple[str, ...]:
    if not quantity.unstated:
        return ()
    return (INCOMPLETE,) if quantity.states_u else (NOT_STATED,)


def notes_on(outputs: Sequence[Quantity]) -> list[str]:
    """What the worksheet says of uncertainty: each budget, and whatever stated none."""
    notes = [worksheet.budget(output.name, output.amount, output.unit) for output in outputs if stated_u(output)]
    unstated = unstated_among(outputs)
    return [*notes, f"Uncertainty not stated for: {', '.join(unstated)}."] if unstated else notes


def half_life_constant(known: Nuclide) -> dict[str, str]:
    return {f"half-life of {known.code}": f"{known.stated}, {known.source}"}


def describe(wanted: Formula) -> dict[str, object]:
    """What `formula --list` says: names of inputs, and which of them may be left out."""
    return {
        "formula": wanted.name,
        "version": wanted.version,
        "inputs": {name: _describe(entry) for name, entry in wanted.inputs.items()},
        "outputs": {name: output.unit for name, output in wanted.outputs.items()},
        "definition": wanted.definition,
    }


def dimension_of_output(output: OutputSpecification) -> Dimension:
    return unit(output.unit).dimension


def _describe(entry: Input) -> str:
    words = type(entry).__name__.removesuffix("Input").lower()
    if isinstance(entry, ListInput) and isinstance(entry.item, GroupInput):
        words = f"list of {{{', '.join(entry.item.members)}}}"
    elif isinstance(entry, NuclideInput):
        words = "nuclide, beside which a half_life may be given"
    elif isinstance(entry, UnitInput):
        words = "unit of the activity that comes out, MBq otherwise"
    text = f"{words}: {entry.about}" if entry.about else words
    return text if entry.required else f"{text} (optional)"


def _as_json(quantity: Quantity) -> dict[str, object]:
    u = stated_u(quantity)
    output: dict[str, object] = {
        "value": repr(nominal(quantity.in_unit(quantity.unit))),
        "unit": quantity.unit.symbol,
        "u": None if u is None else repr(u),
    }
    if isinstance(quantity, Reading):
        output["at"] = quantity.at.isoformat()
    return output
