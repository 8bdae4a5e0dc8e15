"""Reading the results of a protocol: each fault with its line, and nothing that stands on itself."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType

from labeling.domain.criteria import Criterion
from labeling.domain.documents import Mapping as MappingNode
from labeling.domain.documents import Node, Scalar, Section
from labeling.domain.documents import Sequence as SequenceNode
from labeling.domain.expressions import Reference, parse_expression
from labeling.domain.formulas import Formula, catalogue
from labeling.domain.inputs import (
    Bench,
    GroupInput,
    Input,
    InstantInput,
    ListInput,
    NuclideInput,
    QuantityInput,
    UnitInput,
)
from labeling.domain.kinds import Kind
from labeling.domain.protocol_checks import Checker
from labeling.domain.result_definitions import InputNode, ResultDefinition, in_order
from labeling.domain.units import unit
from lims.errors import InvalidInput

__all__ = ["ResultDefinition", "read_results"]

REFERENCE = re.compile(r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)?")


def read_results(document: Section, fields: Mapping[str, Kind]) -> tuple[tuple[ResultDefinition, ...], dict[str, Kind]]:
    """The results of a protocol and their kinds; whatever does not fit becomes a finding with its line."""
    sections = {}
    results = []
    for section in document.sections("results", "The result"):
        result = _result(section)
        results.append(result)
        sections[result.key] = section
    if _refuse_circles(results, sections):
        return tuple(results), {}
    kinds: dict[str, Kind] = {}
    for result in in_order(tuple(results)):
        checker = Checker(sections[result.key], {**fields, **kinds}, set(sections))
        kind = checker.kind(result)
        if kind is not None:
            kinds[result.key] = kind
    return tuple(results), kinds


def _result(section: Section) -> ResultDefinition:
    section.only(["key", "title", "unit", "formula", "inputs", "output", "expression", "warning_limit", "action_limit"])
    formula, expression = section.optional_text("formula"), section.optional_text("expression")
    if (formula is None) == (expression is None):
        section.fault(None, 'A result has either a "formula" or an "expression".')
    if expression is not None and ("inputs" in section.mapping.items or "output" in section.mapping.items):
        section.fault("expression", 'An expression has neither "inputs" nor "output".')
    if expression is not None:
        try:
            parse_expression(expression)
        except InvalidInput as refusal:
            section.fault("expression", refusal.message)
            expression = None
    known = catalogue().get(formula or "")
    if formula and known is None:
        section.fault("formula", f'There is no formula "{formula}"; there are {", ".join(sorted(catalogue()))}.')
    return ResultDefinition(
        key=section.key(),
        title=section.text("title", required=True),
        unit=_unit(section, known),
        formula=formula if known else None,
        inputs=_inputs(section, known) if known else None,
        output=_output(section, known) if known else None,
        expression=expression,
        warning_limit=_limit(section, "warning_limit"),
        action_limit=_limit(section, "action_limit"),
    )


def _unit(section: Section, known: Formula | None) -> str:
    written = section.optional_text("unit")
    if written is None and known is not None and known.primary:
        return known.outputs[known.primary].unit
    if written is None:
        section.fault(None, 'The result lacks its "unit".')
        return ""
    try:
        return unit(written).symbol
    except InvalidInput as refusal:
        section.fault("unit", refusal.message)
        return ""


def _output(section: Section, known: Formula) -> str | None:
    written = section.optional_text("output")
    if written is None and known.primary is None:
        section.fault(None, f'{known.name} has several outputs: name one of {", ".join(known.outputs)} as "output".')
    if written is not None and known.output(written) is None:
        section.fault("output", f'{known.name} has no output "{written}"; it has {", ".join(known.outputs)}.')
        return None
    return written or known.primary


def _limit(section: Section, key: str) -> Criterion | None:
    limit = section.section(key, "The limit")
    if limit is None:
        return None
    limit.only(["min", "max", "basis"])
    lower, upper = limit.limits()
    if lower is None and upper is None:
        limit.fault(None, 'A limit has a "min", a "max" or both.')
        return None
    try:
        return Criterion(min=lower, max=upper)
    except InvalidInput:
        return None  # the minimum exceeds the maximum, which `limits` has reported with its line


def _inputs(section: Section, known: Formula) -> Mapping[str, InputNode]:
    inputs = section.section("inputs", "The inputs")
    if inputs is None:
        section.fault(None, f'{known.name} needs its "inputs".')
        return {}
    return _group(inputs, {name: entry for name, entry in known.inputs.items() if not _is_given(entry)})


def _is_given(entry: Input) -> bool:
    """The nuclide is the protocol's and the unit the result's: a protocol states neither as an input."""
    return isinstance(entry, NuclideInput | UnitInput)


def _group(section: Section, members: Mapping[str, Input]) -> Mapping[str, InputNode]:
    section.only(members)
    for name, entry in members.items():
        if entry.required and name not in section.mapping.items:
            section.fault(None, f'The input "{name}" is missing.')
    found = {
        name: _node(section, section.mapping.items[name], entry)
        for name, entry in members.items()
        if name in section.mapping.items
    }
    return MappingProxyType({name: node for name, node in found.items() if node is not None})


def _node(section: Section, node: Node, entry: Input) -> InputNode | None:
    if isinstance(entry, ListInput) and isinstance(node, SequenceNode):
        if len(node.items) < entry.at_least:
            section.findings.add(node.line, f"At least {entry.at_least} are needed here.")
        members = (_node(section, item, entry.item) for item in node.items)
        return tuple(member for member in members if member is not None)
    if isinstance(entry, GroupInput) and isinstance(node, MappingNode):
        return _group(Section(node, section.findings, "The input"), entry.members)
    if isinstance(entry, QuantityInput) and isinstance(node, MappingNode):
        return _literal(section, node, entry)
    if isinstance(node, Scalar) and node.text and not isinstance(entry, ListInput | GroupInput):
        if isinstance(entry, QuantityInput | InstantInput) and REFERENCE.fullmatch(node.text):
            return Reference(node.line, node.text)
        return _literal(section, node, entry)
    section.findings.add(node.line, "This input is of another form than the formula wants.")
    return None


def _literal(section: Section, node: Scalar | MappingNode, entry: Input) -> InputNode | None:
    """A value that stands in the protocol itself, checked as it would be when it is given to the formula."""
    if isinstance(node, Scalar):
        given: str | dict[str, str] = node.text or ""
    else:
        given = {key: item.text or "" for key, item in node.items.items() if isinstance(item, Scalar)}
    try:
        entry.read(given, "This input", Bench())
    except InvalidInput as refusal:
        section.findings.add(node.line, refusal.message)
        return None
    return given


def _refuse_circles(results: list[ResultDefinition], sections: Mapping[str, Section]) -> bool:
    """A result that stands on itself, by whatever way, can never be calculated."""
    stands_on = {result.key: [name for name in result.references if name in sections] for result in results}
    found = False
    for key, direct in stands_on.items():
        path, seen = list(direct), set[str]()
        while path:
            name = path.pop()
            if name not in seen:
                seen.add(name)
                path += stands_on[name]
        if key in seen:
            sections[key].fault("key", f'The result "{key}" stands on itself: {", ".join(direct)} lead back to it.')
            found = True
    return found
