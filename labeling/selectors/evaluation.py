"""What a protocol's formulas are given: current entries, the version's half-life, the calibrations of instruments."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from django.utils import timezone

from labeling.domain.evaluation import InstrumentCalibration, Recorded
from labeling.domain.nuclides import Nuclide, nuclide_with
from labeling.models import Entry, ProtocolVersion, Restatement
from labeling.selectors.calibrations import calibrations_of
from labeling.selectors.facts import BatchFacts


@dataclass(frozen=True, slots=True)
class EvaluationInputs:
    recorded: Mapping[str, Recorded]
    nuclide: Nuclide
    instruments: Mapping[str, InstrumentCalibration]


def evaluation_inputs(facts: BatchFacts, *, proposed: Restatement | None = None) -> EvaluationInputs:
    """What the results stand on; with a `proposed` restatement, what they would stand on."""
    current = list(facts.current.values())
    calibrations = calibrations_of(facts.batch, current, proposed=proposed)
    recorded: dict[str, Recorded] = {}
    instruments: dict[str, InstrumentCalibration] = {}
    for entry in current:
        in_force = calibrations.of(entry)
        if in_force is not None:
            instruments[in_force.name] = in_force.calibration
        recorded[entry.reference] = Recorded(
            step=entry.step,
            field=entry.field,
            value=entry.value,
            unit=entry.unit or None,
            u=entry.u or None,
            at=timezone.localtime(entry.measured_at),  # the worked lines are read by people of this site
            instrument=in_force.name if in_force else None,
            factor=str(in_force.factor) if in_force and entry.unit else "1",
        )
    return EvaluationInputs(recorded, nuclide_of(facts.batch.protocol_version), instruments)


def value_of(facts: BatchFacts, entry: Entry, *, proposed: Restatement | None = None) -> str:
    """A recorded value with the calibration factor of its instrument, which is 1 for most."""
    if entry.equipment is None or not entry.unit:
        return entry.value
    in_force = calibrations_of(facts.batch, [entry], proposed=proposed).of(entry)
    return entry.value if in_force is None or in_force.factor == 1 else str(Decimal(entry.value) * in_force.factor)


def nuclide_of(version: ProtocolVersion) -> Nuclide:
    """The nuclide with the half-life that the version was made effective with."""
    kept = (version.constants or {})["nuclide"]
    half_life = kept["half_life"]
    return nuclide_with(
        kept["code"],
        half_life=half_life["value"],
        unit_symbol=half_life["unit"],
        u=half_life["u"],
        source=kept["source"],
    )
