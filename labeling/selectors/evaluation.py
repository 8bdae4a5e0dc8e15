"""What a protocol's formulas are given: current entries, the version's half-life, the calibrations of instruments."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from django.utils import timezone

from labeling.domain.evaluation import InstrumentCalibration, Recorded
from labeling.domain.nuclides import Nuclide, nuclide_with
from labeling.models import Calibration, Entry, ProtocolVersion
from labeling.selectors.facts import BatchFacts


@dataclass(frozen=True, slots=True)
class EvaluationInputs:
    recorded: Mapping[str, Recorded]
    nuclide: Nuclide
    instruments: Mapping[str, InstrumentCalibration]


def evaluation_inputs(facts: BatchFacts) -> EvaluationInputs:
    current = facts.current.values()
    used = {entry.equipment_id for entry in current if entry.equipment_id is not None}
    periods = list(Calibration.objects.filter(equipment__in=used).order_by("-valid_from", "-id")) if used else []
    recorded: dict[str, Recorded] = {}
    instruments: dict[str, InstrumentCalibration] = {}
    for entry in current:
        period = _period_of(entry, periods)
        name = _instrument_name(entry, period)
        if name is not None:
            instruments[name] = _calibration(period)
        recorded[entry.reference] = Recorded(
            step=entry.step,
            field=entry.field,
            value=entry.value,
            unit=entry.unit or None,
            u=entry.u or None,
            at=timezone.localtime(entry.measured_at),  # the worked lines are read by people of this site
            instrument=name,
        )
    return EvaluationInputs(recorded, nuclide_of(facts.batch.protocol_version), instruments)


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


def _period_of(entry: Entry, periods: list[Calibration]) -> Calibration | None:
    for calibration in periods:
        if calibration.equipment_id == entry.equipment_id and calibration.valid_from <= entry.measured_at:
            return calibration
    return None


def _calibration(period: Calibration | None) -> InstrumentCalibration:
    if period is None:
        return InstrumentCalibration(None)
    return InstrumentCalibration(period.relative_u_percent, period.repeatability_percent or None)


def _instrument_name(entry: Entry, period: Calibration | None) -> str | None:
    """One name for each instrument and validity period: readings that share it share one calibration factor."""
    if entry.equipment is None:
        return None
    return entry.equipment.code if period is None else f"{entry.equipment.code} (calibration {period.pk})"
