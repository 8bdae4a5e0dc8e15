"""A whole batch: the reference campaign, what is missing, what fails, and what is shared."""

from __future__ import annotations

import json
import math
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from labeling.domain.evaluation import ComputedResult, InstrumentCalibration, Recorded, evaluate, expiry
from labeling.domain.nuclides import nuclide, nuclide_with
from labeling.domain.protocol import Protocol
from labeling.domain.protocol_reading import parse_protocol

ROOT = Path(__file__).parents[2]
CAMPAIGN = json.loads((ROOT / "tests" / "reference" / "campaign.json").read_text(encoding="utf-8"))
BATCHES = [CAMPAIGN["synthesis"], *CAMPAIGN["labelings"]]
LABELING = CAMPAIGN["labelings"][0]
ZR89 = nuclide("Zr-89")
INSTRUMENTS = {"DC-1": InstrumentCalibration("3.0", "0.2"), "CC-1": InstrumentCalibration("2", "4")}


def _protocol(code: str) -> Protocol:
    return parse_protocol((ROOT / "library" / "protocols" / f"{code}.yaml").read_text(encoding="utf-8"))


def _recorded(batch: dict[str, Any], **changed: str | None) -> dict[str, Recorded]:
    entries = {}
    for entry in batch["entries"]:
        name = f"{entry['step']}.{entry['field']}"
        at = datetime.fromisoformat(entry["at"]) if "at" in entry else None
        entries[name] = Recorded(
            entry["step"], entry["field"], str(entry["value"]), entry.get("unit"), at, instrument=entry.get("equipment")
        )
    for name, value in changed.items():
        key = name.replace("__", ".")
        if value is None:
            del entries[key]
        else:
            old = entries[key]
            entries[key] = Recorded(old.step, old.field, value, old.unit, old.at, instrument=old.instrument)
    return entries


def _results(batch: dict[str, Any], **changed: str | None) -> dict[str, ComputedResult]:
    computed = evaluate(
        _protocol(batch["protocol"]), _recorded(batch, **changed), nuclide=ZR89, instruments=INSTRUMENTS
    )
    return {result.key: result for result in computed}


@pytest.mark.parametrize("batch", BATCHES, ids=["synthesis", "labeling 1", "labeling 2"])
def test_the_reference_campaign_comes_out_as_expected(batch: dict[str, Any]) -> None:
    computed = _results(batch)
    assert list(computed) == list(batch["expected_results"])
    for key, expected in batch["expected_results"].items():
        result = computed[key]
        assert result.value is not None
        assert math.isclose(float(result.value), float(expected["value"]), rel_tol=expected["rel_tol"])
        assert result.unit == expected["unit"]
        assert result.worked
    protocol = _protocol(batch["protocol"])
    assert expiry(protocol, _recorded(batch)) == datetime.fromisoformat(batch["expected_expiry"])


def test_a_result_waits_for_what_is_missing_and_is_never_guessed() -> None:
    computed = _results(LABELING, incubate__residual=None, formulate__total_after="")
    efficiency = computed["labeling_efficiency"]
    assert efficiency.value is None
    assert efficiency.missing == ("incubate.residual",)
    assert efficiency.limit_state == "waiting"
    assert computed["viability"].missing == ("formulate.total_after",)
    assert computed["cell_recovery"].value is not None


def test_what_a_result_stands_on_is_named_through_the_results_between() -> None:
    computed = _results(CAMPAIGN["synthesis"], residue__residual=None)
    assert computed["radiochemical_yield"].missing == ("residue.residual",)


def test_nothing_recorded_leaves_every_result_waiting() -> None:
    protocol = _protocol("t-cell-labeling")
    computed = evaluate(protocol, {}, nuclide=ZR89)
    assert {result.limit_state for result in computed} == {"waiting"}
    assert expiry(protocol, {}) is None


def test_a_result_that_cannot_be_calculated_says_why_and_the_others_stand() -> None:
    computed = _results(LABELING, receive_cells__viable_before="0", formulate__total_after="0")
    assert computed["cell_recovery"].error == "Division by zero: 0 cells stands in a divisor."
    assert computed["cell_recovery"].value is None
    assert "formulate.total_after" in str(computed["viability"].error)
    assert computed["labeling_efficiency"].value is not None


def test_a_result_upon_one_that_failed_says_which() -> None:
    document = (ROOT / "library" / "protocols" / "t-cell-labeling.yaml").read_text(encoding="utf-8")
    more = "  - {key: twice, title: Twice, unit: '%', expression: 2 * cell_recovery}\nspecification:"
    protocol = parse_protocol(document.replace("specification:", more, 1))
    computed = evaluate(protocol, _recorded(LABELING, receive_cells__viable_before="0"), nuclide=ZR89)
    assert str(computed[-1].error).startswith("cell_recovery could not be calculated: Division by zero")


def test_a_censored_value_is_not_calculated_with() -> None:
    assert "is not a number" in str(_results(LABELING, wash_2__wash="<0.01")["labeling_efficiency"].error)


@pytest.mark.parametrize(
    ("viable", "state"), [("7.0e7", "within"), ("5.182e7", "warning"), ("3.8e7", "action"), ("3.88e7", "within")]
)
def test_limits_are_judged_like_any_criterion(viable: str, state: str) -> None:
    assert CAMPAIGN["labelings"][0]["entries"][-4]["value"] == "3.88"
    computed = _results(LABELING, formulate__viable_after=viable)["specific_activity"]
    # 3.88 MBq on 38.8 million cells are 100.0 kBq per million: at the action limit, and above the warning limit
    assert computed.limit_state == ("warning" if viable == "3.88e7" else state)


def test_one_instruments_calibration_cancels_in_a_ratio_and_not_in_an_activity() -> None:
    synthesis = _results(CAMPAIGN["synthesis"])
    net, share = synthesis["net_starting"], synthesis["radiochemical_yield"]
    assert float(net.u or 0) / float(net.value or 1) == pytest.approx(0.030, rel=0.01)
    assert float(share.u or 0) / float(share.value or 1) == pytest.approx(0.002 * math.sqrt(2), rel=0.02)


def test_a_result_says_where_an_uncertainty_is_not_stated() -> None:
    concentration = _results(CAMPAIGN["synthesis"])["concentration"]
    assert concentration.u is None
    assert concentration.flags == ("uncertainty_incomplete",)
    bare = evaluate(_protocol("t-cell-labeling"), _recorded(LABELING), nuclide=ZR89)
    assert {result.u for result in bare} == {None}
    assert {result.flags for result in bare} == {("uncertainty_not_stated",)}


def test_a_result_has_the_instant_of_the_activity_it_stands_on() -> None:
    synthesis = _results(CAMPAIGN["synthesis"])
    assert synthesis["net_starting"].at == datetime.fromisoformat("2026-03-03T06:05:00+01:00")
    assert synthesis["concentration"].at == datetime.fromisoformat("2026-03-03T06:58:00+01:00")
    assert synthesis["radiochemical_yield"].at is None


def test_moving_a_whole_batch_in_time_changes_no_result() -> None:
    moved = {
        name: Recorded(
            entry.step,
            entry.field,
            entry.value,
            entry.unit,
            entry.at + timedelta(days=243, hours=5) if entry.at else None,
        )
        for name, entry in _recorded(LABELING).items()
    }
    protocol = _protocol("t-cell-labeling")
    before = evaluate(protocol, _recorded(LABELING), nuclide=ZR89)
    after = evaluate(protocol, moved, nuclide=ZR89)
    assert [result.value for result in after] == [result.value for result in before]


def test_a_protocol_version_keeps_the_half_life_it_was_made_with() -> None:
    older = nuclide_with("Zr-89", half_life="3.3", unit_symbol="d", u=None, source="an older table")
    computed = evaluate(_protocol("zr89-oxine-kit"), _recorded(CAMPAIGN["synthesis"]), nuclide=older)
    assert computed[0].constants == {"half-life of Zr-89": "3.3 d, an older table"}
    assert computed[0].value != _results(CAMPAIGN["synthesis"])["net_starting"].value


def test_an_entry_in_another_unit_gives_the_same_result() -> None:
    entries = _recorded(LABELING)
    cells = entries["formulate.cells"]
    entries["formulate.cells"] = Recorded(cells.step, cells.field, "3880", "kBq", cells.at)
    computed = evaluate(_protocol("t-cell-labeling"), entries, nuclide=ZR89)
    assert float(computed[0].value or 0) == pytest.approx(46.85638239888388, rel=1e-12)
