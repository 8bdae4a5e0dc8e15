"""Constancy, linearity, accuracy and calibration factors: laws, worked cases, refusals."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labeling.domain.evaluation import ComputedResult, InstrumentCalibration, Recorded, evaluate
from labeling.domain.formulas import compute
from labeling.domain.instruments import (
    CheckState,
    Evaluated,
    accuracy,
    activity_reading,
    constancy,
    factor_of,
    linearity,
    parse_factor,
    parse_setting,
)
from labeling.domain.measurements import Reading
from labeling.domain.nuclides import nuclide
from labeling.domain.protocol_reading import parse_protocol
from labeling.domain.uncertainty import nominal
from lims.errors import InvalidInput

NOW = datetime(2026, 3, 2, 8, tzinfo=UTC)
CS137, ZR89 = nuclide("Cs-137"), nuclide("Zr-89")
factors = st.decimals(min_value="0.5", max_value="2", places=3)
megabecquerels = st.decimals(min_value="1", max_value="900", places=2)
PROTOCOL = parse_protocol(
    """\
protocol: law
title: A law
kind: synthesis
nuclide: Zr-89
product: none
equipment: [{key: calibrator, kind: dose_calibrator}]
steps:
  - key: read
    title: Read
    fields:
      - {key: full, label: Full, type: activity, unit: MBq, equipment: calibrator}
      - {key: rest, label: Rest, type: activity, unit: MBq, equipment: calibrator}
      - {key: volume, label: Volume, type: volume, unit: mL}
results:
  - {key: net, title: Net, unit: MBq, formula: net-activity, inputs: {full: read.full, residual: read.rest}}
  - {key: concentration, title: Concentration, unit: MBq/mL, expression: read.full / read.volume}
  - {key: share, title: Share, unit: "%", expression: "at(read.rest, read.full) / read.full"}
"""
)


def reading(value: str, at: datetime, name: str = "reading") -> Reading:
    return activity_reading(name, value, "MBq", at)


def checked(value: str, *, background: str = "", years: float = 0) -> Evaluated:
    at = NOW + timedelta(days=365.2422 * years)
    return constancy(
        reading=reading(value, at),
        background=reading(background, at, "background") if background else None,
        source=reading("7.400", NOW, "CS-1"),
        nuclide=CS137,
        warning_percent="5",
        action_percent="10",
    )


@pytest.mark.requirement("RAD-7")
@pytest.mark.parametrize(
    ("value", "state"),
    [
        ("7.400", "within"),
        ("7.77", "within"),
        ("7.83", "warning"),
        ("8.2", "action"),
        ("6.5", "action"),
        ("0", "action"),
    ],
)
def test_the_outcome_of_a_constancy_check_is_computed(value: str, state: str) -> None:
    assert checked(value).state == state


def test_a_deviation_is_rounded_to_the_decimals_of_its_limit() -> None:
    assert checked("7.806").state is CheckState.WITHIN  # 5.49 %, which is 5
    assert checked("7.8144").state is CheckState.WARNING  # 5.6 %, which is 6


def test_the_source_decays_between_its_certificate_and_the_check() -> None:
    """After one half-life half is expected: 10986 d of Cs-137 (ENSDF)."""
    found = checked("3.700", years=10986 / 365.2422)
    assert math.isclose(float(found.points[0].expected), 3.7, rel_tol=1e-5)
    assert found.state is CheckState.WITHIN
    assert "T(Cs-137) = 10986(33) d" in found.worked


def test_the_background_is_taken_off() -> None:
    assert float(checked("7.5", background="0.1").deviation_percent) == pytest.approx(0, abs=1e-9)


@given(value=megabecquerels, hours=st.lists(st.integers(0, 400), min_size=3, max_size=8, unique=True), factor=factors)
def test_what_decays_as_computed_is_linear_whatever_the_factor(
    value: Decimal, hours: list[int], factor: Decimal
) -> None:
    """Linearity is about ratios: a wrong calibration factor does not show in it."""
    series = [
        reading(f"{float(value * factor) * math.exp(-math.log(2) * h / 78.41):.12g}", NOW + timedelta(hours=h))
        for h in hours
    ]
    found = linearity(readings=series, nuclide=ZR89, limit_percent="1.0")
    assert found.state is CheckState.WITHIN
    assert abs(float(found.deviation_percent)) < 1e-6


def test_a_chamber_that_saturates_is_not_linear() -> None:
    series = [
        reading(f"{true * (1 - true / 5000):.6g}", NOW + timedelta(hours=h))
        for h in (0, 78, 157, 314)
        for true in (900 * 0.5 ** (h / 78.41),)
    ]
    found = linearity(readings=series, nuclide=ZR89, limit_percent="5")
    assert found.state is CheckState.ACTION
    assert min(found.points, key=lambda p: p.deviation_percent).at == NOW


@pytest.mark.parametrize(
    ("values", "hours", "code"),
    [
        (["1", "2"], [0, 1], "too_few"),
        (["1", "0", "1"], [0, 1, 2], "not_positive"),
        (["1", "1", "1"], [0] * 3, "same_time"),
    ],
)
def test_a_series_that_shows_nothing_is_refused(values: list[str], hours: list[int], code: str) -> None:
    series = [reading(v, NOW + timedelta(hours=h)) for v, h in zip(values, hours, strict=True)]
    with pytest.raises(InvalidInput) as refusal:
        linearity(readings=series, nuclide=ZR89, limit_percent="5")
    assert refusal.value.code == code


def test_of_several_sources_the_worst_decides() -> None:
    pairs = [
        (reading("7.4", NOW, "CS-1"), reading("7.41", NOW), CS137),
        (reading("5.0", NOW, "CO-1"), reading("4.2", NOW), nuclide("Co-57")),
    ]
    found = accuracy(pairs=pairs, limit_percent="10")
    assert (found.state, found.deviation_percent) == (CheckState.ACTION, "-16")


@pytest.mark.parametrize("text", ["0", "-1", "0.01", "37", "1e9", "1,05", "nan", ""])
def test_a_factor_that_is_no_calibration_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput):
        parse_factor(text)


@pytest.mark.parametrize("text", ["-3", "1e6", "465a"])
def test_a_setting_that_no_dial_has_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput):
        parse_setting(text)


@given(used=st.integers(50, 1100), correct=st.integers(50, 1100))
def test_the_correction_of_a_setting_is_that_of_the_catalogue(used: int, correct: int) -> None:
    given_inputs = {
        "reading": {"value": "100", "unit": "MBq", "at": NOW.isoformat()},
        "setting_used": str(used),
        "setting_correct": str(correct),
    }
    expected = float(compute("dial-setting-correction", given_inputs)["outputs"]["activity"]["value"]) / 100
    assert math.isclose(float(factor_of(factor="1", used=str(used), correct=str(correct))), expected, rel_tol=1e-9)


def results(
    full: Decimal, rest: Decimal, factor: Decimal | str, *, of_rest: Decimal | str | None = None
) -> dict[str, ComputedResult]:
    recorded = {
        name: Recorded("read", name.partition(".")[2], str(value), unit, at, instrument=instrument, factor=str(f))
        for name, value, unit, at, instrument, f in (
            ("read.full", full, "MBq", NOW, "DC-1", factor),
            ("read.rest", rest, "MBq", NOW + timedelta(hours=1), "DC-1", factor if of_rest is None else of_rest),
            ("read.volume", Decimal("2.0"), "mL", NOW, None, "1"),
        )
    }
    instruments = {"DC-1": InstrumentCalibration("3", "0.3")}
    return {r.key: r for r in evaluate(PROTOCOL, recorded, nuclide=ZR89, instruments=instruments)}


def number(result: ComputedResult) -> float:
    assert result.value is not None, result.error
    return float(result.value)


@pytest.mark.requirement("RAD-7")
@given(full=megabecquerels, rest=megabecquerels)
def test_a_factor_of_one_changes_nothing(full: Decimal, rest: Decimal) -> None:
    for one in ("1", "1.0", "1.000"):
        assert results(full, rest, one) == results(full, rest, "1")


@pytest.mark.requirement("RAD-7")
@given(full=megabecquerels, rest=megabecquerels, factor=factors)
def test_a_factor_scales_activities_and_cancels_in_ratios(full: Decimal, rest: Decimal, factor: Decimal) -> None:
    before, after = results(full, rest, "1"), results(full, rest, factor)
    for key in ("net", "concentration"):
        assert math.isclose(number(after[key]), number(before[key]) * float(factor), rel_tol=1e-9, abs_tol=1e-9)
    assert math.isclose(number(after["share"]), number(before["share"]), rel_tol=1e-9)
    for key in ("concentration", "share"):  # and with them the relative uncertainty
        old, new = before[key], after[key]
        if old.u is not None and new.u is not None:
            assert math.isclose(float(new.u) / number(new), float(old.u) / number(old), rel_tol=1e-6)


@given(full=megabecquerels, rest=megabecquerels, a=factors, b=factors)
def test_factors_compose(full: Decimal, rest: Decimal, a: Decimal, b: Decimal) -> None:
    whole = number(results(full, rest, a * b)["concentration"])
    assert math.isclose(whole, number(results(full, rest, a)["concentration"]) * float(b), rel_tol=1e-9)


def test_the_worked_lines_show_what_was_read_and_the_factor() -> None:
    worked = results(Decimal("42.0"), Decimal("2.0"), "1.05")["concentration"].worked
    assert "read.full = (42.0 × 1.05) MBq" in worked
    assert "(42.0 × 1.05) MBq / 2.0 mL = 22.05 MBq/mL" in worked


def test_readings_of_two_calibrations_do_not_cancel() -> None:
    moved = results(Decimal(40), Decimal(4), "1", of_rest="1.1")
    assert math.isclose(
        number(moved["share"]), 1.1 * number(results(Decimal(40), Decimal(4), "1")["share"]), rel_tol=1e-9
    )
    assert nominal(ZR89.half_life) > 0
