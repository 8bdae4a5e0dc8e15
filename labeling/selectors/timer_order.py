"""Readings made while the timer of an earlier step ran, out of the order of the protocol."""

from __future__ import annotations

from collections.abc import Iterable

from django.db.models import Exists, OuterRef, QuerySet

from labeling.models import Entry, TimerEvent
from labeling.selectors.facts import BatchFacts


def read_beside_a_timer() -> QuerySet[Entry]:
    """The entries of a batch in which a timer of another step ran. Which step comes first, the protocol alone tells."""
    events = TimerEvent.objects.filter(batch=OuterRef("batch"), measured_at__lte=OuterRef("measured_at"))
    started = events.filter(event=TimerEvent.Event.START).exclude(step=OuterRef("step"))
    stopped = TimerEvent.objects.filter(
        batch=OuterRef("batch"),
        step=OuterRef("step"),
        event=TimerEvent.Event.STOP,
        measured_at__lte=OuterRef(OuterRef("measured_at")),
    )
    return Entry.objects.filter(Exists(started.exclude(Exists(stopped))))


def read_out_of_order(operations: Iterable[int]) -> set[int]:
    """Which of these operations recorded a reading while the timer of an earlier step ran."""
    beside = read_beside_a_timer().filter(operation__in=list(operations))
    entries = list(beside.select_related("batch__protocol_version"))
    timers: dict[int, list[TimerEvent]] = {entry.batch_id: [] for entry in entries}
    for event in TimerEvent.objects.filter(batch__in=timers).order_by("id"):
        timers[event.batch_id].append(event)
    return {entry.operation_id for entry in entries if _facts(entry, timers[entry.batch_id]).out_of_order(entry)}


def _facts(entry: Entry, timers: list[TimerEvent]) -> BatchFacts:
    document = entry.batch.protocol_version.document
    return BatchFacts(entry.batch, document, [entry], timers, verifications=[], results={}, deviations=[])
