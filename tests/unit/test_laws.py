"""Laws that hold for every value, tried on many."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import assume, given
from hypothesis import strategies as st

from labeling.domain.criteria import Criterion, Verdict, judge, judge_computed
from labeling.domain.decay import MOST_HALF_LIVES_BACK, decay_factor
from labeling.domain.display import display
from labeling.domain.formulas import compute
from labeling.domain.quantities import parse_number, seconds_between
from labeling.domain.uncertainty import contributions, nominal, standard_uncertainty, variable
from labeling.domain.units import convert, units
from lims.errors import InvalidInput

START = datetime(2026, 3, 2, 8, tzinfo=UTC)
EPS = 1e-12
spans = st.floats(min_value=-30 * 86400, max_value=30 * 86400)
half_lives = st.floats(min_value=60, max_value=1e8)
megabecquerels = st.decimals(min_value="0.001", max_value="9999", places=3)
shares = st.floats(min_value=0.001, max_value=0.2)
minutes = st.integers(min_value=-5000, max_value=5000)
numbers = st.decimals(min_value="-9999", max_value="9999", places=4)
limits = st.decimals(min_value="-999", max_value="999", places=1)


def _reading(value: Decimal, at: datetime, u: Decimal | None = None, instrument: str | None = None) -> dict[str, str]:
    reading = {"value": str(value), "unit": "MBq", "at": at.isoformat()}
    if u is not None:
        reading["u"] = str(u)
    if instrument is not None:
        reading["instrument"] = instrument
    return reading


def _output(outcome: Any, name: str) -> float:
    return float(outcome["outputs"][name]["value"])


@given(a=spans, b=spans, half_life=half_lives)
def test_decay_composes(a: float, b: float, half_life: float) -> None:
    assume(abs(a) + abs(b) <= MOST_HALF_LIVES_BACK * half_life)
    once = nominal(decay_factor(a + b, half_life))
    twice = nominal(decay_factor(a, half_life)) * nominal(decay_factor(b, half_life))
    assert math.isclose(once, twice, rel_tol=1e-9)


@given(a=spans, half_life=half_lives)
def test_decay_inverts(a: float, half_life: float) -> None:
    assume(abs(a) <= MOST_HALF_LIVES_BACK * half_life)
    assert math.isclose(nominal(decay_factor(a, half_life)) * nominal(decay_factor(-a, half_life)), 1, rel_tol=1e-9)


@given(half_life=half_lives)
def test_after_one_half_life_half_is_left(half_life: float) -> None:
    assert math.isclose(nominal(decay_factor(half_life, half_life)), 0.5, rel_tol=EPS)


@given(
    cells=megabecquerels,
    supernatants=st.lists(megabecquerels, min_size=1, max_size=4),
    lost=megabecquerels,
    residual=megabecquerels,
    moved=minutes,
    times=st.lists(minutes, min_size=7, max_size=7),
)
def test_a_ratio_does_not_depend_on_the_reference_time_and_the_balance_closes(
    cells: Decimal, supernatants: list[Decimal], lost: Decimal, residual: Decimal, moved: int, times: list[int]
) -> None:
    at = [START + timedelta(minutes=offset) for offset in times]
    dispensed = cells + sum(supernatants) + lost + residual
    inputs: dict[str, Any] = {
        "nuclide": "Zr-89",
        "reference_time": START.isoformat(),
        "cells": _reading(cells, START),
        "supernatants": [_reading(value, START) for value in supernatants],
        "dispensed": _reading(dispensed, START),
        "residuals": [_reading(residual, START)],
    }
    balance = _output(compute("labeling-efficiency", inputs), "mass_balance")
    assert math.isclose(balance, 100 * float((dispensed - lost - residual) / (dispensed - residual)), rel_tol=1e-9)
    inputs |= {
        "cells": _reading(cells, at[0]),
        "supernatants": [_reading(value, instant) for value, instant in zip(supernatants, at[1:], strict=False)],
        "dispensed": _reading(dispensed * 1000, at[5]),
        "residuals": [_reading(residual, at[6])],
    }
    moved_inputs = inputs | {"reference_time": (START + timedelta(minutes=moved)).isoformat()}
    here, there = compute("labeling-efficiency", inputs), compute("labeling-efficiency", moved_inputs)
    for name in ("cells_over_recovered", "cells_over_net_added", "cells_over_dispensed", "mass_balance"):
        assert math.isclose(_output(here, name), _output(there, name), rel_tol=1e-9)


@given(value=st.decimals(min_value="1e-6", max_value="1e9", places=6), spelling=st.sampled_from(sorted(units())))
def test_units_convert_there_and_back(value: Decimal, spelling: str) -> None:
    for other in (known.symbol for known in units().values() if known.dimension == units()[spelling].dimension):
        there_and_back = convert(convert(value, spelling, other), other, spelling)
        assert math.isclose(there_and_back, value, rel_tol=1e-15, abs_tol=1e-18)


@given(value=megabecquerels, parts=st.lists(shares, min_size=1, max_size=5), more=shares)
def test_uncertainty_never_shrinks_by_an_independent_term(value: Decimal, parts: list[float], more: float) -> None:
    total = sum(variable(float(value), float(value) * part, "part") for part in parts)
    larger = total + variable(0.0, float(value) * more, "one more")
    assert standard_uncertainty(larger) >= standard_uncertainty(total)


@given(value=megabecquerels, parts=st.lists(shares, min_size=1, max_size=5))
def test_the_budget_adds_up_to_the_uncertainty(value: Decimal, parts: list[float]) -> None:
    product: Any = float(value)
    for number, part in enumerate(parts):
        product *= variable(1.0, part, f"factor {number}")
    assert math.isclose(math.hypot(*contributions(product).values()), standard_uncertainty(product), rel_tol=1e-9)
    assert math.isclose(standard_uncertainty(product), float(value) * math.hypot(*parts), rel_tol=1e-9)


@given(first=megabecquerels, second=megabecquerels, calibration=st.integers(min_value=1, max_value=20))
def test_the_calibration_of_one_instrument_cancels_in_a_ratio_of_its_readings(
    first: Decimal, second: Decimal, calibration: int
) -> None:
    def relative_u(instrument: str) -> float:
        inputs = {
            "nuclide": "Zr-89",
            "starting": _reading(first, START, first / 1000, "DC1"),
            "product": _reading(second, START, second / 1000, instrument),
            "instruments": {name: {"relative_u_percent": str(calibration)} for name in ("DC1", "DC2")},
        }
        output: Any = compute("radiochemical-yield", inputs)["outputs"]
        return float(output["decay_corrected"]["u"]) / float(output["decay_corrected"]["value"])

    assert math.isclose(relative_u("DC1"), math.hypot(0.001, 0.001), rel_tol=1e-6)
    assert math.isclose(relative_u("DC2"), math.hypot(0.001, 0.001, calibration / 100, calibration / 100), rel_tol=1e-6)


@given(
    zone=st.sampled_from(["Europe/Berlin", "America/New_York", "Asia/Kathmandu", "Australia/Lord_Howe", "UTC"]),
    begun=st.datetimes(min_value=datetime(2026, 1, 1), max_value=datetime(2026, 12, 31)),  # noqa: DTZ001
    elapsed=st.integers(min_value=-(10**6), max_value=10**6),
)
def test_elapsed_time_knows_neither_zones_nor_clock_changes(zone: str, begun: datetime, elapsed: int) -> None:
    at = begun.replace(tzinfo=UTC).astimezone(ZoneInfo(zone))
    later = (begun.replace(tzinfo=UTC) + timedelta(seconds=elapsed)).astimezone(ZoneInfo(zone))
    assert seconds_between(at, later) == elapsed


@given(limit=limits, result=numbers, better=st.decimals(min_value="0", max_value="999", places=3))
def test_a_criterion_is_monotone(limit: Decimal, result: Decimal, better: Decimal) -> None:
    at_least, at_most = Criterion(min=str(limit)), Criterion(max=str(limit))
    if judge(at_least, str(result)) is Verdict.PASS:
        assert judge(at_least, str(result + better)) is Verdict.PASS
    if judge(at_most, str(result)) is Verdict.PASS:
        assert judge(at_most, str(result - better)) is Verdict.PASS


@given(limit=limits, result=numbers)
def test_a_typed_and_a_computed_result_are_judged_alike(limit: Decimal, result: Decimal) -> None:
    criterion = Criterion(min=str(limit))
    assert judge(criterion, str(result)) is judge_computed(criterion, str(result))


@given(limit=limits, edge=numbers, below=st.decimals(min_value="0.001", max_value="999", places=3))
def test_a_bound_passes_only_where_all_it_may_stand_for_conforms(limit: Decimal, edge: Decimal, below: Decimal) -> None:
    verdict = judge(Criterion(max=str(limit)), f"<{edge}")
    assert verdict in (Verdict.PASS, Verdict.INCONCLUSIVE)
    if verdict is Verdict.PASS:
        assert judge(Criterion(max=str(limit)), str(edge - below)) is Verdict.PASS
    verdict = judge(Criterion(min=str(limit)), f"<{edge}")
    assert verdict in (Verdict.FAIL, Verdict.INCONCLUSIVE)


@given(text=st.text(max_size=30))
def test_whatever_is_typed_is_a_finite_number_or_refused(text: str) -> None:
    try:
        number = parse_number(text, field="value")
    except InvalidInput:
        return
    assert number.is_finite()


@given(
    value=st.floats(min_value=1e-9, max_value=1e12),
    relative=st.floats(min_value=1e-6, max_value=0.5),
    sign=st.sampled_from([1, -1]),
)
def test_the_shown_value_lies_within_the_shown_uncertainty(value: float, relative: float, sign: int) -> None:
    shown = display(repr(sign * value), repr(value * relative), "MBq").removesuffix(" MBq").replace("−", "-")
    digits, _, power = shown.partition(" × 10")
    scale = 10 ** int(power.translate(str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789"))) if power else 1
    number, expanded = (float(part) * scale for part in digits.strip("()").split(" ± "))
    assert abs(number - sign * value) <= 0.06 * expanded
    assert math.isclose(expanded, 2 * value * relative, rel_tol=0.06)
