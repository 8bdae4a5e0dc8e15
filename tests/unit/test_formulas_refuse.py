"""What a formula cannot calculate with is refused, and the refusal names the input."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from labeling.domain.formulas import compute
from lims.errors import DomainError, InvalidInput

CASES = {
    case["id"]: case
    for case in json.loads((Path(__file__).parents[1] / "reference" / "formulas.json").read_text(encoding="utf-8"))[
        "cases"
    ]
}
ABSENT = object()


def _changed(inputs: dict[str, Any], path: str, value: object) -> dict[str, Any]:
    changed = copy.deepcopy(inputs)
    *parents, last = (int(part) if part.isdigit() else part for part in path.split("."))
    place: Any = changed
    for parent in parents:
        place = place[parent]
    if value is ABSENT:
        del place[last]
    else:
        place[last] = value
    return changed


REFUSED = [
    # case, what is changed, to what, code, the input that the refusal names
    ("V-A1", "reading", ABSENT, "missing_input", "reading"),
    ("V-A1", "reading", None, "missing_input", "reading"),
    ("V-A1", "nuclide", ABSENT, "missing_input", "nuclide"),
    ("V-A1", "readng", "x", "unknown_input", "readng"),
    ("V-A1", "reading.valeu", "x", "unknown_input", "reading.valeu"),
    ("V-A1", "reading.unit", ABSENT, "missing_input", "reading.unit"),
    ("V-A1", "reading.unit", "mL", "wrong_unit", "reading"),
    ("V-A1", "reading.unit", "Mbq", "unknown_unit", "reading.unit"),
    ("V-A1", "reading.at", ABSENT, "missing_instant", "reading.at"),
    ("V-A1", "reading.at", "2026-03-02T08:00:00", "naive_time", "reading.at"),
    ("V-A1", "reading.at", "yesterday", "not_a_time", "reading.at"),
    ("V-A1", "at", "2026-03-02T08:00:00", "naive_time", "at"),
    ("V-A1", "at", 7, "not_a_time", "at"),
    ("V-A1", "reading.value", "3,2", "ambiguous_number", "reading"),
    ("V-A1", "reading.value", "1.2.3", "not_a_number", "reading"),
    ("V-A1", "reading.value", "NaN", "not_a_number", "reading"),
    ("V-A1", "reading.value", "", "missing_value", "reading"),
    ("V-A1", "reading.value", True, "not_a_number", "reading"),
    ("V-A1", "reading.value", "<5", "not_a_number", "reading"),
    ("V-A1", "reading.value", "-5", "negative_value", "reading"),
    ("V-A1", "reading.u", "-0.1", "negative_value", "reading.u"),
    ("V-A1", "reading", "185 MBq", "invalid", "reading"),
    ("V-A1", "reading.instrument", "DC9", "unknown_input", "reading.instrument"),
    ("V-A1", "nuclide", "Zr89", "unknown_nuclide", "nuclide"),
    ("V-A1", "nuclide", 89, "invalid", "nuclide"),
    ("V-A1", "unit", "mL", "wrong_unit", "unit"),
    ("V-A1", "half_life", {"value": "0", "unit": "h"}, "not_positive", "half_life"),
    ("V-A1", "half_life", {"value": "-78", "unit": "h"}, "not_positive", "half_life"),
    ("V-A1", "half_life", {"value": "78", "unit": "MBq"}, "wrong_unit", "half_life"),
    ("V-A1", "half_life", "78.41 h", "invalid", "half_life"),
    ("V-A1", "instruments", ["DC1"], "invalid", "instruments"),
    ("V-U1", "instruments.DC1.relative_u", "3", "unknown_input", "instruments.DC1.relative_u"),
    ("V-U1", "instruments.DC1.relative_u_percent", "-3", "negative_value", "instruments.DC1.relative_u_percent"),
    ("V-Y1", "starting.value", "0", "division_by_zero", "starting"),
    ("V-L1", "supernatants", [], "too_few", "supernatants"),
    ("V-L1", "supernatants", {}, "invalid", "supernatants"),
    ("V-L1", "supernatants.1.unit", "mL", "wrong_unit", "supernatants[1]"),
    ("V-L1", "supernatants.2.at", ABSENT, "missing_instant", "supernatants[2].at"),
    ("V-L1", "dispensed.value", "0", "division_by_zero", "dispensed"),
    ("V-L1", "residuals.0.value", "20", "division_by_zero", "dispensed"),
    ("V-S1", "viable_cells.value", "0", "division_by_zero", "viable_cells"),
    ("V-S1", "total_cells.value", "0", "division_by_zero", "total_cells"),
    ("V-S1", "viable_cells.unit", "MBq", "wrong_unit", "viable_cells"),
    ("V-V1", "concentration.value", "0", "not_positive", "concentration"),
    ("V-V1", "concentration.unit", "MBq", "wrong_unit", "concentration"),
    ("V-P1", "recovery.value", "0", "not_positive", "recovery"),
    ("V-P1", "calibration_time", ABSENT, "missing_input", "calibration_time"),
    ("V-H1", "second.at", "2026-03-02T07:00:00+00:00", "division_by_zero", "second"),
    ("V-H1", "second.value", "100.0", "division_by_zero", "second"),
    ("V-H1", "second.value", "101", "not_decaying", "second"),
    ("V-H1", "second.unit", "1/s", "wrong_unit", "second"),
    ("V-H2", "points.1.elapsed_s", "0", "duplicate", "points"),
    ("V-H2", "points.1.rate", "0", "not_positive", "points[1].rate"),
    ("V-H2", "points.1.u", "0", "not_positive", "points[1].u"),
    ("V-H2", "points.1.u", ABSENT, "missing_input", "points[1].u"),
    ("V-H2", "points", [], "too_few", "points"),
    ("V-T1", "product", "solvent front", "unknown_choice", "product"),
    ("V-T1", "regions.0.name", "product", "duplicate", "regions"),
    ("V-T1", "regions.0.width_mm", ABSENT, "missing_input", "regions[0].width_mm"),
    ("V-T1", "regions.0.gross_counts", "-1", "negative_value", "regions[0].gross_counts"),
    ("V-T1", "background_counts_per_mm", "2000", "division_by_zero", "regions"),
    ("V-N1", "count_time.value", "0", "not_positive", "count_time"),
    ("V-N1", "background_time.unit", "mL", "wrong_unit", "background_time"),
    ("V-E1", "maximum_volume.value", "0", "not_positive", "maximum_volume"),
    ("V-E1", "route", "oral", "unknown_choice", "route"),
    ("V-E3", "body_mass.value", "0", "not_positive", "body_mass"),
    ("V-C1", "setting_used", "-87", "negative_value", "setting_used"),
    ("V-R1", "impurities.0.half_life.value", "0", "not_positive", "impurities[0].half_life"),
    ("V-R1", "impurities.0.half_life.value", "-3", "negative_value", "impurities[0].half_life"),
    ("V-R1", "impurities.0.half_life", ABSENT, "missing_input", "impurities[0].half_life"),
    ("V-R1", "impurities.0.nuclide", "Y-88", "duplicate", "impurities"),
    ("V-R1", "at", "2026-03-01T08:00:00Z", "before_calibration", "at"),
    ("V-W1", "target.value", "0", "not_positive", "target"),
    ("V-W1", "reading.value", "0", "not_positive", "reading"),
    ("V-K1", "initial.value", "0", "division_by_zero", "initial"),
    ("V-K1", "later.unit", "MBq", "wrong_unit", "later"),
    ("V-M1", "mass.value", "0", "division_by_zero", "mass"),
    ("V-M1", "molar_mass.value", "0", "division_by_zero", "molar_mass"),
    ("V-B1", "count_time.value", "0", "not_positive", "count_time"),
    ("V-I1", "total_cells.value", "0", "division_by_zero", "total_cells"),
    ("V-G1", "relative_components_percent", [], "too_few", "relative_components_percent"),
    ("V-G1", "relative_components_percent.0", "-1", "negative_value", "relative_components_percent[0]"),
]


@pytest.mark.parametrize(
    ("case", "path", "value", "code", "named"), REFUSED, ids=[f"{row[0]}-{row[1]}-{row[3]}" for row in REFUSED]
)
def test_a_bad_input_is_refused_by_its_name(case: str, path: str, value: object, code: str, named: str) -> None:
    inputs = _changed(CASES[case]["inputs"], path, value)
    with pytest.raises(InvalidInput) as refusal:
        compute(CASES[case]["formula"], inputs)
    assert refusal.value.code == code
    assert named in refusal.value.message
    assert refusal.value.message.endswith((".", "?"))


@pytest.mark.parametrize("inputs", [None, [], "x", 5])
def test_inputs_that_are_no_object_are_refused(inputs: object) -> None:
    with pytest.raises(DomainError):
        compute("viability", inputs)


def test_two_points_are_no_fit() -> None:
    case = CASES["V-H2"]
    with pytest.raises(InvalidInput, match=r"points: at least 3 are needed"):
        compute("half-life-fit", {"points": case["inputs"]["points"][:2]})


def test_rates_that_grow_have_no_half_life() -> None:
    points = [{"elapsed_s": str(3600 * hour), "rate": str(100 + hour), "u": "1"} for hour in range(4)]
    with pytest.raises(InvalidInput, match="points"):
        compute("half-life-fit", {"points": points})


def test_an_interval_beyond_all_measure_is_refused_and_not_infinite() -> None:
    inputs = copy.deepcopy(CASES["V-A1"]["inputs"]) | {"half_life": {"value": "1", "unit": "s"}}
    with pytest.raises(InvalidInput, match="one of the two times cannot be right"):
        compute("activity-at", inputs | {"at": "1990-01-01T00:00:00Z"})


@pytest.mark.parametrize("case", CASES.values(), ids=list(CASES))
def test_no_input_that_is_left_out_or_added_goes_unnoticed(case: dict[str, Any]) -> None:
    optional = {"unit", "instruments", "total_cells", "body_mass", "background_counts_per_mm"}
    for name in case["inputs"].keys() - optional:
        with pytest.raises(InvalidInput, match=name):
            compute(case["formula"], {key: value for key, value in case["inputs"].items() if key != name})
    with pytest.raises(InvalidInput, match="colour"):
        compute(case["formula"], case["inputs"] | {"colour": "clear"})
