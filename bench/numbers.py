"""What numbers cost: one decay correction, a whole batch, a hundred thousand readings; each beside the bare work.

    .venv/bin/python -m bench.numbers

`radioactivedecay` joins in where it is installed: it is an oracle of the tests, not a part of the product.
"""

from __future__ import annotations

import importlib
import importlib.util
import json
import math
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from bench.timing import side_by_side, table
from labeling.domain.decay import decay_factor
from labeling.domain.evaluation import InstrumentCalibration, Recorded, evaluate
from labeling.domain.inventory import activities_at
from labeling.domain.nuclides import nuclide
from labeling.domain.protocol_reading import parse_protocol
from labeling.domain.uncertainty import variable

ROOT = Path(__file__).resolve().parent.parent
ZR89 = nuclide("Zr-89")
HALF_LIFE_S = 78.41 * 3600
MANY = 100_000


def bare(activity: float, elapsed: float) -> float:
    return activity * math.exp(-math.log(2) * elapsed / HALF_LIFE_S)


def one_correction() -> str:
    reading = variable(75.44e6, 0.15e6, "reading")
    works: dict[str, tuple[Callable[[], object], int]] = {
        "bare math.exp": (lambda: bare(75.44e6, 3120.0), 20_000),
        "decay_factor with the uncertainty of reading and half-life": (
            lambda: reading * decay_factor(3120.0, ZR89.half_life),
            2_000,
        ),
    }
    if importlib.util.find_spec("radioactivedecay"):
        inventory = importlib.import_module("radioactivedecay").Inventory({"Zr-89": 75.44e6}, "Bq")
        works["radioactivedecay, Inventory.decay"] = (lambda: inventory.decay(3120.0, "s").activities("Bq"), 50)
    return table("One decay correction", side_by_side(works), base="bare math.exp")


def whole_batch() -> str:
    """30 entries and 8 results: the labeling of the reference campaign, with further washes and their results."""
    protocol, recorded = _batch_of_thirty()
    instruments = {"DC-1": InstrumentCalibration("1.5", "0.2"), "CC-1": InstrumentCalibration("3", "5")}
    readings = [(float(r.value), float(i)) for i, r in enumerate(recorded.values()) if r.unit == "MBq"]
    works: dict[str, tuple[Callable[[], object], int]] = {
        "bare math.exp, each activity corrected once": (lambda: [bare(a, t) for a, t in readings], 2_000),
        f"evaluate: {len(recorded)} entries, {len(protocol.results)} results, uncertainty, worked lines": (
            lambda: evaluate(protocol, recorded, nuclide=ZR89, instruments=instruments),
            10,
        ),
    }
    base = "bare math.exp, each activity corrected once"
    return table("A whole batch", side_by_side(works), base=base)


def many_readings() -> str:
    random = np.random.default_rng(89)
    activities, elapsed = random.uniform(1e3, 1e9, MANY), random.uniform(-14 * 86_400, 14 * 86_400, MANY)
    u = activities * 0.005
    pairs = list(zip(activities.tolist(), elapsed.tolist(), strict=True))
    x = elapsed * (-math.log(2) / HALF_LIFE_S)
    works: dict[str, tuple[Callable[[], object], int]] = {
        "numpy.exp alone": (lambda: np.exp(x), 10),
        "activities_at, with uncertainty in closed form": (
            lambda: activities_at(activities, elapsed, ZR89.half_life, u=u),
            5,
        ),
        "bare math.exp in a loop, no uncertainty": (lambda: [bare(a, t) for a, t in pairs], 1),
    }
    return table(f"{MANY:,} readings at once", side_by_side(works), base="numpy.exp alone")


def _batch_of_thirty() -> tuple[Any, dict[str, Recorded]]:
    text = (ROOT / "library/protocols/t-cell-labeling.yaml").read_text(encoding="utf-8")
    plan = json.loads((ROOT / "examples/campaign.json").read_text(encoding="utf-8"))["labelings"][0]
    washes = range(3, 16)
    steps = "".join(
        f"  - key: wash_{n}\n    title: Wash {n}\n    fields:\n"
        "      - {key: wash, label: Wash, type: activity, unit: MBq, equipment: calibrator}\n"
        for n in washes
    )
    results = "".join(
        f"  - {{key: extra_{n}, title: Share of wash {n}, unit: '%',"
        f" expression: 'at(wash_{n}.wash, formulate.cells) / formulate.cells'}}\n"
        for n in (3, 4, 5)
    )
    protocol = parse_protocol(
        text.replace("  - key: formulate\n", f"{steps}  - key: formulate\n").replace(
            "specification:", f"{results}specification:"
        )
    )
    recorded = {f"{row['step']}.{row['field']}": _recorded(row) for row in plan["entries"]}
    begun = datetime.fromisoformat(plan["started_at"])
    for n in washes:
        at = begun + timedelta(hours=2, minutes=n)
        recorded[f"wash_{n}.wash"] = Recorded(f"wash_{n}", "wash", "0.05", "MBq", at, instrument="DC-1")
    return protocol, recorded


def _recorded(row: dict[str, Any]) -> Recorded:
    at = datetime.fromisoformat(row["at"]) if "at" in row else None
    value = row["value"] if isinstance(row["value"], str) else "true"
    return Recorded(row["step"], row["field"], value, row.get("unit"), at, instrument=row.get("equipment"))


if __name__ == "__main__":
    print("\n".join([one_correction(), whole_batch(), many_readings()]))
