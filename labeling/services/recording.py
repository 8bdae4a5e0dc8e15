"""Record a value, or correct it. Each act is one operation under the batch's lock; nothing is overwritten."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from labeling.domain.instruments import parse_setting
from labeling.domain.lifecycle import BatchStatus
from labeling.domain.protocol import Field
from labeling.domain.training import Task
from labeling.models import Batch, Deviation, Entry
from labeling.selectors.clock import database_now
from labeling.services.batch_containers import settle_containers
from labeling.services.deviations import open_deviation
from labeling.services.equipment import find_equipment
from labeling.services.gates import refuse_stopped, refuse_uncleared
from labeling.services.instrument_gate import Gauged, instrument_of_reading
from labeling.services.lifecycle import lock_batch, refuse_stale
from labeling.services.results import recompute
from labeling.services.stock import consume
from labeling.services.times import measured_time
from labeling.services.training import require_training_for
from labeling.services.values import read_uncertainty, read_value
from labeling.services.wrong_scans import wrong_kept
from lims.accounts.actors import Actor
from lims.accounts.roles import Permission, require
from lims.audit.models import Operation
from lims.audit.operations import operation
from lims.errors import Conflict, InvalidInput, NotFound


@dataclass(frozen=True, slots=True)
class Reading:
    """What a person or a device gives for one field."""

    value: str
    unit: str = ""
    u: str = ""
    at: datetime | None = None
    equipment: str = ""
    reason: str = ""
    setting: str = ""
    geometry: str = ""


def record_entry(
    *, actor: Actor, number: str, step: str, field: str, reading: Reading, revision: int | None = None
) -> Entry:
    """The first value of a field. Raises Conflict where there is one already: that one is corrected, not replaced."""
    require(actor.user, Permission.MAKE_BATCH)
    require_training_for(actor, number, Task.MAKE, doing="entry.record")
    with (
        wrong_kept(actor, number, step, field, value=reading.value, equipment=reading.equipment),
        operation(actor=actor, action="entry.record", subject=number, reason=reading.reason) as op,
    ):
        batch = lock_batch(number)
        refuse_stale(op, batch, revision)
        definition = batch.protocol_version.document.field(step, field)
        refuse_unless_in_progress(batch)
        earlier = Entry.objects.filter(batch=batch, step=step, field=field, corrected_by=None).first()
        if earlier is not None:
            raise Conflict(
                f"{definition.label} is recorded already: {earlier.typed} {earlier.unit}".rstrip()
                + f", by {earlier.recorded_by.full_name}. Correct that value and say why.",
                code="already_recorded",
                field="value",
                entry=earlier.pk,
            )
        return _add(op, batch, step, definition, reading, corrects=None)


def correct_entry(*, actor: Actor, number: str, entry_id: int, reading: Reading, revision: int | None = None) -> Entry:
    """A new value beside the old one, with the reason. The old one stays, struck through."""
    require(actor.user, Permission.MAKE_BATCH)
    require_training_for(actor, number, Task.MAKE, doing="entry.correct")
    place = Entry.objects.filter(batch__number=number, pk=entry_id).values_list("step", "field").first() or ("", "")
    with (
        wrong_kept(actor, number, *place, value=reading.value, equipment=reading.equipment),
        operation(actor=actor, action="entry.correct", subject=number, reason=reading.reason) as op,
    ):
        batch = lock_batch(number)
        refuse_stale(op, batch, revision)
        old = find_entry(batch, entry_id)
        refuse_unless_in_progress(batch)
        if hasattr(old, "corrected_by"):
            raise Conflict(
                f"This value was corrected already, to {old.corrected_by.typed}. Correct the newest one.",
                code="stale",
                field="value",
                entry=old.corrected_by.pk,
            )
        if not reading.reason.strip():
            raise InvalidInput("Say why the value is corrected.", code="reason_missing", field="reason")
        definition = batch.protocol_version.document.field(old.step, old.field)
        # A digit was misread, not the clock: what the correction does not give stays as it was measured.
        kept = replace(
            reading,
            at=reading.at or old.measured_at,
            equipment=reading.equipment or (old.equipment.code if old.equipment else ""),
            setting=reading.setting or old.setting,
            geometry=reading.geometry or old.geometry,
        )
        return _add(op, batch, old.step, definition, kept, corrects=old)


def find_entry(batch: Batch, entry_id: int) -> Entry:
    entry = (
        Entry.objects.select_related("recorded_by", "corrected_by", "equipment")
        .filter(batch=batch, pk=entry_id)
        .first()
    )
    if entry is None:
        raise NotFound(f"Batch {batch.number} has no entry {entry_id}.")
    return entry


def refuse_unless_in_progress(batch: Batch) -> None:
    status = BatchStatus(batch.status)
    if status is not BatchStatus.IN_PROGRESS:
        raise Conflict(
            f"{batch.number} is {status.label.lower()}; values are recorded while a batch is in progress.",
            code="batch_not_in_progress",
            batch_status=batch.status,
        )


def _add(
    op: Operation, batch: Batch, step: str, definition: Field, reading: Reading, *, corrects: Entry | None
) -> Entry:
    refuse_uncleared(batch)
    moment, late = measured_time(batch, reading.at, now=database_now(), reason=reading.reason)
    read = read_value(
        definition,
        reading.value,
        reading.unit,
        protocol=batch.protocol_version.document,
        batch=batch,
        measured_at=moment,
    )
    refuse_stopped(batch, step)
    gauged = _instrument(op, batch, step, definition, reading, moment)
    entry = Entry.objects.create(
        batch=batch,
        step=step,
        field=definition.key,
        typed=read.typed,
        value=read.value,
        unit=read.unit,
        u=read_uncertainty(definition, reading.u),
        measured_at=moment,
        recorded_by=op.actor,
        equipment=gauged.equipment if gauged else None,
        setting=gauged.setting if gauged else "",
        geometry=gauged.geometry if gauged else "",
        lot=read.lot,
        source_batch=read.source_batch,
        corrects=corrects,
        reason=reading.reason.strip(),
        late=late,
        out_of_range=bool(read.out_of_range),
        warnings=[*read.warnings, *([gauged.warning] if gauged and gauged.warning else [])],
        operation=op,
    )
    consume(op, entry, definition, corrects=corrects)
    if read.out_of_range:
        open_deviation(op, batch, kind=Deviation.Kind.OUT_OF_RANGE, step=step, entry=entry, text=read.out_of_range)
    if gauged and gauged.allowed:
        open_deviation(op, batch, kind=Deviation.Kind.INSTRUMENT, step=step, entry=entry, text=gauged.allowed)
    recompute(op, batch)
    settle_containers(op, batch, entry)
    return entry


def _instrument(
    op: Operation, batch: Batch, step: str, definition: Field, reading: Reading, moment: datetime
) -> Gauged | None:
    """What the value was read on. A field that asks for no instrument takes the one that is named, as it is."""
    if definition.equipment:
        return instrument_of_reading(
            batch,
            step,
            definition,
            code=reading.equipment,
            setting=reading.setting,
            geometry=reading.geometry,
            at=moment,
            by=op.actor.pk,
        )
    if reading.equipment:
        return Gauged(find_equipment(reading.equipment), parse_setting(reading.setting), reading.geometry.strip())
    return None
