"""Counts, count rates and half-lives from them, and what an instrument's setting does to a reading."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from labeling.domain import worksheet
from labeling.domain.decay import ACTIVITY_READING, NUCLIDE, UNIT
from labeling.domain.formulas import OutputSpecification, Result, formula
from labeling.domain.inputs import ACTIVITY, COUNT_RATE, PLAIN, TIME, GroupInput, ListInput, QuantityInput, refuse
from labeling.domain.measurements import Quantity, Reading
from labeling.domain.nuclides import Nuclide
from labeling.domain.quantities import seconds_between
from labeling.domain.uncertainty import LN2, Number, decay_mean, ln, nominal, sqrt, standard_uncertainty, variable
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
    times = [nominal(point["elapsed_s"].amount) for point in points]
    if len(set(times)) < len(times):
        refuse(
            "points", "two of them have the same elapsed_s, so that they are no points of one curve.", code="duplicate"
        )
    logs = [math.log(point["rate"].value) for point in points]
    weights = [(point["rate"].value / point["u"].value) ** 2 for point in points]
    weight = sum(weights)
    mean_time = sum(w * t for w, t in zip(weights, times, strict=True)) / weight
    mean_log = sum(w * y for w, y in zip(weights, logs, strict=True)) / weight
    spread = sum(w * (t - mean_time) ** 2 for w, t in zip(weights, times, strict=True))
    slope = sum(w * (t - mean_time) * (y - mean_log) for w, t, y in zip(weights, times, logs, strict=True)) / spread
    if slope >= 0:
        refuse("points", "the rate does not fall with time, so that it has no half-life.", code="not_decaying")
    residuals = [y - mean_log - slope * (t - mean_time) for t, y in zip(times, logs, strict=True)]
    chi2 = sum(w * residual**2 for w, residual in zip(weights, residuals, strict=True))
    freedom = len(points) - 2
    inflated = max(1.0, math.sqrt(chi2 / freedom))
    fitted = variable(slope, inflated / math.sqrt(spread), "slope of the fit")
    half_life = -LN2 / fitted
    worked = _fit_lines(
        points, slope=slope, u=standard_uncertainty(fitted), chi2=chi2, freedom=freedom, half_life=half_life
    )
    return Result({"half_life": half_life, "chi2": chi2, "degrees_of_freedom": float(freedom)}, worked)


def _fit_lines(
    points: tuple[Mapping[str, Any], ...], *, slope: float, u: float, chi2: float, freedom: int, half_life: Number
) -> tuple[str, ...]:
    return (
        "ln(rate) = a + b t, least squares with weights (rate / u)²; T = −ln 2 / b",
        *(
            f"t = {time.typed} s: ln({rate.typed}) = {worksheet.number(math.log(rate.value))},"
            f" weight ({rate.typed} / {u_of_rate.typed})²"
            for time, rate, u_of_rate in ((point["elapsed_s"], point["rate"], point["u"]) for point in points)
        ),
        (
            f"chi² = {worksheet.number(chi2)} with {freedom} degrees of freedom;"
            f" the uncertainty is multiplied by {worksheet.number(max(1.0, math.sqrt(chi2 / freedom)))}"
        ),
        f"b = {worksheet.number(slope)} 1/s with u(b) = {worksheet.number(u)} 1/s",
        f"T = 0.693147181 / {worksheet.number(-slope)} 1/s = {worksheet.in_hours(half_life)}",
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
