"""What is needed for a dose: volumes, activities planned backwards, and the endotoxin that a dose may carry."""

from __future__ import annotations

from datetime import datetime

from labeling.domain import worksheet
from labeling.domain.decay import NUCLIDE, UNIT, amount_at, amount_at_line, decay_factor
from labeling.domain.formulas import OutputSpecification, Result, formula
from labeling.domain.inputs import (
    ACTIVITY,
    CONCENTRATION,
    MASS,
    PLAIN,
    VOLUME,
    InstantInput,
    QuantityInput,
    TextInput,
)
from labeling.domain.measurements import Quantity, Reading
from labeling.domain.nuclides import Nuclide
from labeling.domain.quantities import seconds_between
from labeling.domain.uncertainty import Number
from labeling.domain.units import Unit, unit

SHARE = QuantityInput(dimensions=(PLAIN,), positive=True, about="a share, in %")
EU_PER_ML = unit("EU/mL")
# Largest endotoxin: EU in one radiopharmaceutical dose (USP <85>), and EU per kg of body mass (cell therapy).
ENDOTOXIN_PER_DOSE = {"intravenous": 175.0, "intrathecal": 14.0}
ENDOTOXIN_PER_KG = {"intravenous": 5.0, "intrathecal": 0.2}


@formula(
    "volume-for-activity",
    inputs={
        "nuclide": NUCLIDE,
        "concentration": QuantityInput(
            dimensions=(CONCENTRATION,), at_wanted=True, positive=True, about="activity per volume with its instant"
        ),
        "at": InstantInput(about="when the activity is wanted"),
        "target": QuantityInput(dimensions=(ACTIVITY,), measured=False, about="the activity wanted"),
    },
    outputs={"volume": OutputSpecification("mL")},
)
def volume_for_activity(*, nuclide: Nuclide, concentration: Reading, at: datetime, target: Quantity) -> Result:
    """The volume that holds the wanted activity at an instant: target / (c0 · exp(−ln 2 · Δt / T)), in mL.

    Refused: a concentration of zero. Source: the decay law.
    """
    stated_in, megabecquerel, millilitre = unit("MBq/mL"), unit("MBq"), unit("mL")
    then = amount_at(concentration, at, nuclide)
    volume = target.amount / then
    worked = (
        f"V = target / c, with c at {worksheet.instant(at)}",
        worksheet.half_life(nuclide),
        amount_at_line(concentration, at, nuclide, stated_in),
        worksheet.said(target),
        (
            f"V = {worksheet.amount(target.amount, megabecquerel)} / {worksheet.amount(then, stated_in)}"
            f" = {worksheet.amount(volume, millilitre)}"
        ),
    )
    return Result({"volume": volume}, worked)


@formula(
    "back-plan",
    inputs={
        "nuclide": NUCLIDE,
        "dose": QuantityInput(dimensions=(ACTIVITY,), at_wanted=True, about="the activity to be injected, at its time"),
        "labeling_starts_at": InstantInput(),
        "synthesis_ends_at": InstantInput(),
        "synthesis_starts_at": InstantInput(),
        "calibration_time": InstantInput(about="the time the supplier states the activity for"),
        "labeling_efficiency": SHARE,
        "recovery": SHARE,
        "radiochemical_yield": QuantityInput(dimensions=(PLAIN,), positive=True, about="decay corrected, in %"),
        "unit": UNIT,
    },
    outputs={
        "activity_to_cells": OutputSpecification("MBq", at="labeling_starts_at"),
        "activity_at_synthesis_end": OutputSpecification("MBq", at="synthesis_ends_at"),
        "activity_at_synthesis_start": OutputSpecification("MBq", at="synthesis_starts_at"),
        "activity_at_calibration": OutputSpecification("MBq", at="calibration_time"),
    },
)
def back_plan(
    *,
    nuclide: Nuclide,
    dose: Reading,
    labeling_starts_at: datetime,
    synthesis_ends_at: datetime,
    synthesis_starts_at: datetime,
    calibration_time: datetime,
    labeling_efficiency: Quantity,
    recovery: Quantity,
    radiochemical_yield: Quantity,
    unit: Unit,
) -> Result:
    """What has to be ordered for one dose, stage by stage backwards from the injection.

    `activity_to_cells` = dose at the start of labeling / efficiency / recovery; `activity_at_synthesis_end`, that
    decayed back; `activity_at_synthesis_start` = that / radiochemical yield (decay corrected), decayed back;
    `activity_at_calibration`, that decayed back. Refused: a share of zero or less. Source: the decay law.
    """
    plan = _Plan(nuclide, unit, dose.amount, dose.at)
    plan.lines += ["Each stage: activity × exp(−ln 2 × Δt / T), then divided by what the stage yields"]
    plan.lines += [worksheet.half_life(nuclide), worksheet.said(dose)]
    plan.back_to("activity_to_cells", labeling_starts_at, labeling_efficiency, recovery)
    plan.back_to("activity_at_synthesis_end", synthesis_ends_at)
    plan.back_to("activity_at_synthesis_start", synthesis_starts_at, radiochemical_yield)
    plan.back_to("activity_at_calibration", calibration_time)
    return Result(plan.amounts, tuple(plan.lines), at=plan.instants)


class _Plan:
    """The stages of a plan, each standing on the one after it in time."""

    def __init__(self, nuclide: Nuclide, stated_in: Unit, amount: Number, at: datetime) -> None:
        self.nuclide, self.unit, self.amount, self.at = nuclide, stated_in, amount, at
        self.amounts: dict[str, Number] = {}
        self.instants: dict[str, datetime] = {}
        self.lines: list[str] = []

    def back_to(self, name: str, at: datetime, *shares: Quantity) -> None:
        elapsed = seconds_between(self.at, at)
        factor = decay_factor(elapsed, self.nuclide.half_life)
        line = f"{worksheet.amount(self.amount, self.unit)} × {worksheet.number(factor)} ({worksheet.later(elapsed)})"
        self.amount, self.at = self.amount * factor, at
        for share in shares:
            self.amount = self.amount / share.amount
            line += f" / {worksheet.number(share.amount)} ({share.name})"
        self.amounts[name], self.instants[name] = self.amount, at
        self.lines.append(f"{name} at {worksheet.instant(at)} = {line} = {worksheet.amount(self.amount, self.unit)}")


@formula(
    "endotoxin-limit",
    inputs={
        "maximum_volume": QuantityInput(
            dimensions=(VOLUME,), measured=False, positive=True, about="the largest volume of a dose, at expiry"
        ),
        "route": TextInput(choices=tuple(ENDOTOXIN_PER_DOSE)),
        "body_mass": QuantityInput(
            dimensions=(MASS,), measured=False, positive=True, required=False, about="of the patient"
        ),
    },
    outputs={"limit": OutputSpecification("EU/mL")},
)
def endotoxin_limit(*, maximum_volume: Quantity, route: str, body_mass: Quantity | None) -> Result:
    """The largest endotoxin concentration that a dose of the given volume may have, in EU/mL.

    175 EU per dose over the volume (14 intrathecal); where the body mass is given, the stricter of that and 5 EU per
    kg (0.2 intrathecal) over the volume. Refused: a volume or mass of zero, another route.
    Source: USP <85> for radiopharmaceuticals; 5 EU/kg for parenterals, as cell therapies are held to.
    """
    per_dose = ENDOTOXIN_PER_DOSE[route]
    volume = worksheet.amount(maximum_volume.amount, unit("mL"))
    limits = [per_dose / maximum_volume.amount]
    worked = [
        f"{route}: limit = {worksheet.number(per_dose)} EU / V",
        worksheet.said(maximum_volume),
        f"{worksheet.number(per_dose)} EU / {volume} = {worksheet.amount(limits[0], EU_PER_ML)}",
    ]
    if body_mass is not None:
        per_kg, mass = ENDOTOXIN_PER_KG[route], worksheet.amount(body_mass.amount, unit("kg"))
        limits.append(per_kg * (body_mass.amount / 1000) / maximum_volume.amount)
        worked.append(
            f"{worksheet.said(body_mass)}: {worksheet.number(per_kg)} EU/kg × {mass} / {volume}"
            f" = {worksheet.amount(limits[1], EU_PER_ML)}"
        )
    limit = min(limits)
    worked.append(f"limit = {worksheet.amount(limit, EU_PER_ML)}, the strictest")
    return Result({"limit": limit}, tuple(worked))
