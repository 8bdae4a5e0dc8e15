"""The language of protocol results: what it calculates, and what it is not."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from fractions import Fraction

import pytest

from labeling.domain.arithmetic import Calculator, Operand
from labeling.domain.expressions import parse_expression, references
from labeling.domain.kinds import Kind, kind_of, kind_of_reading
from labeling.domain.measurements import Moment, Quantity, Reading, measured
from labeling.domain.uncertainty import nominal, standard_uncertainty, variable
from labeling.domain.units import dimension_of, unit
from lims.errors import InvalidInput

START = datetime(2026, 3, 2, 8, tzinfo=UTC)
HALF_LIFE = 3600.0
MBQ = unit("MBq")
KNOWN: dict[str, Quantity | Moment] = {
    "a.x": Reading("a.x", variable(8e6, 8e4, "a.x"), MBQ, at=START),
    "a.y": Reading("a.y", 4e6, MBQ, at=START + timedelta(hours=1)),
    "a.v": measured("a.v", 2e-3, unit("mL")),
    "a.zero": measured("a.zero", 0.0, unit("mL")),
    "a.share": measured("a.share", 0.25, unit("%")),
    "a.done": Moment("a.done", START + timedelta(hours=2)),
}
KINDS = {
    "a.x": kind_of_reading(dimension_of("MBq"), counts=False, instant="a.x"),
    "a.y": kind_of_reading(dimension_of("MBq"), counts=False, instant="a.y"),
    "a.v": kind_of_reading(dimension_of("mL"), counts=False, instant="a.v"),
    "a.zero": kind_of_reading(dimension_of("mL"), counts=False, instant="a.zero"),
    "a.share": kind_of_reading(dimension_of("%"), counts=False, instant="a.share"),
    "a.done": Kind(instant="a.done", is_quantity=False),
    "a.counts": kind_of_reading(dimension_of("1"), counts=True, instant="a.counts"),
    "a.later": kind_of_reading(dimension_of("1"), counts=True, instant="a.later"),
}


def _kind(text: str) -> Kind:
    return kind_of(parse_expression(text), lambda reference: KINDS[reference.name])


def _value(text: str) -> float:
    _kind(text)
    calculator = Calculator(lambda name: Operand(KNOWN[name], KINDS[name].decays), HALF_LIFE)
    return nominal(calculator.value(parse_expression(text)).amount)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1 + 2 * 3", 7),
        ("(1 + 2) * 3", 9),
        ("2 ** 3 / 4", 2),
        ("-2 ** 2", -4),
        ("+4", 4),
        ("8 - 3 - 2", 3),
        ("1.5e3 / 3", 500),
        ("exp(ln(2))", 2),
        ("sqrt(a.x ** 2) / a.x", 1),
        ("min(3, 1, 2) + max(3, 1, 2) + sum(1, 2, 3)", 10),
        ("a.x / a.v", 4e9),
        ("at(a.x, a.y)", 4e6),  # one half-life
        ("at(a.x, a.y) / a.y", 1),
        ("at(a.x / a.v, a.y)", 2e9),
        ("at(a.x ** 2, a.y)", 16e12),  # a square decays twice as fast
        ("at(a.y, a.x)", 8e6),
        ("at(a.x, a.done)", 2e6),
        ("at(at(a.x, a.y), a.done)", 2e6),
        ("at(sum(a.y, at(a.x, a.y)), a.done)", 4e6),
        ("1 - a.share", 0.75),
    ],
)
def test_an_expression_is_calculated(text: str, value: float) -> None:
    assert _value(text) == pytest.approx(value, rel=1e-12)


def test_uncertainty_travels_with_the_value_and_cancels_where_it_is_shared() -> None:
    calculator = Calculator(lambda name: Operand(KNOWN[name], KINDS[name].decays), HALF_LIFE)
    square = calculator.value(parse_expression("a.x ** 2")).amount
    ratio = calculator.value(parse_expression("(a.x + a.x) / a.x")).amount
    assert standard_uncertainty(square) / nominal(square) == pytest.approx(0.02)
    assert standard_uncertainty(ratio) == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize(
    ("text", "dimension", "instant"),
    [
        ("a.x / a.v", "MBq/mL", "a.x"),
        ("at(a.x, a.y) / a.y", "1", None),
        ("a.x / a.x", "1", None),
        ("a.v * 2", "mL", None),
        ("sqrt(a.x * a.x)", "MBq", "a.x"),
        ("a.y * a.share", "MBq", "a.y"),
    ],
)
def test_an_expression_has_a_dimension_and_an_instant(text: str, dimension: str, instant: str | None) -> None:
    kind = _kind(text)
    assert (kind.dimension, kind.instant) == (dimension_of(dimension), instant)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("a.x + a.y", "different instants"),
        ("a.x / a.y", "different instants"),
        ("a.x * a.y", "different instants"),
        ("max(a.x, a.y)", "different instants"),
        ("a.counts + a.later", "different instants"),
        ("a.counts + 1", "one that does not"),
        ("a.x + a.v", "activity and volume do not add"),
        ("a.x + 1", "do not add"),
        ("ln(a.x)", "plain number"),
        ("exp(a.counts)", "plain number"),
        ("at(a.v, a.x)", "does not decay"),
        ("at(a.x, 5)", "stands for its instant"),
        ("at(a.x, a.x + a.x)", "stands for its instant"),
        ("a.done * 2", "not a quantity"),
    ],
)
def test_parts_that_do_not_fit_are_refused_with_their_place(text: str, says: str) -> None:
    with pytest.raises(InvalidInput, match=r"At character \d+") as refusal:
        _kind(text)
    assert says in refusal.value.message


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a.",
        "a.b.c",
        "1 +",
        "a = 1",
        "x; y",
        "__import__('os')",
        "().__class__",
        "a.x()",
        "open('x')",
        "lambda: 1",
        "[1, 2]",
        "a.x if a.y else a.v",
        "a.x < a.y",
        "a.x and a.y",
        "'text'",
        "True",
        "0x10",
        "1_000",
        "1j",
        "a.x // 2",
        "a.x % 2",
        "~a.x",
        "not a.x",
        "a.x ** a.y",
        "2 ** 1000",
        "2 ** (1 + 1)",
        "2 ** 0.0001",
        "1e999",
        "sqrt()",
        "sqrt(1, 2)",
        "at(a.x)",
        "sum()",
        "sum(*a.x)",
        "max(1, key=2)",
        "f'{a.x}'",
        "(a := 1)",
        "await a",
        "9" * 600,
        "-" * 100 + "1",
        "+".join(["1"] * 200),
        "\x00",
        "1 2",
        "α.x + ",
    ],
)
def test_what_is_not_the_language_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        parse_expression(text)
    assert refusal.value.code == "expression_invalid"


@pytest.mark.parametrize(
    "text", ["a.x / a.zero", "a.zero ** -1", "ln(a.zero / a.v)", "sqrt(-1 * a.v * a.v)", "(0 - 2) ** 0.5"]
)
def test_what_has_no_value_is_refused_and_never_infinite(text: str) -> None:
    with pytest.raises(InvalidInput):
        _value(text)


def test_references_are_found_in_reading_order() -> None:
    found = references(parse_expression("-a.x + at(b.y ** 2, c.z) / total"))
    assert [reference.name for reference in found] == ["a.x", "b.y", "c.z", "total"]


def test_a_power_may_be_a_fraction() -> None:
    assert _kind("(a.v * a.v) ** 0.5").dimension == dimension_of("mL")
    assert _kind("a.x ** -1").decays == Fraction(-1)
    assert _value("4 ** 0.5") == pytest.approx(2)
    assert math.isclose(_value("(a.x ** -1) * a.x"), 1)
