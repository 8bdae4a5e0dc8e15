"""The catalogue against reference cases that were computed independently in 40-digit arithmetic."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest

from labeling.domain.formulas import catalogue, compute, describe, formula_named
from lims.errors import NotFound

REFERENCE = json.loads((Path(__file__).parents[1] / "reference" / "formulas.json").read_text(encoding="utf-8"))
CASES = REFERENCE["cases"]


@pytest.mark.parametrize("case", CASES, ids=[case["id"] for case in CASES])
def test_a_formula_gives_the_reference_value(case: dict[str, Any]) -> None:
    outcome: dict[str, Any] = compute(case["formula"], case["inputs"])
    assert outcome["formula"] == case["formula"]
    assert outcome["worked"].count("\n") >= 1
    for name, expected in case["expect"].items():
        output = outcome["outputs"][name]
        assert output["unit"] == expected["unit"]
        assert math.isclose(float(output["value"]), float(expected["value"]), rel_tol=expected["rel_tol"], abs_tol=0)
        if "u" in expected:
            assert math.isclose(float(output["u"]), float(expected["u"]), rel_tol=expected["u_rel_tol"], abs_tol=0)


def test_every_formula_of_the_catalogue_has_a_reference_case() -> None:
    assert set(catalogue()) == {case["formula"] for case in CASES}


@pytest.mark.parametrize("name", sorted(catalogue()))
def test_every_formula_says_what_it_calculates_what_it_refuses_and_where_it_is_from(name: str) -> None:
    description: dict[str, Any] = describe(formula_named(name))
    assert description["version"]
    assert description["inputs"]
    assert "Refused:" in description["definition"]
    assert "Source:" in description["definition"]


def test_a_formula_that_does_not_exist_is_refused_with_those_that_do() -> None:
    with pytest.raises(NotFound, match="activity-at"):
        compute("activity_at", {})


def test_the_zr89_half_life_is_the_one_of_the_reference() -> None:
    constants: Any = compute("decay-during-count", {"nuclide": "Zr-89", "count_time": {"value": "1", "unit": "h"}})
    zr89 = REFERENCE["constants"]["Zr-89"]
    assert constants["constants"] == {"half-life of Zr-89": "78.41(12) h, ENSDF"}
    assert (zr89["half_life_h"], zr89["u_h"], zr89["source"]) == ("78.41", "0.12", "ENSDF")


def test_a_half_life_that_is_given_replaces_the_one_of_the_library() -> None:
    inputs = {
        "nuclide": "Zr-89",
        "half_life": {"value": "3.3", "unit": "d"},
        "reading": {"value": "100", "unit": "MBq", "at": "2026-03-02T08:00:00Z"},
        "at": "2026-03-09T08:00:00Z",
    }
    outcome: Any = compute("activity-at", inputs)
    assert math.isclose(float(outcome["outputs"]["activity"]["value"]), 100 * 2 ** (-7 / 3.3), rel_tol=1e-12)
    assert outcome["constants"] == {"half-life of Zr-89": "3.3 d, as given"}


def test_the_worked_text_can_be_followed_with_a_pocket_calculator() -> None:
    worked = compute("activity-at", CASES[0]["inputs"])["worked"]
    assert worked == (
        "A = A0 × exp(−ln 2 × (t − t0) / T)\n"
        "T(Zr-89) = 78.41(12) h, ENSDF\n"
        "t = 2026-03-03 05:30 +01:00\n"
        "reading = 185.0 MBq at 2026-03-02 08:00 +01:00; 21.5 h later:"
        " 185 × exp(−ln 2 × 21.5 h / 78.41 h) = 185 × 0.826908887 = 152.978144 MBq\n"
        "A = 152.978144 MBq at 2026-03-03 05:30 +01:00\n"
        "Uncertainty not stated for: reading."
    )


def test_the_worked_text_shows_what_the_uncertainty_is_made_of() -> None:
    case = next(case for case in CASES if case["id"] == "V-U1")
    worked = str(compute("activity-at", case["inputs"])["worked"])
    assert worked.endswith("MBq, from calibration of DC1, reading, half-life of Zr-89")


# --- what is reported with a flag


def _yield(product: str) -> dict[str, Any]:
    starting = {"value": "100", "unit": "MBq", "at": "2026-03-02T08:00:00Z"}
    finished = {"value": product, "unit": "MBq", "at": "2026-03-02T08:00:00Z"}
    return compute("radiochemical-yield", {"nuclide": "Zr-89", "starting": starting, "product": finished})


def test_a_yield_above_100_percent_is_reported_with_a_flag_and_not_clipped() -> None:
    outcome: Any = _yield("101")
    assert float(outcome["outputs"]["decay_corrected"]["value"]) == pytest.approx(101)
    assert "above_100_percent" in outcome["flags"]
    assert "above 100 %" in outcome["worked"]


def test_a_yield_of_100_percent_carries_no_flag() -> None:
    assert "above_100_percent" not in _yield("100")["flags"]


def test_an_input_without_a_stated_uncertainty_gives_a_result_that_says_so() -> None:
    outcome: Any = _yield("90")
    assert outcome["outputs"]["decay_corrected"]["u"] is None
    assert outcome["flags"] == ["uncertainty_not_stated"]
    assert "Uncertainty not stated for: starting, product." in outcome["worked"]


def test_a_partly_stated_uncertainty_is_marked_incomplete() -> None:
    inputs = {
        "nuclide": "Zr-89",
        "reference_time": "2026-03-03T12:30:00Z",
        "cells": {"value": "4.80", "unit": "MBq", "u": "0.02", "at": "2026-03-03T12:30:00Z"},
        "viable_cells": {"value": "60e6", "unit": "cells"},
    }
    outcome: Any = compute("cell-specific-activity", inputs)
    assert outcome["flags"] == ["uncertainty_incomplete"]
    assert "Uncertainty not stated for: viable_cells." in outcome["worked"]


def test_counts_below_background_give_a_negative_rate() -> None:
    minute = {"value": "1", "unit": "min"}
    inputs = {"gross_counts": "90", "count_time": minute, "background_counts": "120", "background_time": minute}
    outcome: Any = compute("net-count-rate", inputs)
    assert float(outcome["outputs"]["rate"]["value"]) == pytest.approx(-0.5)
    assert float(outcome["outputs"]["rate"]["u"]) == pytest.approx(math.sqrt(210) / 60)


def test_a_daughter_that_lives_as_long_as_its_mother_grows_in() -> None:
    half_life = {"value": "100", "unit": "d"}
    impurity = {"nuclide": "Zr-88", "percent_of_main": "1", "half_life": half_life}
    inputs = {
        "nuclide": "Zr-89",
        "calibration_time": "2026-03-02T08:00:00Z",
        "at": "2026-03-09T08:00:00Z",
        "impurities": [impurity | {"daughter": {"nuclide": "Y-88", "half_life": half_life}}],
    }
    outcome: Any = compute("radionuclidic-purity", inputs)
    mother = float(outcome["outputs"]["percent_of_main:Zr-88"]["value"])
    daughter = float(outcome["outputs"]["percent_of_main:Y-88"]["value"])
    assert daughter == pytest.approx(mother * math.log(2) * 7 / 100, rel=1e-12)
