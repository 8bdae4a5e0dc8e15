"""What a protocol says of its results, and the order in which they stand on each other."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from labeling.domain.criteria import Criterion
from labeling.domain.expressions import Reference, parse_expression, references

InputNode = Reference | str | tuple["InputNode", ...] | Mapping[str, "InputNode"]


@dataclass(frozen=True, slots=True)
class ResultDefinition:
    """What the protocol says of one result: a formula of the catalogue with its inputs and output, or an expression."""

    key: str
    title: str
    unit: str
    formula: str | None = None
    inputs: Mapping[str, InputNode] | None = None
    output: str | None = None
    expression: str | None = None
    warning_limit: Criterion | None = None
    action_limit: Criterion | None = None

    @property
    def references(self) -> tuple[str, ...]:
        """Every `step.field` and result that it stands on directly."""
        if self.expression is not None:
            parts = references(parse_expression(self.expression))
            return tuple(dict.fromkeys(reference.name for reference in parts))
        return tuple(dict.fromkeys(_references_in(self.inputs or {})))


def in_order(results: tuple[ResultDefinition, ...]) -> tuple[ResultDefinition, ...]:
    """Each result after those it stands on. Circles were refused when the protocol was read."""
    by_key = {result.key: result for result in results}
    ordered: dict[str, ResultDefinition] = {}

    def place(result: ResultDefinition) -> None:
        for name in result.references:
            if name in by_key and name not in ordered:
                place(by_key[name])
        ordered[result.key] = result

    for result in results:
        if result.key not in ordered:
            place(result)
    return tuple(ordered.values())


def _references_in(node: InputNode) -> Iterator[str]:
    if isinstance(node, Reference):
        yield node.name
    elif isinstance(node, Mapping):
        for member in node.values():
            yield from _references_in(member)
    elif isinstance(node, tuple):
        for member in node:
            yield from _references_in(member)
