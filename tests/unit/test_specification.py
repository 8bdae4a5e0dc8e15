"""Specification documents."""

from __future__ import annotations

from pathlib import Path

import pytest

from labeling.domain.protocol_reading import parse_protocol
from labeling.domain.specification import check_against, parse_specification
from lims.errors import InvalidInput

LIBRARY = Path(__file__).parents[2] / "library"
HEAD = "specification: small\ntitle: Small\ntests:\n"


def _shipped(name: str) -> str:
    return (LIBRARY / "specifications" / f"{name}.yaml").read_text(encoding="utf-8")


def test_a_shipped_specification_is_read() -> None:
    specification = parse_specification(_shipped("labeled-t-cells"))
    viability = specification.test("viability")
    assert viability.criterion.min == "80"
    assert viability.from_result == "viability"
    assert viability.is_computed
    assert viability.conditional_release_forbidden
    sterility = specification.test("sterility")
    assert (sterility.required_before, sterility.start_within_hours, sterility.days) == ("final", "30", "14")
    assert specification.test("retention_24h").output == "retention"
    with pytest.raises(InvalidInput, match="no test"):
        specification.test("colour")


@pytest.mark.parametrize(
    ("specification", "protocol"), [("labeled-t-cells", "t-cell-labeling"), ("zr89-oxine", "zr89-oxine-kit")]
)
def test_a_shipped_specification_reads_what_its_protocol_records(specification: str, protocol: str) -> None:
    document = (LIBRARY / "protocols" / f"{protocol}.yaml").read_text(encoding="utf-8")
    assert check_against(parse_specification(_shipped(specification)), parse_protocol(document)) == ()


def test_a_specification_that_reads_what_is_not_recorded_says_so() -> None:
    document = (LIBRARY / "protocols" / "zr89-oxine-kit.yaml").read_text(encoding="utf-8")
    problems = check_against(parse_specification(_shipped("labeled-t-cells")), parse_protocol(document))
    assert any('reads "viability"' in problem for problem in problems)


@pytest.mark.parametrize(
    ("test", "says"),
    [
        ('{key: a, title: A, min: "5", max: "4", required_before: release}', "greater than the maximum"),
        ('{key: a, title: A, min: "5", required_before: tomorrow}', "not a known required_before"),
        ('{key: a, title: A, min: "5"}', "required_before"),
        ("{key: a, title: A, required_before: release}", '"min"'),
        ("{key: a, title: A, type: choice, required_before: release}", '"accept"'),
        ('{key: a, title: A, type: choice, accept: [x], max: "4", required_before: release}', '"accept"'),
        ('{key: a, title: A, type: count, min: "5", required_before: release}', "not a known type"),
        ('{key: a, title: A, unit: Mbq, min: "5", required_before: release}', "not known"),
        ('{key: a, title: A, min: "5", required_before: release, formula: magic}', "no formula"),
        ('{key: a, title: A, unit: mL, min: "5", required_before: release, formula: retention}', "no unit of that"),
        ('{key: a, title: A, unit: "%", min: "5", required_before: release, formula: radiochemical-yield}', "several"),
        ('{key: a, title: A, min: "5", required_before: release, formula: retention, from_result: b}', "not both"),
        ('{key: a, title: A, min: "5", required_before: release, conditional_release: perhaps}', "conditional_release"),
        ('{key: a, title: A, mn: "5", required_before: release}', 'no key "mn"'),
    ],
)
def test_a_test_that_nothing_could_be_held_to_is_refused_with_its_line(test: str, says: str) -> None:
    with pytest.raises(InvalidInput, match=r"Line 4: ") as refusal:
        parse_specification(f"{HEAD}  - {test}\n")
    assert any(says in str(error) for error in refusal.value.details["errors"])


def test_a_specification_without_tests_is_refused() -> None:
    with pytest.raises(InvalidInput, match="would release everything"):
        parse_specification("specification: small\ntitle: Small\n")
