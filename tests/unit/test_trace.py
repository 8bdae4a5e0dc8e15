"""Every requirement that is said to be proven has a test, and every mark names a requirement of the list."""

from __future__ import annotations

import ast

import pytest

from tests.trace import (
    ATTRIBUTES,
    LIST,
    MISSING,
    PROVEN,
    ROOT,
    UNTESTED,
    Row,
    faults,
    marks,
    marks_of,
    matrix,
    places_of,
    sections,
)

LISTED = sections(LIST.read_text(encoding="utf-8"))
MARKED = marks()


@pytest.mark.requirement("A11-4.4")
@pytest.mark.requirement("VAL-1")
def test_the_list_and_the_tests_agree() -> None:
    assert faults(LISTED, MARKED) == []
    assert len(LISTED[PROVEN]) > 100


@pytest.mark.requirement("A11-4.4")
def test_each_disagreement_is_named() -> None:
    row = Row("X-1", ("a clause", "It does.", "`here`"))
    listed = {PROVEN: [row, row, Row("X-2", row.cells)], UNTESTED: []}
    assert faults(listed, {"X-1": ["a"], "X-3": ["b"]}) == [
        "b proves X-3, which the list does not hold as proven.",
        "No test proves X-2.",
        "X-1 is listed twice.",
    ]


@pytest.mark.requirement("A11-4.4")
def test_marks_are_found_wherever_they_stand() -> None:
    source = (
        "pytestmark = [pytest.mark.requirement('A')]\n"
        "@pytest.mark.requirement('B')\n"
        "@pytest.mark.parametrize('x', [pytest.param(1, marks=pytest.mark.requirement('C'))])\n"
        "def test_it(x): ...\n"
        "@pytest.mark.requirement('D')\n"
        "class TestThat:\n"
        "    @pytest.mark.requirement('E')\n"
        "    def test_it(self): ...\n"
    )
    found = dict(marks_of(ast.parse(source)))
    assert found == {
        "A": (),
        "B": ("test_it",),
        "C": ("test_it",),
        "D": ("TestThat",),
        "E": ("TestThat", "test_it"),
    }


@pytest.mark.requirement("A11D-6")
def test_every_row_names_its_source_and_a_place_that_is_there() -> None:
    for row in (*LISTED[PROVEN], *LISTED[UNTESTED]):
        source, requirement, _ = row.cells
        assert source, row
        assert requirement.endswith("."), row
        assert places_of(row), row
    places = {place for row in (*LISTED[PROVEN], *LISTED[UNTESTED]) for place in places_of(row)}
    assert {place for place in places if not (ROOT / place).exists()} == set()


@pytest.mark.requirement("A11D-6")
def test_what_is_missing_is_said_once() -> None:
    missing = [row.id for row in LISTED[MISSING]]
    assert sorted(set(missing)) == sorted(missing)
    assert all(row.cells[0].endswith(".") for row in LISTED[MISSING])


@pytest.mark.requirement("DI-1")
def test_each_attribute_of_data_leads_to_a_test() -> None:
    attributes = {row.id: row.cells for row in LISTED[ATTRIBUTES]}
    assert list(attributes) == ["Attributable", "Legible", "Contemporaneous", "Original", "Accurate"]
    for rule, rows in attributes.values():
        assert rule.startswith("212.")
        assert set(rows.split(", ")) <= set(MARKED)


@pytest.mark.requirement("A11-4.4")
def test_the_matrix_names_each_requirement_with_its_tests() -> None:
    text = matrix(LISTED, MARKED)
    for row in LISTED[PROVEN]:
        assert f"## {row.id} (" in text
        assert all(f"- `{test}`" in text for test in MARKED[row.id])
