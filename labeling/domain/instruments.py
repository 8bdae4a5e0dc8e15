"""What the checks of a dose calibrator come to: the outcome is computed from readings, never typed.

The limits that stand here are defaults that a site replaces by its own: no source sets them for Zr-89.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from labeling.domain import worksheet
from labeling.domain.criteria import Criterion, Verdict, judge_computed
from labeling.domain.decay import amount_at, amount_at_line
from labeling.domain.inputs import ACTIVITY
from labeling.domain.measurements import Reading
from labeling.domain.nuclides import Nuclide
from labeling.domain.quantities import parse_nonnegative, seconds_between
from labeling.domain.uncertainty import LN2, nominal, variable
from labeling.domain.units import unit, wrong_unit
from lims.errors import InvalidInput

CONSTANCY_WARNING_PERCENT = "5"
CONSTANCY_ACTION_PERCENT = "10"
LINEARITY_PERCENT = "10"
ACCURACY_PERCENT = "10"
FEWEST_LINEARITY_READINGS = 3
SMALLEST_FACTOR, LARGEST_FACTOR = Decimal("0.1"), Decimal(10)


class CheckState(StrEnum):
    WITHIN = "within"
    WARNING = "warning"
    ACTION = "action"


@dataclass(frozen=True, slots=True)
class Point:
    """One reading beside what the decay of the source lets expect: both in `unit`, their ratio in %."""

    at: datetime
    reading: str
    expected: str
    unit: str
    percent_of_expected: str

    @property
    def deviation_percent(self) -> float:
        return float(self.percent_of_expected) - 100


@dataclass(frozen=True, slots=True)
class Evaluated:
    """A check: its points, their largest deviation in %, what the limits make of it, and how it came about."""

    points: tuple[Point, ...]
    deviation_percent: str
    state: CheckState
    worked: str


def activity_reading(name: str, value: object, symbol: str, at: datetime, *, u: float | None = None) -> Reading:
    """A reading of an activity; `u` is a standard uncertainty in %. Negative values and other units are refused."""
    number, measured_in = parse_nonnegative(value, field=name), unit(symbol, field="unit")
    if measured_in.dimension != ACTIVITY:
        raise wrong_unit(measured_in, ACTIVITY, field="unit")
    amount = float(measured_in.to_canonical(number))
    spread = None if u is None else amount * u / 100
    return Reading(name, variable(amount, spread, name), measured_in, str(value).strip(), at=at)


def constancy(
    *,
    reading: Reading,
    background: Reading | None,
    source: Reading,
    nuclide: Nuclide,
    warning_percent: str,
    action_percent: str,
) -> Evaluated:
    """A long-lived source read on the calibrator, less the background, against its stated activity decayed to now.

    The deviation is (reading − background) / expected − 1, in %. Source: NRC IN 93-10: evaluate what is recorded
    against what is expected; the half-life as named by the nuclide.
    """
    point, lines = _against(source, reading, background, nuclide)
    state = _state(abs(point.deviation_percent), warning=warning_percent, action=action_percent)
    lines.append(f"Limits: warning ± {warning_percent} %, action ± {action_percent} %")
    return Evaluated((point,), _percent(point.deviation_percent), state, "\n".join(lines))


def accuracy(*, pairs: Sequence[tuple[Reading, Reading, Nuclide]], limit_percent: str) -> Evaluated:
    """Several certified sources, each read and compared as in `constancy`; the largest deviation decides.

    `pairs` hold the source's stated activity, the reading, and the source's nuclide.
    """
    if not pairs:
        raise InvalidInput("Give a reading of at least one certified source.", code="missing_value", field="readings")
    found = [_against(source, reading, None, nuclide) for source, reading, nuclide in pairs]
    points = tuple(point for point, _ in found)
    worst = max((point.deviation_percent for point in points), key=abs)
    lines = [line for _, lines in found for line in lines] + [
        f"Largest deviation {_signed(worst)} %, limit ± {limit_percent} %"
    ]
    return Evaluated(points, _percent(worst), _state(abs(worst), action=limit_percent), "\n".join(lines))


def linearity(*, readings: Sequence[Reading], nuclide: Nuclide, limit_percent: str) -> Evaluated:
    """Readings of one decaying source against its computed decay, which fits them best; the largest deviation decides.

    The line has the slope of the half-life and the height of the geometric mean of A(t)·exp(λt), which is least squares
    of ln A with one unknown; so no single reading is taken as the true one. Refused: fewer than three readings, one of
    zero, all of one time. Source: the decay law.
    """
    if len(readings) < FEWEST_LINEARITY_READINGS:
        raise InvalidInput(
            f"Linearity needs at least {FEWEST_LINEARITY_READINGS} readings of the decaying source; these are"
            f" {len(readings)}.",
            code="too_few",
            field="readings",
        )
    ordered = sorted(readings, key=lambda reading: reading.at)
    if any(reading.value <= 0 for reading in ordered):
        raise InvalidInput("A reading of zero tells nothing about linearity.", code="not_positive", field="readings")
    first, half_life = ordered[0].at, nominal(nuclide.half_life)
    if seconds_between(first, ordered[-1].at) <= 0:
        raise InvalidInput(
            "The readings are all of one time; let the source decay.", code="same_time", field="readings"
        )
    heights = [math.log(r.value) + LN2 * seconds_between(first, r.at) / half_life for r in ordered]
    height = math.fsum(heights) / len(heights)
    fitted = Reading("fitted", math.exp(height), ordered[0].unit, at=first)
    points = tuple(
        _point(reading, reading.value, nominal(amount_at(fitted, reading.at, nuclide))) for reading in ordered
    )
    worst = max((point.deviation_percent for point in points), key=abs)
    lines = (
        "A(t) = A0 × exp(−ln 2 × (t − t0) / T), A0 the geometric mean of the readings brought to t0",
        worksheet.half_life(nuclide),
        f"A0 = {worksheet.amount(fitted.amount, fitted.unit)} at {worksheet.instant(first)}",
        *(
            f"{worksheet.instant(p.at)}: {p.reading} of {p.expected} {p.unit} = {p.percent_of_expected} %"
            for p in points
        ),
        f"Largest deviation {_signed(worst)} %, limit ± {limit_percent} %",
    )
    return Evaluated(points, _percent(worst), _state(abs(worst), action=limit_percent), "\n".join(lines))


def parse_factor(text: object, *, field: str = "factor") -> Decimal:
    """A calibration factor: what a reading is multiplied by. One that far from 1 is a slip, not a calibration."""
    factor = parse_nonnegative(text, field=field)
    if not SMALLEST_FACTOR <= factor <= LARGEST_FACTOR:
        raise InvalidInput(
            f"{field}: a factor of {text} is no calibration: it lies between {SMALLEST_FACTOR} and {LARGEST_FACTOR}.",
            code="out_of_range",
            field=field,
        )
    return factor


def response(setting: str) -> float:
    """The response of a calibrator of the Capintec type at a dial setting, R(N) = N/1076 + 0.080.

    Source: as for `dial-setting-correction`.
    """
    return float(setting) / 1076 + 0.080


def parse_setting(text: str, *, field: str = "setting") -> str:
    """A dial number or calibration setting, as it stands on the instrument."""
    typed = text.strip()
    if not typed:
        return ""
    number = parse_nonnegative(typed, field=field)
    if number > 9999:
        raise InvalidInput(f"{field}: no instrument has a setting of {typed}.", code="out_of_range", field=field)
    return typed


def factor_of(*, factor: str, used: str = "", correct: str = "") -> Decimal:
    """What a reading is multiplied by: the calibration factor, and what corrects a wrong dial setting."""
    whole = Decimal(factor or "1")
    if used and correct and Decimal(used) != Decimal(correct):
        whole *= Decimal(repr(response(used) / response(correct)))
    return whole


def _against(
    source: Reading, reading: Reading, background: Reading | None, nuclide: Nuclide
) -> tuple[Point, list[str]]:
    expected = nominal(amount_at(source, reading.at, nuclide))
    net = reading.value - (background.value if background else 0.0)
    point = _point(reading, net, expected)
    lines = [
        worksheet.half_life(nuclide),
        amount_at_line(source, reading.at, nuclide, reading.unit),
        worksheet.said(reading),
    ]
    if background is not None:
        lines += [worksheet.said(background), f"net = {worksheet.amount(net, reading.unit)}"]
    lines.append(
        f"deviation = {worksheet.amount(net, reading.unit)} / {worksheet.amount(expected, reading.unit)} − 1"
        f" = {_signed(point.deviation_percent)} %"
    )
    return point, lines


def _point(reading: Reading, net: float, expected: float) -> Point:
    if expected <= 0 or not math.isfinite(net / expected):
        raise InvalidInput(
            "Nothing is left of this source that could be expected.", code="not_positive", field="source"
        )
    factor = float(reading.unit.factor)
    return Point(
        at=reading.at,
        reading=reading.typed,
        expected=f"{expected / factor:.6g}",
        unit=reading.unit.symbol,
        percent_of_expected=f"{100 * net / expected:.6g}",
    )


def _state(size: float, *, action: str, warning: str = "") -> CheckState:
    """By the one rule for limits: rounded to the decimals the limit is written with."""
    if judge_computed(Criterion(max=action), repr(size)) is not Verdict.PASS:
        return CheckState.ACTION
    if warning and judge_computed(Criterion(max=warning), repr(size)) is not Verdict.PASS:
        return CheckState.WARNING
    return CheckState.WITHIN


def _percent(deviation: float) -> str:
    return f"{deviation:+.3g}"


def _signed(deviation: float) -> str:
    return _percent(deviation).replace("-", "−")
