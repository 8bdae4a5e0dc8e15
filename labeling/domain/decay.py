"""Decay of one nuclide, forwards and backwards. No clock, no rounding; intervals are signed."""

from __future__ import annotations

from datetime import datetime

from labeling.domain import worksheet
from labeling.domain.formulas import OutputSpecification, Result, formula
from labeling.domain.inputs import ACTIVITY, InstantInput, NuclideInput, QuantityInput, UnitInput, refuse
from labeling.domain.measurements import Reading
from labeling.domain.nuclides import Nuclide
from labeling.domain.quantities import seconds_between
from labeling.domain.uncertainty import LN2, Number, exp, ln, nominal
from labeling.domain.units import Unit, unit
from lims.errors import InvalidInput

ACTIVITY_READING = QuantityInput(dimensions=(ACTIVITY,), at_wanted=True, about="an activity with its instant")
NUCLIDE = NuclideInput(about="a code such as Zr-89")
UNIT = UnitInput()
MOST_HALF_LIVES_BACK = 100  # 1e30 of what was read: beyond that, no activity on earth


def reaches_back(elapsed: float, half_life: Number) -> bool:
    """Whether a reading says anything of a time that lies `-elapsed` seconds before it."""
    return -elapsed <= MOST_HALF_LIVES_BACK * nominal(half_life)


def decay_factor(elapsed: float, half_life: Number) -> Number:
    """exp(-ln 2 · elapsed / half-life), both in seconds; above 1 where the wanted time lies before the reading.

    Refused: a time so long before the reading that nothing can be said of it, such as of a year that was mistyped.
    """
    if not reaches_back(elapsed, half_life):
        raise InvalidInput(
            f"The time wanted lies {-elapsed / 86400:.0f} d before the reading, more than {MOST_HALF_LIVES_BACK} "
            "half-lives; one of the two times cannot be right.",
            code="out_of_range",
            field="at",
        )
    return exp(-LN2 * elapsed / half_life) if elapsed else 1.0


def amount_at(reading: Reading, at: datetime, nuclide: Nuclide) -> Number:
    """What a reading amounts to at another instant, in canonical units."""
    return reading.amount * decay_factor(seconds_between(reading.at, at), nuclide.half_life)


def amount_at_line(reading: Reading, at: datetime, nuclide: Nuclide, stated_in: Unit) -> str:
    """The decay correction of one reading as a line of the worksheet."""
    elapsed = seconds_between(reading.at, at)
    begun = worksheet.said(reading)
    value = worksheet.number(reading.in_unit(stated_in))
    if reading.unit != stated_in:
        begun += f" = {value}{worksheet.suffix(stated_in)}"
    if not elapsed:
        return f"{begun}, the time wanted"
    factor = decay_factor(elapsed, nuclide.half_life)
    half_life = worksheet.in_hours(nuclide.half_life)
    return (
        f"{begun}; {worksheet.later(elapsed)}: {value} × exp(−ln 2 × {worksheet.hours(elapsed)} / {half_life})"
        f" = {value} × {worksheet.number(factor)} = {worksheet.amount(reading.amount * factor, stated_in)}"
    )


@formula(
    "activity-at",
    inputs={
        "nuclide": NUCLIDE,
        "reading": ACTIVITY_READING,
        "at": InstantInput(about="the instant wanted, before or after the reading"),
        "unit": UNIT,
    },
    outputs={"activity": OutputSpecification("MBq", at="at")},
)
def activity_at(*, nuclide: Nuclide, reading: Reading, at: datetime, unit: Unit) -> Result:
    """A reading brought to another instant: A = A0 · exp(−ln 2 · (at − t0) / T).

    The interval is signed and counted between instants, so that neither a zone nor a change of the clocks enters it.
    Refused: a reading without its instant, an instant without its offset, a negative activity.
    Source: the decay law; half-life as named in the constants.
    """
    amount = amount_at(reading, at, nuclide)
    worked = (
        "A = A0 × exp(−ln 2 × (t − t0) / T)",
        worksheet.half_life(nuclide),
        f"t = {worksheet.instant(at)}",
        amount_at_line(reading, at, nuclide, unit),
        f"A = {worksheet.amount(amount, unit)} at {worksheet.instant(at)}",
    )
    return Result({"activity": amount}, worked, at={"activity": at})


@formula(
    "net-activity",
    inputs={"nuclide": NUCLIDE, "full": ACTIVITY_READING, "residual": ACTIVITY_READING, "unit": UNIT},
    outputs={"activity": OutputSpecification("MBq", at="full")},
)
def net_activity(*, nuclide: Nuclide, full: Reading, residual: Reading, unit: Unit) -> Result:
    """What left a syringe or vial: full minus residual, the residual decayed to the time of the full reading.

    The result is stated for that time. It may come out negative where more was read afterwards than before.
    Refused: as for `activity-at`. Source: definition.
    """
    amount = full.amount - amount_at(residual, full.at, nuclide)
    worked = _difference(nuclide, full, residual, at=full.at, stated_in=unit, amount=amount)
    return Result({"activity": amount}, worked, at={"activity": full.at})


@formula(
    "administered-activity",
    inputs={
        "nuclide": NUCLIDE,
        "full": ACTIVITY_READING,
        "residual": ACTIVITY_READING,
        "injected_at": InstantInput(about="the time of injection"),
        "unit": UNIT,
    },
    outputs={"activity": OutputSpecification("MBq", at="injected_at")},
)
def administered_activity(
    *, nuclide: Nuclide, full: Reading, residual: Reading, injected_at: datetime, unit: Unit
) -> Result:
    """What a patient received: full minus residual, both brought to the time of injection.

    Refused: as for `activity-at`. Source: definition (10 CFR 35.63 asks for the activity of each dosage as given).
    """
    amount = amount_at(full, injected_at, nuclide) - amount_at(residual, injected_at, nuclide)
    worked = _difference(nuclide, full, residual, at=injected_at, stated_in=unit, amount=amount)
    return Result({"activity": amount}, worked, at={"activity": injected_at})


def _difference(
    nuclide: Nuclide, full: Reading, residual: Reading, *, at: datetime, stated_in: Unit, amount: Number
) -> tuple[str, ...]:
    parts = [worksheet.number(item.in_unit(stated_in) * _factor(item, at, nuclide)) for item in (full, residual)]
    return (
        f"A = full − residual, both at {worksheet.instant(at)}",
        worksheet.half_life(nuclide),
        amount_at_line(full, at, nuclide, stated_in),
        amount_at_line(residual, at, nuclide, stated_in),
        f"A = {parts[0]} − {parts[1]} = {worksheet.amount(amount, stated_in)} at {worksheet.instant(at)}",
    )


def _factor(reading: Reading, at: datetime, nuclide: Nuclide) -> Number:
    return decay_factor(seconds_between(reading.at, at), nuclide.half_life)


@formula(
    "time-to-activity",
    inputs={
        "nuclide": NUCLIDE,
        "reading": ACTIVITY_READING,
        "target": QuantityInput(dimensions=(ACTIVITY,), measured=False, positive=True, about="the activity waited for"),
    },
    outputs={"elapsed": OutputSpecification("h")},
)
def time_to_activity(*, nuclide: Nuclide, reading: Reading, target: Reading) -> Result:
    """How long after the reading the activity has come down to the target: T · ln(A / target) / ln 2, in h.

    Negative where the target is above the reading: it lay that long before. Refused: a reading or a target of zero.
    Source: the decay law. Long-lived impurities outlast it, so that it never releases waste by itself.
    """
    if reading.value <= 0:
        refuse(reading.name, "an activity of zero never comes down to the target.", code="not_positive")
    ratio = reading.amount / target.amount
    elapsed = nuclide.half_life * ln(ratio) / LN2
    stated_in = unit("MBq")
    worked = (
        "elapsed = T × ln(A / target) / ln 2",
        worksheet.half_life(nuclide),
        f"{worksheet.said(reading)}; {worksheet.said(target)} = {worksheet.amount(target.amount, stated_in)}",
        (
            f"A / target = {worksheet.amount(reading.amount, stated_in)} / {worksheet.amount(target.amount, stated_in)}"
            f" = {worksheet.number(ratio)}"
        ),
        (
            f"elapsed = {worksheet.in_hours(nuclide.half_life)} × {worksheet.number(ln(nominal(ratio)))} / 0.693147181"
            f" = {worksheet.in_hours(elapsed)}"
        ),
    )
    return Result({"elapsed": elapsed}, worked)
