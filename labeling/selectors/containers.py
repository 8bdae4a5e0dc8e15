"""Containers as lists and pages show them, each with its activity at one instant, and the inventory of the site."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from django.db.models import QuerySet
from django.utils import timezone

from labeling.domain.activity_curve import activity_curve
from labeling.domain.containers import Content
from labeling.domain.display import display
from labeling.domain.uncertainty import Number, nominal, standard_uncertainty, variable
from labeling.models import Container, ContainerEvent, DecayStorage, RestatedReading, WasteSurvey
from labeling.selectors.clearance import Clearance, clearance_of, no_limit
from labeling.selectors.ledgers import MBQ, ML, content_stored, events_of, half_life_of, known_since, ledger_of
from labeling.selectors.restated_content import restated_content, rests_on_original
from labeling.selectors.restated_readings import restated_of
from lims.errors import NotFound

Json = dict[str, Any]
SHOWN_DIGITS = 5
UNITS = (("GBq", 1e9), ("MBq", 1e6), ("kBq", 1e3), ("Bq", 1.0))


def containers(
    *, kind: str = "", status: str = "", code: str = "", batch: str = "", lot: str = ""
) -> QuerySet[Container]:
    """Newest first; `code` finds a part of it."""
    rows = Container.objects.select_related("batch", "lot", "decay_storage").order_by("-pk")
    exact = {"kind": kind, "status": status, "batch__number": batch, "lot__number": lot}
    rows = rows.filter(**{name: value for name, value in exact.items() if value})
    return rows.filter(code__icontains=code) if code else rows


def find_container(container_id: int) -> Container:
    row = containers().filter(pk=container_id).first()
    if row is None:
        raise NotFound("There is no such container.")
    return row


def scanned_container(code: str) -> Json:
    """What a container's code means to a field that waits: the lot it holds, or the batch whose product it is."""
    row = Container.objects.filter(code=code).select_related("lot", "batch").first()
    if row is None:
        return {"container": None, "value": code}
    made = row.batch.number if row.batch is not None and row.product else code
    return {"container": row.pk, "value": row.lot.number if row.lot is not None else made}


def container_row(row: Container, *, at: datetime) -> Json:
    stored = content_stored(row)
    half_life = half_life_of(row) if row.content_u else row.half_life
    storage: DecayStorage | None = getattr(row, "decay_storage", None)
    clearance = clearance_of(row, storage) if storage else None
    waiting = row.status == Container.Status.DECAY_STORAGE
    gone = row.status == Container.Status.DISPATCHED
    return {
        "id": row.pk,
        "code": row.code,
        "kind": row.kind,
        "kind_label": row.get_kind_display(),
        "name": row.name,
        "status": row.status,
        "status_label": row.get_status_display(),
        "batch": row.batch.number if row.batch else None,
        "lot": row.lot.number if row.lot else None,
        "lot_id": row.lot_id,
        "product": row.product,
        "nuclide": row.nuclide or None,
        "half_life_s": row.half_life,
        "reference": reading(stored) if stored else None,
        "now": reading(stored.later(at, half_life)) if stored else None,
        "decay": _decaying(stored, row.half_life, at=at) if stored else None,
        "handed_over_at": row.content_at.isoformat() if gone and row.content_at else None,
        "volume": {"value": _plain(row.content_volume / ML), "unit": "mL"} if row.content_volume else None,
        "earliest_release_at": _earliest(storage, clearance).isoformat() if storage else None,
        "can_be_surveyed": waiting and clearance is not None and clearance.earliest <= at,
    }


def container_document(row: Container, *, at: datetime) -> Json:
    """Everything about one container: its events with those that were corrected, and what it is joined to."""
    counting = list(events_of([row]))
    book = ledger_of(row, counting)
    every = ContainerEvent.objects.filter(pk__in=_with_corrected(row)).select_related(
        "source", "target", "recorded_by", "equipment", "batch"
    )
    counts = {event.pk for event in counting}
    struck = {event.pk: event for event in every}
    restated = {line["event"]: line for line in restated_of(RestatedReading.objects.filter(event__in=counting))}
    lines = [
        {
            **_event(event, row, counts=event.pk in counts),
            "restated": restated.get(event.pk),
            "struck": _struck(event, struck),
        }
        for event in every.order_by("measured_at", "id")
    ]
    surveys = WasteSurvey.objects.filter(container=row).select_related("signature", "equipment").order_by("id")
    return {
        **container_row(row, at=at),
        "events": lines,
        "came_from": _others(line["from"] for line in lines if line["counts"] and line["from"] != row.code),
        "went_to": _others(line["to"] for line in lines if line["counts"] and line["to"] != row.code),
        "handed_over": _handed_over(row),
        "storage": _storage(row, row.decay_storage) if hasattr(row, "decay_storage") else None,
        "surveys": [_survey(survey) for survey in surveys],
        "restated_now": reading(held) if (held := restated_content(row, counting, at=at)) else None,
        "rests_on_original": rests_on_original(row, counting),
        "drawing": activity_curve(book, until=at, said=_said, amount=in_words),
    }


def activity_of(row: Container, *, at: datetime) -> Json:
    """The activity at an instant, from the events that count; before the container was there none, and a word why."""
    there = known_since(row)
    if at < there:
        said = f"{row.code} was not there yet; the first that is known of it is of {_said(there)}."
        return {"container": row.code, "value": None, "unit": "MBq", "u": None, "detail": said}
    content = ledger_of(row, events_of([row])).at(at)
    return {"container": row.code, **(reading(content) or {"value": None, "unit": "MBq", "u": None})}


def reading(content: Content) -> Json | None:
    """An activity with its instant, in MBq, or None where nobody knows it."""
    if content.activity is None:
        return None
    u = standard_uncertainty(content.activity)
    return {
        "value": repr(nominal(content.activity) / MBQ),
        "unit": "MBq",
        "u": repr(u / MBQ) if u else None,
        "at": content.at.isoformat(),
        "display": in_words(content.activity),
    }


def in_words(activity: Number) -> str:
    """`9.412 ± 0.056 MBq`, in the unit in which the number is easy to read."""
    value, u = nominal(activity), standard_uncertainty(activity)
    unit, factor = _unit_for(value)
    return display(repr(value / factor), repr(u / factor) if u else None, unit)


def _unit_for(becquerel: float) -> tuple[str, float]:
    return next((found for found in UNITS if becquerel >= found[1]), UNITS[-1] if becquerel else UNITS[1])


def _decaying(stored: Content, half_life: float | None, *, at: datetime) -> Json | None:
    """What a page needs to go on counting by itself: the reference and how many decimals it shows."""
    if stored.activity is None or half_life is None or not nominal(stored.activity):
        return None
    now = nominal(stored.later(at, half_life).activity or 0.0)
    unit, factor = _unit_for(now)
    decimals = max(SHOWN_DIGITS - len(str(int(now / factor))), 0)
    return {
        "value": repr(nominal(stored.activity) / factor),
        "now": f"{now / factor:.{decimals}f}",
        "unit": unit,
        "at": stored.at.isoformat(),
        "half_life_s": half_life,
        "decimals": decimals,
    }


def _with_corrected(row: Container) -> QuerySet[ContainerEvent, int]:
    sent = ContainerEvent.objects.filter(source=row).values_list("pk", flat=True)
    return sent.union(ContainerEvent.objects.filter(target=row).values_list("pk", flat=True))


def _event(event: ContainerEvent, row: Container, *, counts: bool) -> Json:
    amount = (
        variable(float(event.activity) * MBQ, float(event.u) * MBQ if event.u else None, "") if event.activity else None
    )
    rest = float(event.rest) * MBQ if event.rest and event.source_id == row.pk else None
    return {
        "id": event.pk,
        "kind": event.kind,
        "kind_label": event.get_kind_display(),
        "from": event.source.code if event.source else None,
        "from_id": event.source_id,
        "to": event.target.code if event.target else None,
        "to_id": event.target_id,
        "out": event.source_id == row.pk,
        "activity": {"value": event.activity, "unit": "MBq", "u": event.u} if event.activity is not None else None,
        "display": in_words(amount) if amount is not None else "",
        "left_behind": in_words(rest) if rest is not None else "",
        "volume": {"value": event.volume, "unit": "mL"} if event.volume is not None else None,
        "typed": event.typed,
        "at": event.measured_at.isoformat(),
        "recorded_at": event.recorded_at.isoformat(),
        "recorded_by": {"username": event.recorded_by.username, "full_name": event.recorded_by.full_name},
        "equipment": event.equipment.code if event.equipment else None,
        "batch": event.batch.number if event.batch else None,
        "field": event.reference,
        "reason": event.reason,
        "corrects": event.corrects_id,
        "counts": counts,
    }


def _struck(event: ContainerEvent, events: Mapping[int, ContainerEvent]) -> str:
    """What a correction stands in the place of, as it was typed."""
    old = events.get(event.corrects_id or 0)
    if old is None:
        return ""
    volume = f"{old.volume} mL" if old.volume is not None else ""
    return ", ".join(filter(None, (old.typed or (f"{old.activity} MBq" if old.activity else ""), volume)))


def _others(codes: Iterable[str | None]) -> list[str]:
    return list(dict.fromkeys(code for code in codes if code))


def _earliest(storage: DecayStorage, clearance: Clearance | None) -> datetime:
    return clearance.earliest if clearance else storage.earliest_release_at


def _storage(row: Container, storage: DecayStorage) -> Json:
    clearance = clearance_of(row, storage)
    return {
        "place": storage.place,
        "stored_at": storage.stored_at.isoformat(),
        "activity": {"value": storage.activity, "unit": "MBq", "u": storage.u} if storage.activity else None,
        "display": in_words(float(storage.activity) * MBQ) if storage.activity else "",
        "limit": dict(clearance.limit) if clearance else storage.limit,
        "limit_source": clearance.source if clearance else storage.limit_source,
        "limit_missing": "" if clearance else no_limit(row),
        "earliest_release_at": _earliest(storage, clearance).isoformat(),
        "stored_by": {"username": storage.stored_by.username, "full_name": storage.stored_by.full_name},
    }


def _handed_over(row: Container) -> list[Json]:
    sent = row.dispatches.select_related("batch", "signature").order_by("id")
    return [
        {
            "at": one.at.isoformat(),
            "recipient": one.recipient,
            "batch": one.batch.number,
            "whole": one.whole,
            "signed_by": {"username": one.signature.username, "full_name": one.signature.full_name},
        }
        for one in sent
    ]


def _survey(survey: WasteSurvey) -> Json:
    return {
        "id": survey.pk,
        "at": survey.measured_at.isoformat(),
        "equipment": survey.equipment.code,
        "background": {"value": survey.background, "unit": survey.unit},
        "reading": {"value": survey.reading, "unit": survey.unit},
        "outcome": survey.outcome,
        "outcome_label": survey.get_outcome_display(),
        "label_defaced": survey.label_defaced,
        "note": survey.note,
        "signed_by": {"username": survey.signature.username, "full_name": survey.signature.full_name},
        "signed_at": survey.signature.at.isoformat(),
    }


def _plain(number: float) -> str:
    return f"{number:.4g}"


def _said(moment: datetime) -> str:
    return timezone.localtime(moment).strftime("%H:%M %Z, %d %b %Y")
