"""What the cells took up, carry and keep. The definition of an efficiency is named, because papers mean four things."""

from __future__ import annotations

from datetime import datetime

from labeling.domain import worksheet
from labeling.domain.decay import ACTIVITY_READING, NUCLIDE, amount_at, amount_at_line
from labeling.domain.formulas import OutputSpecification, Result, formula
from labeling.domain.inputs import ACTIVITY, CELLS, COUNT_RATE, InstantInput, ListInput, QuantityInput, refuse
from labeling.domain.measurements import Quantity, Reading
from labeling.domain.nuclides import Nuclide
from labeling.domain.uncertainty import Number, nominal
from labeling.domain.units import unit

MBQ = unit("MBq")
CELL_COUNT = QuantityInput(dimensions=(CELLS,), about="a number of cells")
REFERENCE_TIME = InstantInput(about="the time all readings are brought to")
SIGNAL = QuantityInput(
    dimensions=(ACTIVITY, COUNT_RATE),
    at_wanted=True,
    negative=(COUNT_RATE,),
    about="an activity or a net count rate with its instant",
)


@formula(
    "labeling-efficiency",
    inputs={
        "nuclide": NUCLIDE,
        "reference_time": REFERENCE_TIME,
        "cells": ACTIVITY_READING,
        "supernatants": ListInput(item=ACTIVITY_READING, at_least=1, about="readings; washes count as supernatants"),
        "dispensed": ACTIVITY_READING,
        "residuals": ListInput(item=ACTIVITY_READING, about="readings of what stayed in syringes and vials"),
    },
    outputs={
        "cells_over_recovered": OutputSpecification("%", uses=("cells", "supernatants"), whole=True),
        "cells_over_net_added": OutputSpecification("%", uses=("cells", "dispensed", "residuals"), whole=True),
        "cells_over_dispensed": OutputSpecification("%", uses=("cells", "dispensed"), whole=True),
        "mass_balance": OutputSpecification("%"),
    },
)
def labeling_efficiency(
    *,
    nuclide: Nuclide,
    reference_time: datetime,
    cells: Reading,
    supernatants: tuple[Reading, ...],
    dispensed: Reading,
    residuals: tuple[Reading, ...],
) -> Result:
    """The share of the activity that went with the cells, under each of the definitions in use, in %.

    All readings are brought to one time; the ratios do not depend on which. `cells_over_recovered` = cells / (cells +
    supernatants); `cells_over_net_added` = cells / (dispensed − residuals); `cells_over_dispensed` = cells / dispensed;
    `mass_balance` = (cells + supernatants) / (dispensed − residuals). Washes count as supernatants.
    Refused: nothing recovered, nothing dispensed, residuals as large as what was dispensed.
    Source: Charoenphun et al. 2015 (10.1007/s00259-014-2945-x) counts supernatant and pellet; Sato et al. 2015
    (PMC4456181) states the activity of the cells over that added.
    """
    readings = (cells, *supernatants, dispensed, *residuals)
    brought = {reading.name: amount_at(reading, reference_time, nuclide) for reading in readings}
    on_cells = amount_at(cells, reference_time, nuclide)
    added = amount_at(dispensed, reference_time, nuclide)
    recovered = on_cells + sum(amount_at(reading, reference_time, nuclide) for reading in supernatants)
    net_added = added - sum(amount_at(reading, reference_time, nuclide) for reading in residuals)
    _check_balance(recovered, net_added, cells, dispensed)
    worked = (
        f"All readings brought to {worksheet.instant(reference_time)}: A × exp(−ln 2 × Δt / T)",
        worksheet.half_life(nuclide),
        *(amount_at_line(reading, reference_time, nuclide, MBQ) for reading in readings),
        f"recovered = cells + supernatants = {_sum(brought, (cells, *supernatants))}{_mbq(recovered)}",
        f"net added = dispensed − residuals = {_sum(brought, (dispensed, *residuals), ' − ')}{_mbq(net_added)}",
        _percent_line("cells over recovered", on_cells, recovered),
        _percent_line("cells over net added", on_cells, net_added),
        _percent_line("cells over dispensed", on_cells, added),
        _percent_line("mass balance, recovered over net added", recovered, net_added),
    )
    amounts = {
        "cells_over_recovered": on_cells / recovered,
        "cells_over_net_added": on_cells / net_added,
        "cells_over_dispensed": on_cells / added,
        "mass_balance": recovered / net_added,
    }
    return Result(amounts, worked)


def _check_balance(recovered: Number, net_added: Number, cells: Reading, dispensed: Reading) -> None:
    if nominal(recovered) <= 0:
        refuse(
            cells.name,
            "cells and supernatants hold no activity, so that no share of it can be given.",
            code="division_by_zero",
        )
    if dispensed.value <= 0:
        refuse(dispensed.name, "nothing was dispensed, so that no share of it can be given.", code="division_by_zero")
    if nominal(net_added) <= 0:
        refuse(
            dispensed.name,
            "the residuals amount to as much as was dispensed, or more: nothing was added.",
            code="division_by_zero",
        )


@formula(
    "cell-specific-activity",
    inputs={
        "nuclide": NUCLIDE,
        "reference_time": REFERENCE_TIME,
        "cells": ACTIVITY_READING,
        "viable_cells": CELL_COUNT,
        "total_cells": QuantityInput(dimensions=(CELLS,), about="a number of cells", required=False),
    },
    outputs={
        "per_million_viable": OutputSpecification(
            "kBq/10^6 cells", at="reference_time", uses=("cells", "viable_cells")
        ),
        "per_million_total": OutputSpecification("kBq/10^6 cells", at="reference_time", uses=("cells", "total_cells")),
    },
    primary="per_million_viable",
)
def cell_specific_activity(
    *,
    nuclide: Nuclide,
    reference_time: datetime,
    cells: Reading,
    viable_cells: Quantity,
    total_cells: Quantity | None,
) -> Result:
    """Activity of the labeled cells per million of them at the reference time, in kBq/10^6 cells (= mBq per cell).

    Per viable cell, and per cell of any kind where the total is given. Refused: a count of zero.
    Source: Weist et al. 2018 (10.2967/jnumed.117.206714) and Man et al. 2019 (PMC6318719) state it per million cells.
    """
    per_million, kilobecquerel = unit("kBq/10^6 cells"), unit("kBq")
    on_cells = amount_at(cells, reference_time, nuclide)
    amounts: dict[str, Number] = {}
    worked = [
        f"a = A / N, with A at {worksheet.instant(reference_time)}",
        worksheet.half_life(nuclide),
        amount_at_line(cells, reference_time, nuclide, kilobecquerel),
    ]
    for name, count in (("per_million_viable", viable_cells), ("per_million_total", total_cells)):
        if count is None:
            continue
        if count.value <= 0:
            refuse(
                count.name,
                "the number of cells is zero, so that no activity per cell can be given.",
                code="division_by_zero",
            )
        amounts[name] = on_cells / count.amount
        millions = worksheet.amount(count.amount, unit("10^6 cells"))
        worked.append(
            f"{worksheet.said(count)}; {name} = {worksheet.amount(on_cells, kilobecquerel)} / ({millions})"
            f" = {worksheet.amount(amounts[name], per_million)}"
        )
    return Result(amounts, tuple(worked), at=dict.fromkeys(amounts, reference_time))


@formula(
    "viability",
    inputs={"viable_cells": CELL_COUNT, "total_cells": CELL_COUNT},
    outputs={"viability": OutputSpecification("%", whole=True)},
)
def viability(*, viable_cells: Quantity, total_cells: Quantity) -> Result:
    """Viable cells over all cells, in %. More viable than total cells are reported with a flag.

    Refused: a total of zero. Source: definition (Ph. Eur. 2.7.29).
    """
    if total_cells.value <= 0:
        refuse(total_cells.name, "the number of cells is zero, so that no share can be given.", code="division_by_zero")
    share = viable_cells.amount / total_cells.amount
    worked = (
        "viability = viable cells / total cells",
        worksheet.said(viable_cells),
        worksheet.said(total_cells),
        (
            f"viability = {worksheet.number(viable_cells.amount)} / {worksheet.number(total_cells.amount)}"
            f" = {worksheet.amount(share, unit('%'))}"
        ),
    )
    return Result({"viability": share}, worked)


@formula(
    "retention",
    inputs={"nuclide": NUCLIDE, "initial": SIGNAL, "later": SIGNAL},
    outputs={"retention": OutputSpecification("%", whole=True)},
)
def retention(*, nuclide: Nuclide, initial: Reading, later: Reading) -> Result:
    """What the cells kept: the later reading, decay corrected to the time of the initial one, over that one, in %.

    Both are activities, or both are net count rates. Per sample: where cells divide, it is not per cell.
    Refused: an initial reading of zero or less, readings of two kinds. Source: Weist et al. 2018 (PMC6167529).
    """
    if initial.unit.dimension != later.unit.dimension:
        refuse(later.name, f"{later.unit.symbol} and {initial.unit.symbol} are of two kinds.", code="wrong_unit")
    if initial.value <= 0:
        refuse(
            initial.name,
            "the initial reading is not above zero, so that no share of it can be given.",
            code="division_by_zero",
        )
    corrected = amount_at(later, initial.at, nuclide)
    share = corrected / initial.amount
    worked = (
        "retention = later reading, decay corrected to the initial time, / initial reading",
        worksheet.half_life(nuclide),
        worksheet.said(initial),
        amount_at_line(later, initial.at, nuclide, initial.unit),
        (f"retention = {worksheet.ratio(corrected, initial.amount, initial.unit)} = {worksheet.percent(share)}"),
    )
    return Result({"retention": share}, worked)


def _sum(brought: dict[str, Number], readings: tuple[Reading, ...], sign: str = " + ") -> str:
    return sign.join(worksheet.number(brought[reading.name] / 1e6) for reading in readings)


def _mbq(amount: Number) -> str:
    return f" = {worksheet.amount(amount, MBQ)}"


def _percent_line(name: str, part: Number, whole: Number) -> str:
    shares = f"{worksheet.number(part / 1e6)} / {worksheet.number(whole / 1e6)}"
    return f"{name} = {shares} = {worksheet.amount(part / whole, unit('%'))}"
