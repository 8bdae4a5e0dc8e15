"""Radiochemical and radionuclidic purity. Nomenclature: Coenen et al., Nucl Med Biol 2017;55:v-xi."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from labeling.domain import worksheet
from labeling.domain.decay import NUCLIDE, decay_factor
from labeling.domain.formulas import OutputSpecification, Result, formula
from labeling.domain.inputs import (
    PLAIN,
    TIME,
    GroupInput,
    InstantInput,
    ListInput,
    QuantityInput,
    TextInput,
    refuse,
)
from labeling.domain.measurements import Quantity
from labeling.domain.nuclides import Nuclide
from labeling.domain.quantities import seconds_between
from labeling.domain.uncertainty import LN2, Number, decay_mean, nominal
from labeling.domain.units import dimension_of, unit

LENGTH = dimension_of("mm")
PER_LENGTH = dimension_of("1/mm")
COUNTS = QuantityInput(dimensions=(PLAIN,), plain="1", counts=True, about="a number of counts, with sqrt(N)")
HALF_LIFE = QuantityInput(dimensions=(TIME,), measured=False, positive=True, about="a half-life")


@formula(
    "radiochemical-purity",
    inputs={
        "regions": ListInput(
            at_least=1,
            item=GroupInput(
                members={
                    "name": TextInput(),
                    "gross_counts": COUNTS,
                    "width_mm": QuantityInput(dimensions=(LENGTH,), plain="mm", measured=False, about="in mm"),
                }
            ),
        ),
        "product": TextInput(about="the name of the product's region"),
        "background_counts_per_mm": QuantityInput(
            dimensions=(PER_LENGTH,), plain="1/mm", measured=False, required=False, about="exact; none where left out"
        ),
    },
    outputs={"radiochemical_purity": OutputSpecification("%", whole=True)},
)
def radiochemical_purity(
    *, regions: tuple[Mapping[str, Any], ...], product: str, background_counts_per_mm: Quantity | None
) -> Result:
    """Net counts of the product's region over those of all regions of a strip, in %.

    Net counts are gross counts less the background per millimetre times the width; a region below background counts
    as it is. Gross counts carry sqrt(N), the background is exact. Refused: a product that is no region, two regions of
    one name, no net counts in all. Source: Ph. Eur. 2.2.27 and 0125; counting statistics, Knoll, chapter 3.
    """
    names = [region["name"] for region in regions]
    for name in names:
        if names.count(name) > 1:
            refuse("regions", f'the region "{name}" is named twice.', code="duplicate")
    if product not in names:
        refuse("product", f'"{product}" is none of the regions {", ".join(names)}.', code="unknown_choice")
    background = background_counts_per_mm.amount if background_counts_per_mm else 0.0
    net = {region["name"]: region["gross_counts"].amount - background * region["width_mm"].amount for region in regions}
    total: Number = sum(net.values())
    if nominal(total) <= 0:
        refuse(
            "regions", "there are no net counts in all of them, so that no share can be given.", code="division_by_zero"
        )
    purity = net[product] / total
    worked = (
        "radiochemical purity = net counts of the product / net counts of all regions",
        *(_region_line(region, background, net[region["name"]]) for region in regions),
        f"all regions = {' + '.join(worksheet.number(counts) for counts in net.values())} = {worksheet.number(total)}",
        (
            f"radiochemical purity = {worksheet.number(net[product])} / {worksheet.number(total)}"
            f" = {worksheet.amount(purity, unit('%'))}"
        ),
    )
    return Result({"radiochemical_purity": purity}, worked)


def _region_line(region: Mapping[str, Any], background: Number, net: Number) -> str:
    gross, width = worksheet.number(region["gross_counts"].amount), worksheet.number(region["width_mm"].amount * 1000)
    taken = f"{worksheet.number(background / 1000)} per mm × {width} mm"
    return f"{region['name']}: {gross} − {taken} = {worksheet.number(net)}"


@formula(
    "radionuclidic-purity",
    inputs={
        "nuclide": NUCLIDE,
        "calibration_time": InstantInput(about="when the shares of the impurities were measured"),
        "at": InstantInput(about="the instant wanted, such as the expiry"),
        "impurities": ListInput(
            item=GroupInput(
                members={
                    "nuclide": TextInput(),
                    "percent_of_main": QuantityInput(dimensions=(PLAIN,), plain="%", about="at calibration"),
                    "half_life": HALF_LIFE,
                    "daughter": GroupInput(required=False, members={"nuclide": TextInput(), "half_life": HALF_LIFE}),
                }
            )
        ),
    },
    outputs={
        "purity": OutputSpecification("%"),
        "percent_of_main:": OutputSpecification("%"),
    },
    primary="purity",
)
def radionuclidic_purity(
    *, nuclide: Nuclide, calibration_time: datetime, at: datetime, impurities: tuple[Mapping[str, Any], ...]
) -> Result:
    """Activity of the main nuclide over all activity at an instant, in %, and each impurity in % of the main nuclide.

    Long-lived impurities grow in share while the main nuclide decays, so that the purity at expiry decides. A daughter
    is absent at calibration and grows in with branching 1 (Bateman 1910); the form used here does not lose digits
    where mother and daughter live about equally long. Refused: half-lives of zero or less, an instant before
    calibration where a daughter is given, one nuclide twice. Source: definition, Coenen et al. 2017.
    """
    elapsed = seconds_between(calibration_time, at)
    main = decay_factor(elapsed, nuclide.half_life)
    shares: dict[str, Number] = {}
    worked = [
        "purity = main / (main + impurities + daughters), in activity; main = 1 at calibration",
        worksheet.half_life(nuclide),
        (
            f"{worksheet.later(elapsed)}: main = exp(−ln 2 × {worksheet.hours(elapsed)} /"
            f" {worksheet.in_hours(nuclide.half_life)}) = {worksheet.number(main)}"
        ),
    ]
    for impurity in impurities:
        for name, activity, line in _impurity(impurity, elapsed):
            if name in shares or name == nuclide.code:
                refuse("impurities", f"the nuclide {name} is named twice.", code="duplicate")
            shares[name] = activity / main
            worked.append(f"{line}; {worksheet.amount(shares[name], unit('%'))} of main")
    purity = 1 / (1 + sum(shares.values()))
    total = " + ".join(["1", *(worksheet.number(share) for share in shares.values())])
    worked.append(f"purity = 1 / ({total}) = {worksheet.amount(purity, unit('%'))}")
    return Result(
        {"purity": purity} | {f"percent_of_main:{name}": share for name, share in shares.items()}, tuple(worked)
    )


def _impurity(impurity: Mapping[str, Any], elapsed: float) -> list[tuple[str, Number, str]]:
    """The impurity, and its daughter where it has one: name, activity relative to the main one at calibration, line."""
    name, half_life, share = impurity["nuclide"], impurity["half_life"], impurity["percent_of_main"].amount
    left = share * decay_factor(elapsed, half_life.amount)
    line = (
        f"{name}, T = {worksheet.in_hours(half_life.amount)}: {worksheet.number(share)} ×"
        f" exp(−ln 2 × {worksheet.hours(elapsed)} / T) = {worksheet.number(left)}"
    )
    found = [(name, left, line)]
    if impurity["daughter"]:
        if elapsed < 0:
            refuse("at", "before calibration the activity of a daughter is not known.", code="before_calibration")
        found.append(_daughter(impurity["daughter"], name, share, half_life.amount, elapsed))
    return found


def _daughter(
    daughter: Mapping[str, Any], mother: str, share: Number, mother_half_life: Number, elapsed: float
) -> tuple[str, Number, str]:
    constant, mother_constant = LN2 / daughter["half_life"].amount, LN2 / mother_half_life
    left = share * decay_factor(elapsed, mother_half_life)
    grown = left * constant * elapsed * decay_mean((constant - mother_constant) * elapsed)
    line = (
        f"{daughter['nuclide']}, T2 = {worksheet.in_hours(daughter['half_life'].amount)}, from {mother}, T1:"
        f" {worksheet.number(share)} × λ2 / (λ2 − λ1) × (exp(−λ1 t) − exp(−λ2 t))"
        f" with λ1 = {worksheet.number(mother_constant * 3600)} /h, λ2 = {worksheet.number(constant * 3600)} /h,"
        f" t = {worksheet.hours(elapsed)} = {worksheet.number(grown)}"
    )
    return daughter["nuclide"], grown, line
