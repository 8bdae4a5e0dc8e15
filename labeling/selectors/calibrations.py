"""Which calibration, and which restatement of it, holds for a reading."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django.db.models import Q
from django.utils import timezone

from labeling.domain.evaluation import InstrumentCalibration
from labeling.domain.instruments import factor_of
from labeling.domain.lifecycle import BatchStatus
from labeling.models import Batch, Calibration, Entry, Restatement


@dataclass(frozen=True, slots=True)
class InForce:
    """What holds for one reading: the name that readings of one calibration share, its uncertainties, its factor."""

    name: str
    calibration: InstrumentCalibration
    factor: Decimal


@dataclass(frozen=True, slots=True)
class Calibrations:
    """The calibrations of some instruments and the restatements of their readings, read once."""

    nuclide: str
    periods: Sequence[Calibration]
    restatements: Sequence[Restatement]  # the newest first

    def period_of(self, equipment_id: int, *, at: datetime, geometry: str) -> Calibration | None:
        """The newest of those that begin by then and speak most exactly of this nuclide and this geometry."""
        fitting = [
            period
            for period in self.periods
            if period.equipment_id == equipment_id
            and period.valid_from <= at
            and period.nuclide in ("", self.nuclide)
            and period.geometry in ("", geometry)
        ]
        return max(fitting, key=_exactness, default=None)

    def restatement_of(self, equipment_id: int, *, at: datetime) -> Restatement | None:
        for restatement in self.restatements:
            fits = restatement.equipment_id == equipment_id and restatement.nuclide in ("", self.nuclide)
            if fits and restatement.since <= at < restatement.until:
                return restatement
        return None

    def of(self, entry: Entry) -> InForce | None:
        """What holds for an entry's instrument; None where it names none."""
        if entry.equipment is None:
            return None
        period = self.period_of(entry.equipment.pk, at=entry.measured_at, geometry=entry.geometry)
        restated = self.restatement_of(entry.equipment.pk, at=entry.measured_at)
        name = entry.equipment.code if period is None else f"{entry.equipment.code} (calibration {period.pk})"
        known = InstrumentCalibration(None)
        if period is not None:
            known = InstrumentCalibration(period.relative_u_percent, period.repeatability_percent or None)
        if restated is None:
            return InForce(name, known, Decimal(period.factor if period else "1"))
        name = f"{name}, restatement {restated.pk or 'proposed'}"
        known = InstrumentCalibration(
            restated.relative_u_percent or known.relative_u_percent, known.repeatability_percent
        )
        used = entry.setting or restated.setting_used
        return InForce(name, known, factor_of(factor=restated.factor, used=used, correct=restated.setting_correct))


def calibrations_for(equipment_ids: Iterable[int], *, nuclide: str) -> Calibrations:
    """Those of some instruments for one nuclide, without any restatement."""
    used = set(equipment_ids)
    return Calibrations(nuclide, list(Calibration.objects.filter(equipment__in=used)) if used else [], [])


def calibrations_of(batch: Batch, entries: Iterable[Entry], *, proposed: Restatement | None = None) -> Calibrations:
    """Those that the batch's results stand on. A restatement made after its completion stands beside, not in them.

    With a `proposed` one: those that a re-evaluation stands on, all earlier ones included.
    """
    used = {entry.equipment_id for entry in entries if entry.equipment_id is not None}
    nuclide = batch.protocol_version.nuclide
    known = calibrations_for(used, nuclide=nuclide)
    restated = list(_restatements_of(batch, used, all_of_them=proposed is not None)) if used else []
    return Calibrations(nuclide, known.periods, [*([proposed] if proposed else []), *restated])


def _restatements_of(batch: Batch, used: set[int], *, all_of_them: bool) -> Iterable[Restatement]:
    rows = Restatement.objects.filter(equipment__in=used).order_by("-id")
    signature = batch.completion_signature
    if all_of_them or batch.status == BatchStatus.IN_PROGRESS or signature is None:
        return rows
    beside = Q(reevaluations__batch=batch, reevaluations__recomputed=False)
    return rows.filter(recorded_at__lt=signature.at).exclude(beside)


def _exactness(period: Calibration) -> tuple[bool, bool, datetime, int]:
    return bool(period.nuclide), bool(period.geometry), period.valid_from, period.pk


def without_file(code: str) -> list[tuple[int, str]]:
    """The calibrations of an instrument without the file of their certificate, newest first, as they are named."""
    rows = Calibration.objects.filter(equipment__code=code, certificate_kept=None).order_by("-valid_from", "-pk")
    return [
        (row.pk, f"{row.certificate or f'factor {row.factor}'}, from {timezone.localtime(row.valid_from):%d %b %Y}")
        for row in rows
    ]
