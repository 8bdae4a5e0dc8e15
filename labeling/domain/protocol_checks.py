"""Do the parts of a result fit? Checked against the kinds of what it refers to, before anything is measured."""

from __future__ import annotations

from collections.abc import Mapping

from labeling.domain.documents import Section
from labeling.domain.expressions import Reference, parse_expression
from labeling.domain.formulas import catalogue, dimension_of_output
from labeling.domain.inputs import GroupInput, Input, InstantInput, ListInput, QuantityInput
from labeling.domain.kinds import Kind, kind_of
from labeling.domain.result_definitions import InputNode, ResultDefinition
from labeling.domain.units import Dimension, unit
from lims.errors import InvalidInput


class Checker:
    """Checks one result against the kinds of what it refers to."""

    def __init__(self, section: Section, kinds: Mapping[str, Kind], results: set[str]) -> None:
        self.section, self.kinds, self.results = section, kinds, results
        self.incomplete = False  # a reference failed; what depends on its kind is not reported a second time

    def kind(self, result: ResultDefinition) -> Kind | None:
        kind = self._of_formula(result) if result.formula else self._of_expression(result)
        if kind is None or self.incomplete or not result.unit:
            return None
        if kind.dimension != unit(result.unit).dimension:
            self.section.fault("unit", f"The result is {kind.dimension}, and {result.unit} is no unit of that.")
            return None
        return kind

    def _of_expression(self, result: ResultDefinition) -> Kind | None:
        if result.expression is None:
            return None
        try:
            return kind_of(parse_expression(result.expression), self._lookup)
        except InvalidInput as refusal:
            if not self.incomplete:
                self.section.fault("expression", refusal.message)
            return None

    def _lookup(self, reference: Reference) -> Kind:
        found = self._kind(reference, self.section.line("expression"))
        if found is None:
            raise InvalidInput(f"{reference.name} is not known.")
        return found

    def _kind(self, reference: Reference, line: int) -> Kind | None:
        found = self.kinds.get(reference.name)
        if found is None:
            self.incomplete = True
            if reference.name not in self.results:  # of a result that is at fault itself, its own line tells
                self.section.findings.add(line, f'"{reference.name}" is neither a step.field nor a result here.')
        return found

    def _of_formula(self, result: ResultDefinition) -> Kind | None:
        known = catalogue()[result.formula or ""]
        inputs = result.inputs or {}
        for name, node in inputs.items():
            self._check(node, known.inputs[name])
        specification = known.output(result.output or "")
        if specification is None:
            return None
        dimension = dimension_of_output(specification)
        at = inputs.get(specification.at or "")
        instant = self.kinds[at.name].instant if isinstance(at, Reference) and at.name in self.kinds else None
        return Kind(dimension, dimension.power_of("activity") if instant else Kind().decays, instant)

    def _check(self, node: InputNode, entry: Input) -> None:
        if isinstance(node, Reference):
            self._check_reference(node, entry)
        elif isinstance(entry, ListInput) and isinstance(node, tuple):
            for member in node:
                self._check(member, entry.item)
        elif isinstance(entry, GroupInput) and isinstance(node, Mapping):
            for name, member in node.items():
                self._check(member, entry.members[name])

    def _check_reference(self, reference: Reference, entry: Input) -> None:
        kind = self._kind(reference, reference.place)
        if kind is None:
            return
        if isinstance(entry, QuantityInput):
            if not kind.is_quantity:
                self._fault(reference, "is not a quantity to calculate with")
            elif kind.dimension not in entry.dimensions:
                self._fault(reference, f"is {kind.dimension}, and {_any_of(entry.dimensions)} is wanted here")
        wants_instant = isinstance(entry, InstantInput) or (isinstance(entry, QuantityInput) and entry.at_wanted)
        if wants_instant and kind.instant is None:
            self._fault(reference, "has no instant")

    def _fault(self, reference: Reference, detail: str) -> None:
        self.section.findings.add(reference.place, f'"{reference.name}" {detail}.')


def _any_of(dimensions: tuple[Dimension, ...]) -> str:
    return " or ".join(str(dimension) for dimension in dimensions)
