"""What a container would hold by its restated readings, beside what was recorded; and what else a restatement moves."""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from datetime import datetime
from typing import Any

from django.db.models import F

from labeling.domain.containers import Content
from labeling.models import Container, ContainerEvent, Reevaluation, RestatedReading
from labeling.selectors.ledgers import ledger_of

Json = dict[str, Any]


def restated_content(row: Container, events: Sequence[ContainerEvent], *, at: datetime) -> Content | None:
    """By the newest restatement of each of its readings; None where none of them was restated.

    What was moved stays as it was recorded: an amount that was reckoned from another reading is not reckoned anew.
    """
    kept = RestatedReading.objects.filter(event__in=events).order_by("id")
    newest = {reading.event_id: reading.reading["after"] for reading in kept}
    if not newest:
        return None
    return ledger_of(row, [_restated(event, newest.get(event.pk)) for event in events]).at(at)


def rests_on_original(row: Container, events: Sequence[ContainerEvent]) -> list[Json]:
    """Restatements that would move what it holds, and do not: of readings in its batch, and of the containers from
    which it was filled. Each with where the reading was recorded."""
    return [*_in_batches(events), *_in_sources(row, events)]


def _restated(event: ContainerEvent, after: Json | None) -> ContainerEvent:
    if after is None:
        return event
    changed = copy(event)
    changed.activity, changed.u = after["value"], after["u"]
    return changed


def _in_batches(events: Sequence[ContainerEvent]) -> list[Json]:
    """Of an event that was brought up to its entries since then, nothing has to be said."""
    read = [event for event in events if event.batch_id is not None and event.equipment_id is not None]
    rows = Reevaluation.objects.filter(
        batch__in={event.batch_id for event in read}, restatement__equipment__in={event.equipment_id for event in read}
    ).select_related("restatement__equipment", "batch")
    return [
        _said(row.restatement_id, row.restatement, row.batch.number)
        for row in rows.order_by("id")
        if any(_touches(row, event) for event in read)
    ]


def _touches(row: Reevaluation, event: ContainerEvent) -> bool:
    restatement = row.restatement
    return (
        event.batch_id == row.batch_id
        and event.equipment_id == restatement.equipment_id
        and restatement.since <= event.measured_at < restatement.until
        and event.recorded_at < row.recorded_at
    )


def _in_sources(row: Container, events: Sequence[ContainerEvent]) -> list[Json]:
    sources = {event.source_id for event in events if event.source_id not in (None, row.pk)}
    kept = RestatedReading.objects.filter(
        event__target__in=sources, event__corrected_by=None, event__batch=None
    ).select_related("restatement__equipment")
    rows = kept.annotate(code=F("event__target__code")).order_by("id")
    told = {(reading.restatement_id, reading.code): reading.restatement for reading in rows}
    return [_said(pk, restatement, code) for (pk, code), restatement in told.items()]


def _said(pk: int, restatement: Any, recorded_in: str) -> Json:
    return {
        "restatement": pk,
        "equipment": restatement.equipment.code,
        "factor": restatement.factor,
        "setting_correct": restatement.setting_correct or None,
        "recorded_in": recorded_in,
    }
