"""Counts, count rates and half-lives from them, and what an instrument's setting does to a reading."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from labeling.domain import worksheet
from labeling.domain.decay import ACTIVITY_READING, NUCLIDE, UNIT
from labeling.domain.formulas import OutputSpecification, Result, formula
from labeling.domain.inputs import ACTIVITY, COUNT_RATE, PLAIN, TIME, GroupInput, ListInput, QuantityInput, refuse
from labeling.domain.measurements import Quantity, Reading
from labeling.domain.nuclides import Nuclide
from labeling.domain.quantities import seconds_between
from labeling.domain.uncertainty import LN2, Number, decay_mean, ln, nominal, sqrt, variable
from labeling.domain.units import Unit

COUNTS = QuantityInput(dimensions=(PLAIN,), plain="1", counts=True, about="a number of counts, with sqrt(N)")
DURATION = QuantityInput(dimensions=(TIME,), plain="", measured=False, positive=True, about="a time")
SIGNAL_READING = QuantityInput(dimensions=(ACTIVITY, COUNT_RATE), at_wanted=True, positive=True, about="a reading")
PLAIN_NUMBER = QuantityInput(dimensions=(PLAIN,), plain="1", measured=False, about="a number")


@formula(
    "net-count-rate",
    inputs={
        "gross_counts": COUNTS,
        "count_time": DURATION,
        "background_counts": COUNTS,
        "background_time": DURATION,
    },
    outputs={"rate": OutputSpecification("1/s")},
)
def net_count_rate(
    *, gross_counts: Quantity, count_time: Quantity, background_counts: Quantity, background_time: Quantity
) -> Result:
    """Net count rate N/t − B/tb in 1/s, with the uncertainty of sqrt(N) and sqrt(B).

    A sample below background gives a negative rate, which is a result and no error. Refused: a time of zero.
    Source: Knoll, Radiation Detection and Measurement, chapter 3.
    """
    gross, background = gross_counts.amount / count_time.amount, background_counts.amount / background_time.amount
    rate = gross - background
    worked = (
        "rate = N / t − B / tb",
        *(worksheet.said(quantity) for quantity in (gross_counts, count_time, background_counts, background_time)),
        f"rate = {worksheet.number(gross)} − {worksheet.number(background)} = {worksheet.number(rate)} 1/s",
    )
    return Result({"rate": rate}, worked)


@formula(
    "decay-during-count",
    inputs={"nuclide": NUCLIDE, "count_time": DURATION},
    outputs={"factor": OutputSpecification("1")},
)
def decay_during_count(*, nuclide: Nuclide, count_time: Quantity) -> Result:
    """Factor from the mean activity during a count to that at its start: x / (1 − exp(−x)), x = ln 2 · t / T.

    Refused: a time of zero or less. Source: integral of the decay law over the count.
    """
    x = LN2 * count_time.amount / nuclide.half_life
    factor = 1 / decay_mean(x)
    worked = (
        "factor = x / (1 − exp(−x)) with x = ln 2 × t / T",
        worksheet.half_life(nuclide),
        worksheet.said(count_time),
        (
            f"x = 0.693147181 × {worksheet.in_hours(count_time.amount)} / {worksheet.in_hours(nuclide.half_life)}"
            f" = {worksheet.number(x)}"
        ),
        (
            f"factor = {worksheet.number(x)} / (1 − {worksheet.number(math.exp(-nominal(x)), 12)})"
            f" = {worksheet.number(factor, 12)}"
        ),
    )
    return Result({"factor": factor}, worked)


@formula(
    "half-life-two-point",
    inputs={"first": SIGNAL_READING, "second": SIGNAL_READING},
    outputs={"half_life": OutputSpecification("h")},
)
def half_life_two_point(*, first: Reading, second: Reading) -> Result:
    """Half-life from two readings: T = Δt · ln 2 / ln(A1 / A2), in h.

    Within an hour or two it says next to nothing about a long half-life: for Zr-89 and readings good to 0.3 %, its
    uncertainty is 48 % after 1 h and 2 % after 24 h. Refused: equal times, equal readings, an activity that grows.
    Source: the decay law; GUM 5.1.2.
    """
    if first.unit.dimension != second.unit.dimension:
        refuse(second.name, f"{second.unit.symbol} and {first.unit.symbol} are of two kinds.", code="wrong_unit")
    elapsed = seconds_between(first.at, second.at)
    if not elapsed:
        refuse(
            second.name,
            "both readings are of the same time, so that no half-life can be given.",
            code="division_by_zero",
        )
    logarithm = ln(first.amount / second.amount)
    if not nominal(logarithm):
        refuse(second.name, "both readings are equal, so that no half-life can be given.", code="division_by_zero")
    half_life = elapsed * LN2 / logarithm
    if nominal(half_life) < 0:
        refuse(
            second.name, "the activity grows between the readings, so that it has no half-life.", code="not_decaying"
        )
    worked = (
        "T = Δt × ln 2 / ln(A1 / A2)",
        worksheet.said(first),
        worksheet.said(second),
        f"ln(A1 / A2) = ln({worksheet.number(first.amount / second.amount)}) = {worksheet.number(logarithm)}",
        f"T = {worksheet.hours(elapsed)} × 0.693147181 / {worksheet.number(logarithm)}",
        f"T = {worksheet.in_hours(half_life)}",
    )
    return Result({"half_life": half_life}, worked)


@formula(
    "half-life-fit",
    inputs={
        "points": ListInput(
            at_least=3,
            item=GroupInput(
                members={
                    "elapsed_s": QuantityInput(dimensions=(TIME,), plain="s", measured=False, negative=(TIME,)),
                    "rate": QuantityInput(dimensions=(PLAIN, COUNT_RATE), plain="1", measured=False, positive=True),
                    "u": QuantityInput(dimensions=(PLAIN, COUNT_RATE), plain="1", measured=False, positive=True),
                }
            ),
        )
    },
    outputs={
        "half_life": OutputSpecification("h"),
        "chi2": OutputSpecification("1", states_u=False),
        "degrees_of_freedom": OutputSpecification("1", states_u=False),
    },
    primary="half_life",
)
def half_life_fit(*, points: tuple[Mapping[str, Any], ...]) -> Result:
    """Half-life in h from a weighted straight line through ln(rate) against time, weights (rate / u)².

    T = −ln 2 / slope. The uncertainty is that of the weights, times sqrt(chi²/dof) where the points scatter by more
    than they state. Refused: fewer than three points, one time twice, a rate or its u of zero or less, a rate that
    does not fall. Source: Bevington and Robinson, Data Reduction and Error Analysis, chapter 6.
    """
    times = [point["elapsed_s"].value for point in points]
    if len(set(times)) < len(times):
        refuse(
            "points", "two of them have the same elapsed_s, so that they are no points of one curve.", code="duplicate"
        )
    line = _weighted_line(
        times,
        [math.log(point["rate"].value) for point in points],
        [(point["rate"].value / point["u"].value) ** 2 for point in points],
    )
    if line.slope >= 0:
        refuse("points", "the rate does not fall with time, so that it has no half-life.", code="not_decaying")
    half_life = -LN2 / variable(line.slope, line.u_slope, "slope of the fit")
    amounts = {"half_life": half_life, "chi2": line.chi2, "degrees_of_freedom": float(line.freedom)}
    return Result(amounts, _fit_lines(points, line, half_life))


@dataclass(frozen=True, slots=True)
class _Line:
    """A straight line fitted to points with weights, and the sums it comes from."""

    mean_time: float
    mean_log: float
    spread: float
    covariance: float
    chi2: float
    freedom: int

    @property
    def slope(self) -> float:
        return self.covariance / self.spread

    @property
    def inflation(self) -> float:
        """What the points scatter by beyond what they state."""
        return max(1.0, math.sqrt(self.chi2 / self.freedom))

    @property
    def u_slope(self) -> float:
        return self.inflation / math.sqrt(self.spread)


def _weighted_line(times: list[float], logs: list[float], weights: list[float]) -> _Line:
    total = math.fsum(weights)
    mean_time = math.fsum(w * t for w, t in zip(weights, times, strict=True)) / total
    mean_log = math.fsum(w * y for w, y in zip(weights, logs, strict=True)) / total
    points = [(w, t - mean_time, y - mean_log) for w, t, y in zip(weights, times, logs, strict=True)]
    spread = math.fsum(w * t * t for w, t, _ in points)
    covariance = math.fsum(w * t * y for w, t, y in points)
    chi2 = math.fsum(w * (y - covariance / spread * t) ** 2 for w, t, y in points)
    return _Line(mean_time, mean_log, spread, covariance, chi2, freedom=len(points) - 2)


def _fit_lines(points: tuple[Mapping[str, Any], ...], line: _Line, half_life: Number) -> tuple[str, ...]:
    number = worksheet.number
    return (
        "ln(rate) = a + b t, least squares with weights w = (rate / u)²; T = −ln 2 / b",
        *(
            f"t = {time.typed} s: ln({rate.typed}) = {number(math.log(rate.value))},"
            f" w = ({rate.typed} / {u_of_rate.typed})² = {number((rate.value / u_of_rate.value) ** 2)}"
            for time, rate, u_of_rate in ((point["elapsed_s"], point["rate"], point["u"]) for point in points)
        ),
        f"weighted means: t̄ = {number(line.mean_time)} s, ȳ = {number(line.mean_log)}",
        (
            f"b = Σ w (t − t̄)(ln(rate) − ȳ) / Σ w (t − t̄)² = ({number(line.covariance)}) / ({number(line.spread)})"
            f" = {number(line.slope)} per s"
        ),
        f"chi² = {number(line.chi2)} with {line.freedom} degrees of freedom; factor {number(line.inflation)}",
        f"u(b) = factor / √(Σ w (t − t̄)²) = {number(line.u_slope)} per s",
        f"T = 0.693147181 / ({number(-line.slope)} per s) = {worksheet.in_hours(half_life)}",
    )


@formula(
    "dial-setting-correction",
    inputs={
        "reading": ACTIVITY_READING,
        "setting_used": PLAIN_NUMBER,
        "setting_correct": PLAIN_NUMBER,
        "unit": UNIT,
    },
    outputs={
        "activity": OutputSpecification("MBq", at="reading"),
        "bias_of_reading": OutputSpecification("%", uses=("setting_used", "setting_correct")),
    },
    primary="activity",
)
def dial_setting_correction(
    *, reading: Reading, setting_used: Quantity, setting_correct: Quantity, unit: Unit
) -> Result:
    """What a dose calibrator of the Capintec type would have read at the correct dial setting.

    R(N) = N/1076 + 0.080; activity = reading · R(used) / R(correct); `bias_of_reading` = (reading − activity) /
    activity, in %. Refused: negative settings. Source: the maker's calibration relation, checked against Mo 2006 (Appl
    Radiat Isot 64:485) and Zimmerman and Cessna 1999; Zr-89 at 465: Beattie 2014 (10.1371/journal.pone.0106868).
    """
    used, correct = (setting.amount / 1076 + 0.080 for setting in (setting_used, setting_correct))
    activity = reading.amount * (used / correct)
    bias = correct / used - 1
    worked = (
        "A = reading × R(used) / R(correct), R(N) = N / 1076 + 0.080",
        worksheet.said(reading),
        f"R({setting_used.typed}) = {worksheet.number(used)}; R({setting_correct.typed}) = {worksheet.number(correct)}",
        (
            f"A = {worksheet.amount(reading.amount, unit)} × {worksheet.number(used)} / {worksheet.number(correct)}"
            f" = {worksheet.amount(activity, unit)} at {worksheet.instant(reading.at)}"
        ),
        f"bias of the reading = {worksheet.number(correct)} / {worksheet.number(used)} − 1 = {worksheet.percent(bias)}",
    )
    constants = {"response of the calibrator": "R(N) = N/1076 + 0.080, Capintec type"}
    return Result({"activity": activity, "bias_of_reading": bias}, worked, {"activity": reading.at}, constants)


@formula(
    "combined-uncertainty",
    inputs={
        "relative_components_percent": ListInput(
            at_least=1, item=QuantityInput(dimensions=(PLAIN,), plain="%", measured=False), about="independent, in %"
        )
    },
    outputs={"combined_percent": OutputSpecification("%", states_u=False)},
)
def combined_uncertainty(*, relative_components_percent: tuple[Quantity, ...]) -> Result:
    """Root of the sum of squares of independent relative components, in %.

    Refused: an empty list, a negative component. Source: GUM 5.1.2, for products and quotients.
    """
    components = [component.value for component in relative_components_percent]
    combined = sqrt(math.fsum(component**2 for component in components))
    squares = " + ".join(f"{worksheet.number(component * 100)}²" for component in components)
    worked = ("combined = √(sum of squares)", f"combined = √({squares}) % = {worksheet.percent(combined)}")
    return Result({"combined_percent": combined}, worked)
