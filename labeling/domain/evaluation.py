"""All results of a batch from what was recorded: calculated anew each time, never guessed, never rounded."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal

from labeling.domain import worksheet
from labeling.domain.arithmetic import Calculator, Operand
from labeling.domain.criteria import Criterion, Verdict, judge_computed
from labeling.domain.entries import Entries, InstrumentCalibration, Recorded
from labeling.domain.expressions import VERSION, Reference, parse_expression
from labeling.domain.formulas import Outcome, formula_named, half_life_constant, notes_on, uncertainty_flags
from labeling.domain.kinds import Kind
from labeling.domain.measurements import Moment, Quantity, Reading, measured, unstated_among
from labeling.domain.nuclides import Nuclide
from labeling.domain.protocol import Protocol
from labeling.domain.result_definitions import InputNode, ResultDefinition, in_order
from labeling.domain.uncertainty import nominal, standard_uncertainty
from labeling.domain.units import unit
from lims.errors import DomainError, InvalidInput

__all__ = ["ComputedResult", "InstrumentCalibration", "Recorded", "evaluate", "expiry"]


@dataclass(frozen=True, slots=True)
class ComputedResult:
    """A result of the protocol. `value` and `u` are in `unit`, at full precision.

    `u` is None unless everything measured that the result stands on states its uncertainty: `flags` say which is the
    case. `limit_state` is `within`, `warning` or `action`, `none` without limits, `waiting` without a value.
    """

    key: str
    title: str
    value: str | None
    u: str | None
    unit: str
    at: datetime | None
    formula: str
    version: str
    worked: str
    constants: dict[str, str]
    missing: tuple[str, ...] = ()
    error: str | None = None
    flags: tuple[str, ...] = ()
    limit_state: str = "none"


def evaluate(
    protocol: Protocol,
    recorded: Mapping[str, Recorded],
    *,
    nuclide: Nuclide,
    instruments: Mapping[str, InstrumentCalibration] | None = None,
) -> tuple[ComputedResult, ...]:
    """The protocol's results, in its order, from the current entries keyed `step.field`.

    A result waits for every entry it stands on; one that cannot be calculated says why, and the others stand.
    """
    batch = _Batch(Entries(protocol, recorded, instruments or {}), nuclide, protocol.kinds)
    computed = {result.key: batch.result(result) for result in in_order(protocol.results)}
    return tuple(computed[result.key] for result in protocol.results)


def expiry(protocol: Protocol, recorded: Mapping[str, Recorded]) -> datetime | None:
    """When the product expires: so many hours after the instant of an entry, or None until that is recorded."""
    if protocol.expires is None:
        return None
    entry = recorded.get(protocol.expires.from_)
    if entry is None or entry.at is None:
        return None
    return entry.at + timedelta(microseconds=int(Decimal(protocol.expires.hours) * 3_600_000_000))


@dataclass(frozen=True, slots=True)
class _Calculated:
    """A result that has a value, and how it came about."""

    output: Quantity
    formula: str
    version: str
    worked: str
    constants: Mapping[str, str]
    flags: tuple[str, ...]


@dataclass(slots=True)
class _Batch:
    """One evaluation: results in their order, each standing on entries and on results before it."""

    entries: Entries
    nuclide: Nuclide
    kinds: Mapping[str, Kind]
    known: dict[str, Quantity] = field(default_factory=dict)
    missing: dict[str, tuple[str, ...]] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)
    outcomes: dict[tuple[str, str], Outcome] = field(default_factory=dict)

    def result(self, definition: ResultDefinition) -> ComputedResult:
        missing = tuple(dict.fromkeys(name for reference in definition.references for name in self._absent(reference)))
        if missing:
            self.missing[definition.key] = missing
            return _without_value(definition, missing=missing)
        try:
            self._refuse_failed(definition)
            by = self._by_formula if definition.formula is not None else self._by_expression
            return self._with_value(definition, by(definition))
        except DomainError as refusal:
            self.failed[definition.key] = refusal.message
            return _without_value(definition, error=refusal.message)

    def _absent(self, name: str) -> tuple[str, ...]:
        if "." not in name:
            return self.missing.get(name, ())
        return (name,) if self.entries.is_absent(name) else ()

    def _refuse_failed(self, definition: ResultDefinition) -> None:
        for name in definition.references:
            if name in self.failed:
                raise InvalidInput(f"{name} could not be calculated: {self.failed[name]}", code="not_computable")

    def _by_formula(self, definition: ResultDefinition) -> _Calculated:
        wanted = formula_named(definition.formula or "")
        inputs = definition.inputs or {}
        same = (wanted.name, repr(sorted(inputs.items())))
        if same not in self.outcomes:  # two results of one calculation, such as efficiency and balance
            given = {name: self._given(node) for name, node in inputs.items()}
            if "nuclide" in wanted.inputs:
                given["nuclide"] = self.nuclide
            self.outcomes[same] = wanted.calculate(given)
        outcome = self.outcomes[same]
        output = outcome.outputs.get(definition.output or "")
        if output is None:
            raise InvalidInput(f"{wanted.name} gave no {definition.output} for these inputs.", code="not_computable")
        worked, flags = outcome.worked(output.name), outcome.flags[output.name]
        return _Calculated(output, wanted.name, wanted.version, worked, outcome.constants, flags)

    def _by_expression(self, definition: ResultDefinition) -> _Calculated:
        text = definition.expression or ""
        try:
            value = Calculator(self._operand, self.nuclide.half_life).value(parse_expression(text))
        except (OverflowError, ZeroDivisionError, ValueError) as error:
            raise InvalidInput(f"The expression has no value ({error}).", code="not_computable") from None
        items = [self._item(name) for name in definition.references]
        used = [item for item in items if isinstance(item, Quantity)]
        output = measured(
            definition.key,
            value.amount,
            unit(definition.unit),
            unstated=unstated_among(used),
            states_u=any(quantity.states_u for quantity in used),
            at=value.at,
        )
        decays = "at(" in text
        lines = [f"{definition.key} = {text}", *(worksheet.said(item) for item in used)]
        if decays:
            lines.append(worksheet.half_life(self.nuclide))
        lines.append(f"{definition.key} = {value.written} = {worksheet.amount(value.amount, output.unit)}")
        worked = "\n".join((*lines, *notes_on([output])))
        constants = half_life_constant(self.nuclide) if decays else {}
        return _Calculated(output, "expression", VERSION, worked, constants, uncertainty_flags(output))

    def _with_value(self, definition: ResultDefinition, found: _Calculated) -> ComputedResult:
        output, stated_in = found.output, unit(definition.unit)
        amount = output.in_unit(stated_in)
        value, u = nominal(amount), standard_uncertainty(amount)
        if not math.isfinite(value):
            raise InvalidInput(f"{definition.key} is not a finite number.", code="not_computable")
        at = output.at if isinstance(output, Reading) else None
        self.known[definition.key] = measured(
            definition.key, output.amount, stated_in, unstated=output.unstated, states_u=output.states_u, at=at
        )
        return ComputedResult(
            key=definition.key,
            title=definition.title,
            value=repr(value),
            u=repr(u) if not output.unstated and (output.states_u or u) else None,
            unit=definition.unit,
            at=at,
            formula=found.formula,
            version=found.version,
            worked=found.worked,
            constants=dict(found.constants),
            flags=found.flags,
            limit_state=_limit_state(definition, repr(value)),
        )

    def _given(self, node: InputNode) -> object:
        """A formula's input with the recorded values in the place of the references to them."""
        if isinstance(node, Reference):
            return self._item(node.name)
        if isinstance(node, Mapping):
            return {name: self._given(member) for name, member in node.items()}
        if isinstance(node, tuple):
            return [self._given(member) for member in node]
        return node

    def _operand(self, name: str) -> Operand:
        return Operand(self._item(name), self.kinds[name].decays)

    def _item(self, name: str) -> Quantity | Moment:
        return self.entries.item(name) if "." in name else self.known[name]


def _without_value(
    definition: ResultDefinition, *, missing: tuple[str, ...] = (), error: str | None = None
) -> ComputedResult:
    known = formula_named(definition.formula) if definition.formula else None
    return ComputedResult(
        key=definition.key,
        title=definition.title,
        value=None,
        u=None,
        unit=definition.unit,
        at=None,
        formula=known.name if known else "expression",
        version=known.version if known else VERSION,
        worked="",
        constants={},
        missing=missing,
        error=error,
        limit_state="waiting",
    )


def _limit_state(definition: ResultDefinition, value: str) -> str:
    def is_beyond(limit: Criterion | None) -> bool:
        return limit is not None and judge_computed(limit, value) is not Verdict.PASS

    if is_beyond(definition.action_limit):
        return "action"
    if is_beyond(definition.warning_limit):
        return "warning"
    return "within" if definition.action_limit or definition.warning_limit else "none"
