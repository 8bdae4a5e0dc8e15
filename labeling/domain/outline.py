"""A protocol or specification laid out for reading: what pages and prints show, and what each number stands on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

from labeling.domain.basis import StatedNumber, stated_numbers
from labeling.domain.criteria import Criterion
from labeling.domain.expressions import Reference
from labeling.domain.formulas import catalogue
from labeling.domain.protocol import Clearance, Field, Protocol, Step
from labeling.domain.protocol_reading import parse_protocol
from labeling.domain.result_definitions import InputNode, ResultDefinition
from labeling.domain.specification import SpecificationTest, parse_specification

Json = dict[str, Any]
Numbers = Mapping[str, StatedNumber]


@lru_cache(maxsize=32)
def protocol_outline(text: str) -> Json:
    """The protocol that `text` describes, as JSON. Raises InvalidInput (`document_invalid`) with its lines."""
    protocol, numbers = parse_protocol(text), _numbers(text)
    expires = protocol.expires
    return {
        "type": "protocol",
        "code": protocol.code,
        "title": protocol.title,
        "kind": protocol.kind,
        "nuclide": protocol.nuclide,
        "product": protocol.product,
        "source": dict(protocol.source),
        "differences": list(protocol.differences),
        "materials": [
            {"key": m.key, "name": m.name, "kind": m.kind, "protocol_kind": m.protocol_kind} for m in protocol.materials
        ],
        "equipment": [{"key": need.key, "kind": need.kind} for need in protocol.equipment],
        "line_clearance": _clearance(protocol.line_clearance),
        "steps": [_step(protocol, step, numbers) for step in protocol.steps],
        "results": [_result(protocol, result, numbers) for result in protocol.results],
        "specification": protocol.specification,
        "expires": {
            "from": said_of(protocol, expires.from_),
            "hours": _number(numbers, "expires", "hours"),
        }
        if expires
        else None,
        "label": protocol.label,
        "numbers": _counted(numbers),
    }


@lru_cache(maxsize=32)
def specification_outline(text: str) -> Json:
    """The specification that `text` describes, as JSON. Raises InvalidInput (`document_invalid`) with its lines."""
    specification, numbers = parse_specification(text), _numbers(text)
    return {
        "type": "specification",
        "code": specification.code,
        "title": specification.title,
        "tests": [_test(test, numbers) for test in specification.tests],
        "numbers": _counted(numbers),
    }


def said_of(protocol: Protocol, reference: str) -> str:
    """`step.field`, or the key of a result, as people call it."""
    step, _, field = reference.partition(".")
    if field:
        return f"{protocol.step(step).title}: {protocol.field(step, field).label}"
    result = protocol.result(reference)
    return result.title if result else reference


def _numbers(text: str) -> Numbers:
    return {number.place: number for number in stated_numbers(text)}


def _counted(numbers: Numbers) -> Json:
    return {"stated": len(numbers), "defaults": sum(number.is_default for number in numbers.values())}


def _number(numbers: Numbers, *place: str) -> Json | None:
    """A number as it is written, with what supports it; without a basis it is a default, for the site to set."""
    found = numbers.get(".".join(place))
    return {"text": found.text, "basis": found.basis, "line": found.line} if found else None


def _pair(numbers: Numbers, *place: str, of: tuple[str, str] = ("min", "max")) -> Json:
    return {"min": _number(numbers, *place, of[0]), "max": _number(numbers, *place, of[1])}


def _clearance(asked: Clearance | None) -> Json | None:
    """What is done and signed before the first entry, so that it stands before the steps."""
    if asked is None:
        return None
    return {"text": asked.text, "verified_by_second_person": asked.verified_by_second_person}


def _step(protocol: Protocol, step: Step, numbers: Numbers) -> Json:
    timer = _pair(numbers, "steps", step.key, "timer", of=("min_minutes", "max_minutes")) if step.timer else None
    return {
        "key": step.key,
        "title": step.title,
        "instruction": step.instruction,
        "verified_by_second_person": step.verified_by_second_person,
        "timer": timer,
        "fields": [_field(protocol, step, field, numbers) for field in step.fields],
    }


def _field(protocol: Protocol, step: Step, field: Field, numbers: Numbers) -> Json:
    material = protocol.material(field.material) if field.material else None
    return {
        "key": field.key,
        "label": field.label,
        "type": field.type,
        "unit": field.unit or "",
        **_pair(numbers, "steps", step.key, "fields", field.key),
        "options": list(field.options),
        "critical": field.critical,
        "material": material.name if material else "",
        "equipment": protocol.equipment_kind(field.equipment) or "" if field.equipment else "",
    }


def _result(protocol: Protocol, result: ResultDefinition, numbers: Numbers) -> Json:
    known = catalogue()[result.formula] if result.formula else None
    limits = {
        name: _pair(numbers, "results", result.key, name) if getattr(result, name) else None
        for name in ("warning_limit", "action_limit")
    }
    return {
        "key": result.key,
        "title": result.title,
        "unit": result.unit,
        "formula": known.name if known else "",
        "version": known.version if known else "",
        "definition": known.definition.split("\n\n")[0].replace("\n", " ") if known else "",
        "output": result.output or "",
        "inputs": [
            {"name": name.replace("_", " "), "from": list(_said(protocol, node))}
            for name, node in (result.inputs or {}).items()
        ],
        "expression": result.expression or "",
        "stands_on": [said_of(protocol, name) for name in result.references],
        **limits,
    }


def _said(protocol: Protocol, node: InputNode) -> Iterator[str]:
    if isinstance(node, Reference):
        yield said_of(protocol, node.name)
    elif isinstance(node, tuple):
        for member in node:
            yield from _said(protocol, member)
    elif isinstance(node, Mapping):
        yield ", ".join(f"{key} {' + '.join(_said(protocol, member))}" for key, member in node.items())
    else:
        yield str(node)


def _test(test: SpecificationTest, numbers: Numbers) -> Json:
    criterion: Criterion = test.criterion
    return {
        "key": test.key,
        "title": test.title,
        "unit": test.unit or "",
        "type": test.type,
        **_pair(numbers, "tests", test.key),
        "accept": list(criterion.accept),
        "required_before": test.required_before,
        "formula": test.formula or "",
        "from_result": test.from_result or "",
        "start_within_hours": _number(numbers, "tests", test.key, "start_within_hours"),
        "days": _number(numbers, "tests", test.key, "days"),
        "conditional_release_forbidden": test.conditional_release_forbidden,
    }
