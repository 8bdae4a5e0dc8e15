"""`manage.py formula` and `manage.py judge`: one JSON object, no server, no database."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

CASES = Path(__file__).parents[1] / "reference"


def _said(*arguments: str) -> Any:
    out = io.StringIO()
    call_command(*arguments, stdout=out)
    return json.loads(out.getvalue())


def _refused(*arguments: str) -> str:
    with pytest.raises(CommandError) as refusal:
        call_command(*arguments)
    assert refusal.value.returncode == 2
    return str(refusal.value)


def test_a_formula_is_calculated() -> None:
    case = json.loads((CASES / "formulas.json").read_text(encoding="utf-8"))["cases"][0]
    found = _said("formula", case["formula"], "--inputs", json.dumps(case["inputs"]))
    assert found["outputs"]["activity"]["unit"] == "MBq"
    assert found["worked"]


def test_the_inputs_may_stand_in_a_file(tmp_path: Path) -> None:
    inputs = tmp_path / "inputs.json"
    inputs.write_text('{"relative_components_percent": [3, 4.0]}', encoding="utf-8")
    assert (
        float(
            _said("formula", "combined-uncertainty", "--inputs", f"@{inputs}")["outputs"]["combined_percent"]["value"]
        )
        == 5
    )


def test_the_formulas_are_listed_with_their_inputs() -> None:
    listed = {entry["formula"]: entry for entry in _said("formula", "--list")}
    assert len(listed) == 21
    assert "optional" in listed["endotoxin-limit"]["inputs"]["body_mass"]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["activity-at", "--inputs", "{}"], "nuclide"),
        (["activity-at", "--inputs", "{"], "not valid JSON"),
        (["activity-at", "--inputs", '{"nuclide": "Zr-89", "nuclide": "F-18"}'], "twice"),
        (["activity-at", "--inputs", "@/nowhere.json"], "nowhere"),
        (["activity-at"], "--inputs"),
        (["alchemy", "--inputs", "{}"], "no formula"),
        ([], "--list"),
    ],
)
def test_a_bad_input_ends_with_status_2_and_a_sentence(arguments: list[str], says: str) -> None:
    assert says in _refused("formula", *arguments)


@pytest.mark.parametrize(
    ("criterion", "result", "verdict"),
    [
        ('{"min": "95.0"}', "94.5", "fail"),
        ('{"min": 95.0}', "94.5", "fail"),  # a JSON number keeps the decimals it is written with
        ('{"min": "-20", "max": "-15"}', "-15.4", "pass"),
        ('{"accept": ["no growth"]}', "", "missing"),
    ],
)
def test_a_result_is_judged(criterion: str, result: str, verdict: str) -> None:
    assert _said("judge", f"--criterion={criterion}", f"--result={result}") == {"verdict": verdict}


def test_a_result_that_is_left_out_is_missing() -> None:
    assert _said("judge", "--criterion", '{"min": "95.0"}') == {"verdict": "missing"}


@pytest.mark.parametrize(
    ("criterion", "result"), [("{}", "5"), ('{"min": "x"}', "5"), ('{"min": "9"}', "3,2"), ("[", "5")]
)
def test_a_bad_criterion_or_result_ends_with_status_2(criterion: str, result: str) -> None:
    _refused("judge", f"--criterion={criterion}", f"--result={result}")
