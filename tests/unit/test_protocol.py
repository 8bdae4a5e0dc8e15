"""Protocol documents: the shipped ones are read, and every fault is refused with the line it stands on."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

import pytest

from labeling.domain.protocol_reading import parse_protocol
from lims.errors import InvalidInput

LIBRARY = Path(__file__).parents[2] / "library" / "protocols"
HEAD = dedent(
    """\
    protocol: small
    title: Small
    kind: labeling
    nuclide: Zr-89
    product: Cells
    materials:
      - {key: oxine, name: Oxine, kind: reagent}
    equipment:
      - {key: calibrator, kind: dose_calibrator}
    steps:
      - key: a
        title: First
        fields:
          - {key: x, label: X, type: activity, unit: MBq, min: "0.1", max: "60"}
          - {key: y, label: Y, type: activity, unit: MBq}
          - {key: v, label: V, type: volume, unit: mL}
          - {key: n, label: N, type: cells, unit: cells}
          - {key: t, label: T, type: text}
    """
)


def _refused(document: str) -> tuple[int, str, list[dict[str, object]]]:
    with pytest.raises(InvalidInput) as refusal:
        parse_protocol(document)
    assert refusal.value.code == "document_invalid"
    errors = refusal.value.details["errors"]
    assert isinstance(errors, list)
    line = refusal.value.details["line"]
    assert isinstance(line, int)
    assert refusal.value.message.startswith(f"Line {line}: ")
    return line, refusal.value.message, errors


def _result(*lines: str) -> str:
    return HEAD + "results:\n" + "".join(f"{line}\n" for line in lines)


@pytest.mark.parametrize("path", sorted(LIBRARY.glob("*.yaml")), ids=lambda path: path.stem)
def test_a_shipped_protocol_is_read(path: Path) -> None:
    protocol = parse_protocol(path.read_text(encoding="utf-8"))
    assert protocol.code == path.stem
    assert protocol.results


def test_a_protocol_is_read_with_the_numbers_as_they_are_written() -> None:
    protocol = parse_protocol((LIBRARY / "t-cell-labeling.yaml").read_text(encoding="utf-8"))
    field = protocol.field("receive_cells", "viable_before")
    assert (field.min, field.max, field.unit, field.critical) == ("1e6", "1e9", "cells", True)
    timer = protocol.step("incubate").timer
    assert timer is not None
    assert (timer.min_minutes, timer.max_minutes) == ("15", "30")
    oxine = protocol.material("oxine")
    assert oxine is not None
    assert oxine.protocol_kind == "synthesis"
    assert protocol.equipment_kind("calibrator") == "dose_calibrator"
    efficiency, balance = protocol.results[:2]
    assert efficiency.inputs == balance.inputs  # the anchor of the document stands for both
    assert protocol.source["doi"] == "10.2967/jnumed.117.206714"


def test_a_step_or_field_that_is_not_there_is_refused_by_name() -> None:
    protocol = parse_protocol(HEAD)
    with pytest.raises(InvalidInput, match='no step "b"'):
        protocol.step("b")
    with pytest.raises(InvalidInput, match='no field "z"'):
        protocol.field("a", "z")


@pytest.mark.parametrize(
    ("replaced", "by", "line", "says"),
    [
        ("title: Small", "titel: Small", 2, 'no key "titel"'),
        ("kind: labeling", "kind: labelling", 3, "not a known kind"),
        ("nuclide: Zr-89", "nuclide: Zr-99", 4, "not a known nuclide"),
        ("protocol: small", "protocol: Small Protocol", 1, "cannot be a code"),
        ("kind: reagent", "kind: reagant", 7, "not a known kind"),
        ("kind: reagent", "kind: batch", 7, "protocol_kind"),
        ("key: a\n", "key: A-1\n", 11, "cannot be a key"),
        ("key: a\n", "key: class\n", 11, "cannot be a key"),
        ("key: y,", "key: x,", 15, "twice"),
        ("unit: MBq, min", "unit: mL, min", 14, "unit of volume"),
        ("unit: MBq, min", "unit: Mbq, min", 14, "not known"),
        (", unit: mL", "", 16, 'needs its "unit"'),
        ('min: "0.1"', 'min: "61"', 14, "greater than the maximum"),
        ('min: "0.1"', 'min: "0,1"', 14, "ambiguous"),
        ("type: text", "type: words", 18, "not a known type"),
        ("type: text", "type: lot", 18, 'names its "material"'),
        ("type: text", "type: lot, material: wine", 18, "not among the materials"),
        ("type: text", "type: text, equipment: scale", 18, "not among the equipment"),
        ("type: text", "type: choice", 18, '"options"'),
        ("type: text", "type: text, unit: mL", 18, 'has no "unit"'),
        ("type: text", "type: text, critical: perhaps", 18, "true or false"),
        ("title: First", "title:", 12, "not empty"),
        ("title: First", "title: First\n    timer: {min_minutes: '9', max_minutes: '5'}", 13, "greater"),
        ("title: First", "title: First\n    title: Second", 13, "twice"),
        ("product: Cells", "product: !!python/name:os.system Cells", 5, "not accepted"),
        ("product: Cells", "product: Cells\nexpires: {from: a.z, hours: '6'}", 6, "no step.field"),
        ("product: Cells", "product: Cells\nexpires: {from: a.x}", 6, "hours"),
    ],
)
def test_a_fault_is_refused_with_its_line(replaced: str, by: str, line: int, says: str) -> None:
    assert replaced in HEAD
    found, message, errors = _refused(HEAD.replace(replaced, by, 1))
    assert any(error["line"] == line and says in str(error["detail"]) for error in errors), message
    assert found <= line


@pytest.mark.parametrize(
    ("lines", "line", "says"),
    [
        (["  - {key: r, title: R, unit: MBq, expression: a.q + 1}"], 20, '"a.q" is neither'),
        (["  - {key: r, title: R, unit: MBq, expression: s}"], 20, '"s" is neither'),
        (["  - {key: r, title: R, unit: mL, expression: a.x}"], 20, "no unit of that"),
        (["  - {key: r, title: R, unit: MBq, expression: a.x + a.y}"], 20, "different instants"),
        (["  - {key: r, title: R, unit: '%', expression: a.x / a.y}"], 20, "different instants"),
        (["  - {key: r, title: R, unit: MBq, expression: a.x + a.v}"], 20, "do not add"),
        (["  - {key: r, title: R, unit: MBq, expression: a.t}"], 20, "not a quantity"),
        (["  - {key: r, title: R, unit: MBq, expression: exp(a.x)}"], 20, "plain number"),
        (["  - {key: r, title: R, unit: mL, expression: 'at(a.v, a.x)'}"], 20, "does not decay"),
        (["  - {key: r, title: R, unit: MBq, expression: a.x +}"], 20, "no expression"),
        (["  - {key: r, title: R, expression: a.x}"], 20, 'lacks its "unit"'),
        (["  - {key: r, title: R, unit: MBq}"], 20, "either"),
        (["  - {key: r, title: R, unit: MBq, formula: net-activity, expression: a.x}"], 20, "either"),
        (["  - {key: r, title: R, unit: MBq, formula: netto}"], 20, "no formula"),
        (["  - {key: r, title: R, unit: MBq, formula: net-activity}"], 20, 'needs its "inputs"'),
        (
            ["  - {key: r, title: R, unit: MBq, formula: net-activity, inputs: {full: a.x}}"],
            20,
            '"residual" is missing',
        ),
        (
            ["  - {key: r, title: R, unit: MBq, formula: net-activity, inputs: {full: a.x, residul: a.y}}"],
            20,
            'no key "residul"',
        ),
        (
            ["  - {key: r, title: R, unit: MBq, formula: net-activity, inputs: {full: a.x, residual: a.v}}"],
            20,
            "is volume, and activity is wanted",
        ),
        (
            ["  - {key: r, title: R, unit: '%', formula: radiochemical-yield, inputs: {starting: a.x, product: a.y}}"],
            20,
            "several outputs",
        ),
        (
            [
                "  - {key: r, title: R, unit: '%', formula: radiochemical-yield, output: yield,",
                "     inputs: {starting: a.x, product: a.y}}",
            ],
            20,
            'no output "yield"',
        ),
        (
            ["  - {key: r, title: R, unit: mL, formula: net-activity, inputs: {full: a.x, residual: a.y}}"],
            20,
            "no unit of that",
        ),
        (
            ["  - {key: r, title: R, unit: MBq, expression: a.x, action_limit: {min: '5', max: '4'}}"],
            20,
            "greater than the maximum",
        ),
        (["  - {key: r, title: R, unit: MBq, expression: a.x, action_limit: {}}"], 20, '"min"'),
        (
            [
                "  - {key: r, title: R, unit: MBq, expression: s * 2}",
                "  - {key: s, title: S, unit: MBq, expression: t * 2}",
                "  - {key: t, title: T, unit: MBq, expression: r * 2}",
            ],
            20,
            "stands on itself",
        ),
        (["  - {key: r, title: R, unit: MBq, expression: r * 2}"], 20, "stands on itself"),
        (
            [
                "  - {key: r, title: R, unit: MBq, expression: a.x}",
                "  - {key: r, title: R, unit: MBq, expression: a.y}",
            ],
            21,
            "twice",
        ),
    ],
)
def test_a_result_that_does_not_fit_is_refused_with_its_line(lines: list[str], line: int, says: str) -> None:
    found, message, _ = _refused(_result(*lines).replace("results:\n", "results:\n", 1))
    assert (found, says in message) == (line, True), message


def test_a_result_may_stand_on_one_that_follows() -> None:
    protocol = parse_protocol(
        _result(
            "  - {key: share, title: Share, unit: '%', expression: 'net / at(a.x, a.y)'}",
            "  - {key: net, title: Net, unit: MBq, expression: 'a.y - at(a.x, a.y) / 2'}",
        )
    )
    assert protocol.kinds["net"].instant == "a.y"
    assert protocol.kinds["share"].instant is None


def test_every_fault_of_a_document_is_reported_at_once() -> None:
    document = HEAD.replace("kind: labeling", "kind: baking").replace("type: text", "type: words")
    _, message, errors = _refused(document)
    assert [error["line"] for error in errors] == [3, 18]
    assert message.endswith("(1 more)")


def test_what_depends_on_a_faulty_result_is_not_reported_a_second_time() -> None:
    lines = [
        "  - {key: r, title: R, unit: mL, expression: a.x}",
        "  - {key: s, title: S, unit: MBq, expression: r * 2}",
    ]
    _, _, errors = _refused(_result(*lines))
    assert [error["line"] for error in errors] == [20]


@pytest.mark.parametrize(
    "document",
    [
        "",
        "- a",
        "protocol: [1, 2",
        "a: 1\n---\nb: 2",
        "[" * 5000,
        "a: &x [*x]",
        "a: *nowhere",
        "x" * 300_000,
        (
            "a: &a [1,1,1,1,1,1,1,1,1,1]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a,*a]\n"
            "c: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b,*b]\n"
            "d: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c,*c]\ne: [*d,*d,*d,*d,*d,*d,*d,*d,*d,*d]"
        ),
        "a: \x00",
        "? [1]\n: x",
        "steps: yes\nprotocol: 1",
        "steps: [1, 2]\nresults: {}\nmaterials: [[]]",
        "null",
    ],
)
def test_a_document_that_is_none_is_refused_and_never_exhausts_the_server(document: str) -> None:
    _refused(document)
