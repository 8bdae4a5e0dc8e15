"""Checks whose outcome is computed: constancy, linearity, accuracy; and what was serviced."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta

from django.db import IntegrityError, transaction
from django.utils import timezone

from labeling.domain.instruments import (
    CheckState,
    Evaluated,
    accuracy,
    activity_reading,
    constancy,
    linearity,
    parse_setting,
)
from labeling.domain.measurements import Reading
from labeling.domain.nuclides import nuclide as known_nuclide
from labeling.domain.quantities import parse_nonnegative
from labeling.models import CheckSource, Equipment, EquipmentCheck
from labeling.selectors.clock import database_now
from labeling.selectors.instruments import condition_of
from labeling.services.calibrating import certificate_digest, percent
from labeling.services.codes import refuse_bad_code, refuse_known
from labeling.services.equipment import clock_offset, find_equipment, raise_alarms, refuse_time_of_check, time_of_check
from lims.accounts.actors import Actor
from lims.accounts.roles import Permission, require
from lims.audit.operations import operation
from lims.errors import Conflict, InvalidInput

MEASURES_ACTIVITY = "dose_calibrator"
OLDEST_REFERENCE = timedelta(days=60 * 366)
MOST_READINGS = 200
Kind = EquipmentCheck.Kind


@dataclass(frozen=True, slots=True)
class SourceReading:
    """One reading of a source, as typed, in `unit`, at `at` (now where none is given); `source` is its code."""

    value: str
    unit: str
    at: datetime | None = None
    source: str = ""


def register_source(
    *,
    actor: Actor,
    code: str,
    nuclide: str,
    activity: str,
    unit: str,
    reference_at: datetime,
    certificate: str,
    relative_u_percent: str = "",
    certificate_sha256: str = "",
) -> CheckSource:
    """A long-lived source as its certificate states it. Another certificate makes it another source."""
    require(actor.user, Permission.KEEP_EQUIPMENT)
    refuse_bad_code(code)
    refuse_known(code, besides="source", field="code")
    known_nuclide(nuclide)
    stated = activity_reading("activity", activity, unit, reference_at)
    if stated.value <= 0:
        raise InvalidInput("activity: a source without activity checks nothing.", code="not_positive", field="activity")
    now = database_now()
    if not now - OLDEST_REFERENCE <= reference_at <= now + timedelta(days=366):
        raise InvalidInput(
            f"reference_at: {reference_at:%Y-%m-%d} cannot be the reference date of a source.",
            code="out_of_range",
            field="reference_at",
        )
    if not certificate.strip():
        raise InvalidInput("Name the certificate that states this.", code="missing_value", field="certificate")
    with operation(actor=actor, action="source.register", subject=code):
        try:
            with transaction.atomic():
                return CheckSource.objects.create(
                    code=code,
                    nuclide=nuclide,
                    activity=stated.typed,
                    unit=stated.unit.symbol,
                    relative_u_percent=percent(relative_u_percent, field="relative_u_percent", required=False),
                    reference_at=reference_at,
                    certificate=certificate.strip(),
                    certificate_sha256=certificate_digest(certificate_sha256),
                    registered_by=actor.user,
                )
        except IntegrityError:
            refuse_known(code, besides="source", field="code")
            raise Conflict(f"A source {code} is registered already.", code="already_exists", field="code") from None


def record_constancy(
    *,
    actor: Actor,
    code: str,
    reading: SourceReading,
    background: str = "",
    setting: str = "",
    note: str = "",
    reason: str = "",
    clock_offset_seconds: int | None = None,
) -> EquipmentCheck:
    """A check source read today, less the background: passed unless it deviates by more than the action limit."""
    equipment, at = _activity_meter(actor, code), _local(reading.at)
    rules, source = condition_of(equipment).rules, find_source(reading.source)
    read = activity_reading("reading", reading.value, reading.unit, at)
    empty = activity_reading("background", background, reading.unit, at) if background.strip() else None
    evaluated = constancy(
        reading=read,
        background=empty,
        source=_stated(source),
        nuclide=known_nuclide(source.nuclide),
        warning_percent=rules.constancy_warning_percent,
        action_percent=rules.constancy_action_percent,
    )
    return _keep(
        actor,
        equipment,
        Kind.CONSTANCY,
        at=at,
        evaluated=evaluated,
        source=source,
        note=note,
        reason=reason,
        clock_offset_seconds=clock_offset_seconds,
        background=background.strip(),
        warning_percent=rules.constancy_warning_percent,
        limit_percent=rules.constancy_action_percent,
        setting=parse_setting(setting),
    )


def record_linearity(
    *, actor: Actor, code: str, nuclide: str, readings: Sequence[SourceReading], note: str = "", reason: str = ""
) -> EquipmentCheck:
    """Readings of one decaying source, from the most active to the least, against its computed decay."""
    equipment, read = _activity_meter(actor, code), _series(readings)
    rules = condition_of(equipment).rules
    evaluated = linearity(readings=read, nuclide=known_nuclide(nuclide), limit_percent=rules.linearity_percent)
    at = max(reading.at for reading in read)
    return _keep(
        actor,
        equipment,
        Kind.LINEARITY,
        at=at,
        evaluated=evaluated,
        note=note,
        reason=reason,
        nuclide=nuclide,
        limit_percent=rules.linearity_percent,
    )


def record_accuracy(
    *, actor: Actor, code: str, readings: Sequence[SourceReading], note: str = "", reason: str = ""
) -> EquipmentCheck:
    """Certified sources, each read and compared with its certificate."""
    equipment, read = _activity_meter(actor, code), _series(readings)
    rules, sources = condition_of(equipment).rules, [find_source(reading.source) for reading in readings]
    evaluated = accuracy(
        pairs=[(_stated(s), r, known_nuclide(s.nuclide)) for s, r in zip(sources, read, strict=True)],
        limit_percent=rules.accuracy_percent,
    )
    at = max(reading.at for reading in read)
    codes = [source.code for source in sources]
    return _keep(
        actor,
        equipment,
        Kind.ACCURACY,
        at=at,
        evaluated=evaluated,
        note=note,
        reason=reason,
        sources=codes,
        limit_percent=rules.accuracy_percent,
    )


def record_service(
    *, actor: Actor, code: str, note: str, at: datetime | None = None, reason: str = ""
) -> EquipmentCheck:
    """What was serviced, by whom and with which result, in words."""
    require(actor.user, Permission.KEEP_EQUIPMENT)
    equipment = find_equipment(code)
    if not note.strip():
        raise InvalidInput("Say what was done, and by whom.", code="missing_value", field="note")
    with operation(actor=actor, action="equipment.service", subject=code, reason=reason):
        moment, late = time_of_check(at, reason=reason)
        return EquipmentCheck.objects.create(
            equipment=equipment,
            kind=Kind.SERVICE,
            at=moment,
            late=late,
            reason=reason.strip(),
            outcome=EquipmentCheck.Outcome.PASS,
            note=note.strip(),
            recorded_by=actor.user,
        )


def find_source(code: str) -> CheckSource:
    source = CheckSource.objects.filter(code=code).first()
    if source is None:
        raise InvalidInput(
            f"There is no check source {code}. Register it with its certificate.", code="unknown_source", field="source"
        )
    return source


def _activity_meter(actor: Actor, code: str) -> Equipment:
    require(actor.user, Permission.KEEP_EQUIPMENT)
    equipment = find_equipment(code)
    if equipment.kind != MEASURES_ACTIVITY:
        raise InvalidInput(
            f"{code} is a {equipment.kind.replace('_', ' ')}; sources are read on a dose calibrator.",
            code="wrong_instrument",
            field="equipment",
        )
    return equipment


def _series(readings: Sequence[SourceReading]) -> list[Reading]:
    if len(readings) > MOST_READINGS:
        raise InvalidInput(f"More than {MOST_READINGS} readings are too many.", code="too_many", field="readings")
    return [activity_reading("readings", row.value, row.unit, _local(row.at)) for row in readings]


def _local(at: datetime | None) -> datetime:
    """The worked lines are read by people of this site."""
    now = database_now()
    refuse_time_of_check(at or now, now=now)
    return timezone.localtime(at or now)


def _stated(source: CheckSource) -> Reading:
    u = float(parse_nonnegative(source.relative_u_percent, field="u")) if source.relative_u_percent else None
    return activity_reading(source.code, source.activity, source.unit, timezone.localtime(source.reference_at), u=u)


def _keep(
    actor: Actor,
    equipment: Equipment,
    kind: EquipmentCheck.Kind,
    *,
    at: datetime,
    evaluated: Evaluated,
    source: CheckSource | None = None,
    note: str = "",
    reason: str = "",
    clock_offset_seconds: int | None = None,
    **evidence: object,
) -> EquipmentCheck:
    points = [{**asdict(point), "at": point.at.isoformat()} for point in evaluated.points]
    failed = evaluated.state is CheckState.ACTION
    with operation(actor=actor, action=f"equipment.{kind}", subject=equipment.code, reason=reason) as op:
        moment, late = time_of_check(at, reason=reason)
        check = EquipmentCheck.objects.create(
            equipment=equipment,
            kind=kind,
            at=moment,
            late=late,
            reason=reason.strip(),
            outcome=EquipmentCheck.Outcome.FAIL if failed else EquipmentCheck.Outcome.PASS,
            state=evaluated.state,
            deviation_percent=evaluated.deviation_percent,
            source=source,
            evidence={"points": points, "worked": evaluated.worked, **evidence},
            note=note.strip(),
            clock_offset_seconds=clock_offset(clock_offset_seconds),
            recorded_by=actor.user,
        )
        raise_alarms(op, check)
        return check
