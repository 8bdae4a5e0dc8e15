"""Radiochemical yield and molar activity. Nomenclature: Coenen et al., Nucl Med Biol 2017;55:v-xi."""

from __future__ import annotations

from labeling.domain import worksheet
from labeling.domain.decay import ACTIVITY_READING, NUCLIDE, amount_at, amount_at_line
from labeling.domain.formulas import OutputSpecification, Result, formula
from labeling.domain.inputs import ACTIVITY, MASS, MOLAR_MASS, QuantityInput, refuse
from labeling.domain.measurements import Quantity, Reading
from labeling.domain.nuclides import Nuclide
from labeling.domain.units import unit


@formula(
    "radiochemical-yield",
    inputs={"nuclide": NUCLIDE, "starting": ACTIVITY_READING, "product": ACTIVITY_READING},
    outputs={
        "not_decay_corrected": OutputSpecification("%", whole=True),
        "decay_corrected": OutputSpecification("%", whole=True),
    },
)
def radiochemical_yield(*, nuclide: Nuclide, starting: Reading, product: Reading) -> Result:
    """Activity of the product over the starting activity, in %.

    `not_decay_corrected` takes both as read; `decay_corrected` brings the product to the time of the starting reading.
    A yield above 100 % is what the readings say: it is reported with a flag. Refused: a starting activity of zero.
    Source: Coenen et al. 2017 (10.1016/j.nucmedbio.2017.09.004): always say which of the two is meant.
    """
    if starting.value <= 0:
        refuse(
            starting.name,
            "the starting activity is not above zero, so that no yield can be given.",
            code="division_by_zero",
        )
    corrected = amount_at(product, starting.at, nuclide)
    amounts = {
        "not_decay_corrected": product.amount / starting.amount,
        "decay_corrected": corrected / starting.amount,
    }
    megabecquerel, percent = unit("MBq"), unit("%")
    begun = worksheet.amount(starting.amount, megabecquerel)
    worked = (
        "yield = product / starting activity",
        worksheet.half_life(nuclide),
        worksheet.said(starting),
        amount_at_line(product, starting.at, nuclide, megabecquerel),
        (
            f"not decay corrected = {worksheet.amount(product.amount, megabecquerel)} / {begun}"
            f" = {worksheet.amount(amounts['not_decay_corrected'], percent)}"
        ),
        (
            f"decay corrected = {worksheet.amount(corrected, megabecquerel)} / {begun}"
            f" = {worksheet.amount(amounts['decay_corrected'], percent)}"
        ),
    )
    return Result(amounts, worked)


@formula(
    "molar-activity",
    inputs={
        "activity": QuantityInput(dimensions=(ACTIVITY,), about="an activity"),
        "mass": QuantityInput(dimensions=(MASS,), about="the mass that carries it"),
        "molar_mass": QuantityInput(dimensions=(MOLAR_MASS,), measured=False, about="of that substance"),
    },
    outputs={"molar_activity": OutputSpecification("MBq/umol", at="activity")},
)
def molar_activity(*, activity: Quantity, mass: Quantity, molar_mass: Quantity) -> Result:
    """Activity per amount of substance: A · M / m, in MBq/umol, at the instant of the activity.

    Refused: a mass or molar mass of zero. Source: Coenen et al. 2017 (10.1016/j.nucmedbio.2017.09.004).
    """
    for divisor in (mass, molar_mass):
        if divisor.value <= 0:
            refuse(divisor.name, "it is zero, so that no molar activity can be given.", code="division_by_zero")
    substance = mass.amount / molar_mass.amount
    molar = activity.amount / substance
    weighed, per_mole = worksheet.amount(mass.amount, unit("ug")), worksheet.amount(molar_mass.amount, unit("g/mol"))
    contained = worksheet.amount(substance, unit("umol"))
    worked = (
        "molar activity = A / (m / M)",
        *(worksheet.said(quantity) for quantity in (activity, mass, molar_mass)),
        f"m / M = {weighed} / {per_mole} = {contained}",
        f"molar activity = {worksheet.amount(activity.amount, unit('MBq'))} / {contained}",
        f"molar activity = {worksheet.amount(molar, unit('MBq/umol'))}",
    )
    at = {"molar_activity": activity.at} if isinstance(activity, Reading) else {}
    return Result({"molar_activity": molar}, worked, at=at)
