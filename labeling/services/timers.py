"""The timer of a step: its start and stop are measured times, recorded like entries."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal

from django.db.models import Exists, OuterRef, QuerySet

from labeling.domain.lifecycle import BatchStatus
from labeling.domain.protocol import Timer
from labeling.domain.training import Task
from labeling.models import Batch, Deviation, TimerEvent
from labeling.selectors.clock import database_now
from labeling.services.deviations import open_deviation
from labeling.services.gates import refuse_stopped, refuse_uncleared
from labeling.services.lifecycle import lock_batch, refuse_stale
from labeling.services.recording import refuse_unless_in_progress
from labeling.services.times import measured_time
from labeling.services.training import require_training_for
from lims.accounts.actors import Actor, Source, system_actor
from lims.accounts.roles import Permission, require
from lims.audit.operations import operation
from lims.errors import Conflict, InvalidInput
from lims.oversight.models import Alarm
from lims.oversight.services import raise_alarm

Event = TimerEvent.Event


def record_timer(
    *,
    actor: Actor,
    number: str,
    step: str,
    event: str,
    at: datetime | None = None,
    reason: str = "",
    revision: int | None = None,
) -> TimerEvent:
    """The start or the stop of a step's timer. A stop outside the protocol's limits opens a deviation."""
    require(actor.user, Permission.MAKE_BATCH)
    if event not in Event.values:
        raise InvalidInput(f"A timer is started or stopped, not “{event}”.", code="unknown_choice", field="event")
    require_training_for(actor, number, Task.MAKE, doing=f"timer.{event}")
    with operation(actor=actor, action=f"timer.{event}", subject=number, reason=reason) as op:
        batch = lock_batch(number)
        refuse_stale(op, batch, revision)
        timer = batch.protocol_version.document.step(step).timer
        if timer is None:
            raise InvalidInput(f"The step {step} has no timer.", code="no_timer", field="step")
        refuse_unless_in_progress(batch)
        refuse_uncleared(batch)
        refuse_stopped(batch, step)
        moment, late = measured_time(batch, at, now=database_now(), reason=reason)
        started_at = _started_at(batch, step, event, moment)
        recorded = TimerEvent.objects.create(
            batch=batch,
            step=step,
            event=event,
            measured_at=moment,
            recorded_by=actor.user,
            late=late,
            reason=reason.strip(),
        )
        if started_at is not None:
            fault = timer_fault(timer, started_at=started_at, stopped_at=moment)
            if fault and not _known(batch, step):
                open_deviation(op, batch, kind=Deviation.Kind.TIMER, step=step, text=fault)
        return recorded


def report_missed_timers(*, now: datetime) -> list[Deviation]:
    """A deviation for each timer that runs beyond its maximum and that nobody stopped, each in its own operation.

    Counted from when the start was recorded: work that is recorded after the fact has its stop recorded a moment later.
    """
    missed = []
    for start in _running():
        timer = start.batch.protocol_version.document.step(start.step).timer
        if timer is None or timer.max_minutes is None:
            continue
        if now - start.recorded_at <= timedelta(minutes=float(timer.max_minutes)):
            continue
        found = _report_missed(start, limit=timer.max_minutes)
        missed += [found] if found else []
    return missed


def _running() -> QuerySet[TimerEvent]:
    stops = TimerEvent.objects.filter(batch=OuterRef("batch"), step=OuterRef("step"), event=Event.STOP)
    known = Deviation.objects.filter(batch=OuterRef("batch"), step=OuterRef("step"), kind=Deviation.Kind.TIMER)
    return (
        TimerEvent.objects.filter(~Exists(stops), ~Exists(known), event=Event.START)
        .filter(batch__status=BatchStatus.IN_PROGRESS)
        .select_related("batch__protocol_version")
        .order_by("id")
    )


def _report_missed(start: TimerEvent, *, limit: str) -> Deviation | None:
    number = start.batch.number
    with operation(actor=system_actor(Source.TASK), action="timer.missed", subject=number) as op:
        batch = lock_batch(number)
        stopped = TimerEvent.objects.filter(batch=batch, step=start.step, event=Event.STOP).exists()
        if stopped or _known(batch, start.step):  # meanwhile, before the lock
            return None
        text = f"The timer was not stopped after {limit} min, which the protocol allows at most."
        title = batch.protocol_version.document.step(start.step).title
        raise_alarm(
            op,
            kind=Alarm.Kind.TIMER_MISSED,
            subject=number,
            text=f"{number}, {title}: the timer was not stopped after {limit} min. Look after the step, and stop it.",
            cause=f"timer:{start.pk}",
        )
        return open_deviation(op, batch, kind=Deviation.Kind.TIMER, step=start.step, text=text)


def _known(batch: Batch, step: str) -> bool:
    """One deviation for one timer, whether it was found running or was stopped too late."""
    return Deviation.objects.filter(batch=batch, step=step, kind=Deviation.Kind.TIMER).exists()


def timer_fault(timer: Timer, *, started_at: datetime, stopped_at: datetime) -> str:
    """A sentence where the time that passed lies outside the protocol's limits, else nothing."""
    passed = Decimal(str((stopped_at - started_at).total_seconds())) / 60
    too_short = timer.min_minutes is not None and passed < Decimal(timer.min_minutes)
    too_long = timer.max_minutes is not None and passed > Decimal(timer.max_minutes)
    if not too_short and not too_long:
        return ""
    limits = " to ".join(limit for limit in (timer.min_minutes, timer.max_minutes) if limit is not None)
    return f"The timer ran {passed:.1f} min; the protocol asks for {limits} min."


def _started_at(batch: Batch, step: str, event: str, moment: datetime) -> datetime | None:
    """The start that a stop belongs to; None for a start. Raises Conflict where the event does not fit."""
    events = {e.event: e for e in TimerEvent.objects.filter(batch=batch, step=step)}
    if event in events:
        word = "started" if event == Event.START else "stopped"
        raise Conflict(f"The timer of the step {step} was {word} already.", code="already_recorded", field="event")
    if event == Event.START:
        return None
    if Event.START not in events:
        raise Conflict(f"The timer of the step {step} has not been started.", code="timer_not_started", field="event")
    start = events[Event.START].measured_at
    if moment < start:
        raise InvalidInput("The timer cannot stop before it started.", code="before_start", field="at")
    return start
