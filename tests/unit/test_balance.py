"""Which containers a protocol implies, and whether the activity that went into them is found again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labeling.domain.balance import Balance, Part, balance_of, movements
from labeling.domain.container_plan import ContainerPlan, plan_of
from labeling.domain.criteria import Verdict
from labeling.domain.entries import Entries, InstrumentCalibration, Recorded
from labeling.domain.measurements import Quantity
from labeling.domain.nuclides import nuclide
from labeling.domain.protocol import Protocol
from labeling.domain.protocol_reading import parse_protocol
from labeling.domain.sankey import Band, sankey
from labeling.domain.uncertainty import nominal, standard_uncertainty
from lims.errors import InvalidInput

ROOT = Path(__file__).resolve().parents[2]
CAMPAIGN = json.loads((ROOT / "tests/reference/campaign.json").read_text(encoding="utf-8"))
HALF_LIFE = nuclide("Zr-89").half_life
OWN = """
protocol: with-containers
title: Labeling with containers of its own
kind: labeling
nuclide: Zr-89
product: labeled cells
materials:
  - {key: oxine, name: Oxine, kind: batch, protocol_kind: synthesis}
containers:
  - {key: syringe, name: Syringe, kind: syringe}
  - {key: tube, name: Cell tube, kind: suspension, product: true}
  - {key: bin, name: Liquid waste, kind: waste}
steps:
  - key: work
    title: Work
    fields:
      - {key: oxine, label: Oxine, type: lot, material: oxine}
      - {key: full, label: Full syringe, type: activity, unit: MBq, transfer: {from: oxine, to: syringe}}
      - {key: drawn, label: Volume drawn, type: volume, unit: mL, transfer: {from: oxine, to: syringe}}
      - {key: empty, label: Empty, type: activity, unit: MBq, transfer: {from: syringe, to: tube, residue: true}}
      - {key: washed, label: All washes, type: activity, unit: MBq, transfer: {from: tube, to: bin}}
      - {key: cells, label: Cells, type: activity, unit: MBq, container: tube}
"""


def protocol(code: str) -> Protocol:
    return parse_protocol((ROOT / f"library/protocols/{code}.yaml").read_text(encoding="utf-8"))


def plan(parsed: Protocol) -> ContainerPlan:
    found = plan_of(parsed)
    assert found is not None
    return found


def entry(row: dict[str, Any]) -> Recorded:
    instrument = row.get("equipment")
    return Recorded(row["step"], row["field"], str(row["value"]), row.get("unit"), row.get("at"), instrument=instrument)


def recorded(parsed: Protocol, rows: list[dict[str, Any]]) -> dict[str, Quantity]:
    entries = {
        f"{row['step']}.{row['field']}": Recorded(
            row["step"],
            row["field"],
            str(row["value"]),
            row.get("unit"),
            row.get("at"),
            instrument=row.get("equipment"),
        )
        for row in rows
    }
    told = Entries(parsed, entries, {"DC-1": InstrumentCalibration("3", "0.5")})
    wanted = {n for flow in plan(parsed).flows for n in (flow.reference, flow.volume) if n and not told.is_absent(n)}
    return {name: item for name in wanted if isinstance(item := told.item(name), Quantity)}


def balance(parsed: Protocol, rows: list[dict[str, Any]]) -> Balance:
    found = balance_of(plan(parsed), recorded(parsed, rows), HALF_LIFE)
    assert found is not None
    return found


@pytest.mark.parametrize("number", [0, 1])
def test_the_balance_of_a_labeling_is_its_mass_balance(number: int) -> None:
    made = CAMPAIGN["labelings"][number]
    found = balance(protocol("t-cell-labeling"), made["entries"])
    expected = made["expected_results"]["mass_balance"]
    assert nominal(found.closure) * 100 == pytest.approx(float(expected["value"]), rel=1e-9)
    assert found.verdict is Verdict.PASS
    assert found.limits_from == "mass_balance"
    assert [line.part for line in found.found] == [
        "product",
        "waste",
        "waste",
        "waste",
        "residue",
        "decay",
        "unaccounted",
    ]


def test_what_a_synthesis_does_not_measure_is_named_and_not_judged() -> None:
    found = balance(protocol("zr89-oxine-kit"), CAMPAIGN["synthesis"]["entries"])
    assert found.verdict is None
    assert found.unmeasured == ("Reaction vial and filter",)
    assert found.found[-1].name == "Reaction vial and filter: not measured"


def test_the_factor_of_the_one_calibrator_cancels_in_the_shares() -> None:
    found = balance(protocol("t-cell-labeling"), CAMPAIGN["labelings"][0]["entries"])
    product = next(line for line in found.found if line.part is Part.PRODUCT)
    assert standard_uncertainty(product.activity) / nominal(product.activity) > 0.03
    assert standard_uncertainty(product.share) / nominal(product.share) < 0.01


@settings(max_examples=30)
@given(dispensed=st.floats(5, 60), cells=st.floats(0.1, 0.9), waste=st.floats(0.01, 0.4), residue=st.floats(1e-6, 0.05))
def test_what_comes_in_goes_somewhere(dispensed: float, cells: float, waste: float, residue: float) -> None:
    """Whatever is read, both sides of the balance add up to the same."""
    rows = CAMPAIGN["labelings"][0]["entries"]
    typed = {
        "dispense.dispensed": dispensed,
        "incubate.residual": dispensed * residue,
        "quench.supernatant": dispensed * waste,
        "formulate.cells": dispensed * cells,
    }
    changed = [row | {"value": repr(typed.get(f"{row['step']}.{row['field']}", row["value"]))} for row in rows]
    changed = [new if f"{old['step']}.{old['field']}" in typed else old for old, new in zip(rows, changed, strict=True)]
    found = balance(protocol("t-cell-labeling"), changed)
    left, right = (sum(nominal(line.share) for line in side) for side in (found.brought_in, found.found))
    assert left == pytest.approx(right, rel=1e-9)


def own(**typed: str) -> list[dict[str, Any]]:
    minutes = {"full": 0, "drawn": 1, "empty": 10, "washed": 40, "cells": 60}
    return [
        {
            "step": "work",
            "field": field,
            "value": value,
            "unit": "mL" if field == "drawn" else "MBq",
            "at": f"2026-03-03T{7 + minutes[field] // 60:02d}:{minutes[field] % 60:02d}:00+01:00",
        }
        for field, value in typed.items()
    ]


@pytest.mark.parametrize(("cells", "verdict"), [("5.9", Verdict.PASS), ("4.0", Verdict.FAIL), ("7.0", Verdict.FAIL)])
def test_a_protocol_may_name_its_containers(cells: str, verdict: Verdict) -> None:
    found = balance(parse_protocol(OWN), own(full="10.0", drawn="0.2", empty="0.5", washed="3.5", cells=cells))
    assert (found.verdict, found.limits_from) == (verdict, "default")


def test_what_was_drawn_carries_its_volume() -> None:
    parsed = parse_protocol(OWN)
    first, second = movements(plan(parsed), recorded(parsed, own(full="10.0", drawn="0.2", empty="0.5")), HALF_LIFE)
    assert first.volume == pytest.approx(2e-4)
    assert nominal(second.activity or 0.0) == pytest.approx(9.5e6, rel=2e-3)  # the residue stayed behind
    assert second.flow.residue


def test_there_is_no_balance_before_the_product_is_read() -> None:
    parsed = parse_protocol(OWN)
    assert balance_of(plan(parsed), recorded(parsed, own(full="10.0", empty="0.5")), HALF_LIFE) is None


@pytest.mark.parametrize(
    ("there", "instead", "told"),
    [
        ("container: tube}", "container: jar}", '"jar" is not among the containers'),
        ("to: bin}", "to: tube}", "from one container into another"),
        ("from: syringe, to: tube, residue", "from: oxine, to: tube, residue", "not in a material"),
        (", product: true", "", "Exactly one container holds the product"),
        ("kind: waste", "kind: bucket", '"bucket" is not a known kind'),
        ("to: bin}", "to: bin, by: hand}", 'has no key "by"'),
        ("material: oxine}", "material: oxine, container: tube}", "An activity or a volume is read"),
    ],
)
def test_a_fault_in_the_containers_is_told_with_its_line(there: str, instead: str, told: str) -> None:
    assert there in OWN
    with pytest.raises(InvalidInput) as refused:
        parse_protocol(OWN.replace(there, instead, 1))
    assert any(told in fault["detail"] and fault["line"] for fault in refused.value.details["errors"])


def test_a_balance_is_drawn_with_its_words() -> None:
    incoming = [Band("in", 1.0, "S-1 <b>", "10 MBq")]
    outgoing = [
        Band("product", 0.6, "Cells", "6 MBq, 60 %"),
        Band("unaccounted", 0.4, "Not accounted for", "4 MBq, 40 %"),
    ]
    drawn = sankey(incoming, outgoing, title="Where it went")
    assert drawn.count("<path") == 2
    assert "6 MBq, 60 %" in drawn
    assert "S-1 &lt;b&gt;" in drawn
    assert "style=" not in drawn
