"""Judging: the reference cases, and what may never pass."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from labeling.domain.criteria import Criterion, Verdict, criterion_from, judge, judge_computed
from lims.errors import InvalidInput

CASES = json.loads((Path(__file__).parents[1] / "reference" / "criteria.json").read_text(encoding="utf-8"))["cases"]


@pytest.mark.parametrize("case", CASES, ids=[case["id"] for case in CASES])
def test_a_result_is_judged_as_the_reference_says(case: dict[str, Any]) -> None:
    assert judge(criterion_from(case["criterion"]), case["result"]) == case["verdict"]


@pytest.mark.parametrize(
    ("criterion", "result", "verdict"),
    [
        ({"max": "17.5"}, "<17.5", "pass"),
        ({"max": "17.5"}, "<=17.5", "pass"),
        ({"max": "17.5"}, "<17.54", "inconclusive"),  # the bound is compared as written
        ({"max": "17.5"}, "> 17.5", "fail"),
        ({"max": "17.5"}, ">=17.5", "inconclusive"),
        ({"min": "80"}, ">80", "pass"),
        ({"min": "80"}, ">=79.9", "inconclusive"),
        ({"min": "80"}, "<80", "fail"),
        ({"min": "80"}, "<=80", "inconclusive"),
        ({"min": "80"}, "≤79", "fail"),
        ({"min": "6.5", "max": "8.0"}, "<7", "inconclusive"),
        ({"min": "6.5", "max": "8.0"}, ">7", "inconclusive"),
        ({"min": "6.5", "max": "8.0"}, ">8", "fail"),
        ({"min": "-20", "max": "-15"}, "-20.5", "fail"),  # half away from zero: -21
        ({"min": "-20", "max": "-15"}, "-20.4", "pass"),
        ({"min": "95"}, "1e40", "pass"),
        ({"max": "5.0"}, "1e-40", "pass"),
        ({"max": "5.0"}, " 5.0 ", "pass"),
        ({"max": "5.0"}, "infinity", "missing"),
        ({"max": "5.0"}, "-inf", "missing"),
        ({"max": "5.0"}, "   ", "missing"),
        ({"accept": ["negative"]}, "Negative", "fail"),
        ({"accept": ["negative"]}, "", "missing"),
        ({"min": "0.10"}, "0.095", "pass"),
        ({"min": "0.10"}, "0.0949999", "fail"),
    ],
)
def test_a_result_is_judged(criterion: dict[str, Any], result: str, verdict: str) -> None:
    assert judge(criterion_from(criterion), result) == verdict


@pytest.mark.parametrize("result", ["3,2", "1.2.3", "abc", "95 %"])
def test_a_result_that_is_no_number_is_refused_rather_than_judged(result: str) -> None:
    with pytest.raises(InvalidInput):
        judge(Criterion(min="95"), result)


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"accept": []},
        {"min": None},
        {"min": "x"},
        {"min": "1,5"},
        {"min": "NaN"},
        {"min": 95.0},
        {"min": True},
        {"min": "9", "max": "8"},
        {"min": "9", "accept": ["yes"]},
        {"accept": [""]},
        {"accept": "yes"},
        {"minimum": "9"},
        [],
        None,
    ],
)
def test_a_criterion_that_nothing_could_be_held_to_is_refused(document: object) -> None:
    with pytest.raises(InvalidInput):
        criterion_from(document)


def test_binary_noise_does_not_move_a_computed_result_over_a_limit() -> None:
    below = repr(0.285 * 100)  # 28.499999999999996
    assert judge(Criterion(min="29"), below) is Verdict.FAIL
    assert judge_computed(Criterion(min="29"), below) is Verdict.PASS
    assert judge_computed(Criterion(max="28"), below) is Verdict.FAIL


@pytest.mark.parametrize("value", [None, "", "nan", "inf"])
def test_a_computed_result_without_a_value_is_missing(value: str | None) -> None:
    assert judge_computed(Criterion(min="20"), value) is Verdict.MISSING
