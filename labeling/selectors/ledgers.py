"""The ledger of a container from the events that count."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime

from django.db.models import Q, QuerySet

from labeling.domain.containers import Change, Content, Event, Ledger, ledger
from labeling.domain.uncertainty import Number, variable
from labeling.models import Container, ContainerEvent

MBQ = 1e6  # Bq
ML = 1e-3  # L
Kind = ContainerEvent.Kind


def events_of(containers: Sequence[Container]) -> QuerySet[ContainerEvent]:
    """What counts of all that happened to these containers, in the order of its instants."""
    return (
        ContainerEvent.objects.filter(Q(source__in=containers) | Q(target__in=containers), corrected_by=None)
        .select_related("source", "target", "recorded_by", "equipment", "batch", "entry")
        .order_by("measured_at", "id")
    )


def known_since(container: Container) -> datetime:
    """The first that is known of it. Reckoned back from there it would have held any amount, at some time long ago."""
    first = events_of([container]).first()
    return min(container.recorded_at, first.measured_at) if first else container.recorded_at


def half_life_of(container: Container) -> Number | None:
    if container.half_life is None:
        return None
    return variable(container.half_life, container.half_life_u, f"half-life of {container.nuclide}")


def ledger_of(container: Container, events: Iterable[ContainerEvent]) -> Ledger:
    """Where nobody stated a first content: a batch's container begins empty, another holds what nobody knows.

    One amount without a stated uncertainty leaves the whole ledger without: what is known of it would mislead.
    """
    rows = list(events)
    stated = all(row.u for row in rows if row.activity is not None and float(row.activity))
    half_life = half_life_of(container) if stated else container.half_life
    opening = next((row for row in rows if row.kind == Kind.OPENING and row.target_id == container.pk), None)
    changes = [_event(container, row, stated=stated) for row in rows if row is not opening]
    changes = _drawn_after_made(container, rows, changes, half_life)
    first = opening.measured_at if opening else min((c.at for c in changes), default=container.recorded_at)
    if opening is not None:
        content = Content(first, _amount(opening.activity, opening.u if stated else None, opening), _volume(opening))
    elif container.batch_id is None:
        content = Content(first, None, None)
    else:
        content = Content(first, 0.0, None if container.kind == Container.Kind.SUSPENSION else 0.0)
    return ledger(content, changes, half_life)


def _drawn_after_made(
    container: Container, rows: list[ContainerEvent], changes: list[Event], half_life: Number | None
) -> list[Event]:
    """What others draw from a batch's product by a time before its last reading counts at that reading, decayed to it:
    times of two batches are written down by two people, and what was not there yet cannot have been drawn."""
    own = {str(row.pk): row.measured_at for row in rows if row.batch_id and row.batch_id == container.batch_id}
    if not own or half_life is None:
        return changes
    made = max(own.values())
    return [
        event if event.name in own or event.at >= made else _brought_to(event, made, half_life) for event in changes
    ]


def _brought_to(event: Event, at: datetime, half_life: Number) -> Event:
    activity = Content(event.at, event.activity).later(at, half_life).activity
    return replace(event, at=at, activity=activity)


def content_stored(container: Container) -> Content | None:
    """The end of the ledger as the row of the container keeps it."""
    if container.content_at is None:
        return None
    activity = None if container.content is None else variable(container.content, container.content_u, container.code)
    return Content(container.content_at, activity, container.content_volume)


def _event(container: Container, row: ContainerEvent, *, stated: bool) -> Event:
    activity, volume = _amount(row.activity, row.u if stated else None, row), _volume(row)
    if row.kind == Kind.READING:
        return Event(row.measured_at, Change.READ, activity, volume, str(row.pk))
    if row.target_id == container.pk:
        return Event(row.measured_at, Change.ADDED, activity, volume, str(row.pk))
    if row.kind == Kind.RESIDUE or row.rest is not None:
        return Event(
            row.measured_at, Change.LEFT, _amount(row.rest, row.rest_u if stated else None, row), None, str(row.pk)
        )
    if activity is None and volume is None:
        return Event(row.measured_at, Change.EMPTIED, name=str(row.pk))
    return Event(row.measured_at, Change.TAKEN, activity, volume, str(row.pk))


def _amount(text: str | None, u: str | None, row: ContainerEvent) -> Number | None:
    if text is None:
        return None
    return variable(float(text) * MBQ, float(u) * MBQ if u else None, f"event {row.pk}")


def _volume(row: ContainerEvent) -> float | None:
    return None if row.volume is None else float(row.volume) * ML
