"""What the first page shows of the site as it stands: activity in stock, what expires soon, what happens this day."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from datetime import date, datetime, time, timedelta
from typing import Any

from django.db.models import Exists, ExpressionWrapper, F, FloatField, OuterRef, Q, QuerySet, Value
from django.db.models.functions import Exp, Extract
from django.urls import reverse
from django.utils import timezone

from labeling.domain.day import Mark
from labeling.domain.lifecycle import BatchStatus
from labeling.models import Batch, Container, Dispatch, Lot
from labeling.selectors.bench import product_gone
from labeling.selectors.containers import container_row, containers
from labeling.selectors.downtime import outstanding_sheets
from labeling.selectors.training import trainings_expiring
from lims.oversight.selectors import alarm_row, alarms

Json = dict[str, Any]
SHOWN = 8
MOST_MARKS = 40
SOON = timedelta(days=7)
TRAINING_SOON = timedelta(days=30)
OF_STOCK = (Container.Kind.VIAL, Container.Kind.SYRINGE, Container.Kind.SUSPENSION, Container.Kind.SAMPLE)


def decaying_stock(*, at: datetime) -> list[Json]:
    """The containers in use that hold the most activity at `at`, each with its share of the largest, in percent."""
    age = ExpressionWrapper(Extract(Value(at) - F("content_at"), "epoch"), output_field=FloatField())
    decayed = ExpressionWrapper(F("content") * Exp(-math.log(2) * age / F("half_life")), output_field=FloatField())
    held = containers(status=Container.Status.IN_USE).filter(kind__in=OF_STOCK, content__gt=0, half_life__gt=0)
    rows = list(held.annotate(activity_now=decayed).order_by("-activity_now", "pk")[:SHOWN])
    largest = rows[0].activity_now if rows else 0.0
    return [{**container_row(row, at=at), "share": round(100 * row.activity_now / largest, 1)} for row in rows]


def open_alarms() -> list[Json]:
    return [alarm_row(alarm) for alarm in alarms(state="open").order_by("-severity", "-pk")[:SHOWN]]


def sheets_out() -> list[Json]:
    """Down-time sheets that are issued and not back, the oldest first."""
    return [
        {
            "number": sheet.number,
            "issued_to": sheet.issued_to.full_name,
            "issued_at": sheet.issued_at.isoformat(),
            "batch": sheet.batch.number if sheet.batch else None,
        }
        for sheet in outstanding_sheets()[:SHOWN]
    ]


def overdue_of(registered: Iterable[Json]) -> list[Json]:
    """Of the rows of instruments in service those with a calibration, test or service that is overdue or never done."""
    late = ("overdue", "never")
    rows = ({**row, "due": [due for due in row["due"] if due["state"] in late]} for row in registered)
    return [row for row in rows if row["due"] and row["in_service"]]


def expiring(*, now: datetime) -> list[Json]:
    """Accepted lots and released batches that expire within a week, trainings within a month: the earliest first."""
    soon = Q(expires_at__gt=now, expires_at__lt=now + SOON)
    lots = Lot.objects.filter(soon, status=Lot.Status.ACCEPTED).order_by("expires_at")[:SHOWN]
    here = ~Exists(Dispatch.objects.filter(product_gone(), batch=OuterRef("pk")))
    batches = _read(Batch.objects.filter(soon, here, status=BatchStatus.RELEASED)).order_by("expires_at")[:SHOWN]
    rows = [
        *(
            _expires(lot.number, lot.name or lot.material, reverse("labeling:lot", args=[lot.pk]), lot.expires_at)
            for lot in lots
        ),
        *(_expires(b.number, b.protocol_version.product, _page(b), b.expires_at) for b in batches if b.expires_at),
        *(
            _expires(
                cell.person.full_name,
                f"training to {cell.task.value}, {cell.version}",
                reverse("labeling:training-person", args=[cell.person.username]),
                cell.valid_until,
            )
            for cell in trainings_expiring(TRAINING_SOON)
            if cell.valid_until
        ),
    ]
    return sorted(rows, key=lambda row: str(row["until"]))[:SHOWN]


def marks_of(day: date) -> list[Mark]:
    """What happened and what will on a calendar day of the site, in order of time."""
    zone = timezone.get_current_timezone()
    start = datetime.combine(day, time(), tzinfo=zone)
    end = datetime.combine(day + timedelta(days=1), time(), tzinfo=zone)
    of_day = {"gte": start, "lt": end}
    touched = Q()
    for column in ("started_at", "completion_signature__at", "disposition_signature__at", "expires_at"):
        touched |= Q(**{f"{column}__{edge}": moment for edge, moment in of_day.items()})
    batches = _read(Batch.objects.filter(touched)).order_by("-pk")[:MOST_MARKS]
    lots = Lot.objects.filter(
        Q(recorded_at__gte=start, recorded_at__lt=end)
        | Q(expires_at__gte=start, expires_at__lt=end, status=Lot.Status.ACCEPTED)
    ).order_by("-pk")[:MOST_MARKS]
    found = [*_of_batches(batches), *_of_lots(lots)]
    return sorted((mark for mark in found if start <= mark.at < end), key=lambda mark: mark.at)[:MOST_MARKS]


def _of_batches(batches: Iterable[Batch]) -> Iterator[Mark]:
    for batch in batches:
        decided = "released" if batch.status == BatchStatus.RELEASED else "rejected"
        moments = (
            (batch.started_at, "started", "start"),
            (batch.completion_signature.at if batch.completion_signature else None, "completed", "done"),
            (batch.disposition_signature.at if batch.disposition_signature else None, decided, "done"),
            (batch.expires_at if batch.status != BatchStatus.REJECTED else None, "expires", "end"),
        )
        for at, word, kind in moments:
            if at is not None:
                yield Mark(at, batch.number, word, _page(batch), kind)


def _of_lots(lots: Iterable[Lot]) -> Iterator[Mark]:
    for lot in lots:
        page = reverse("labeling:lot", args=[lot.pk])
        yield Mark(lot.recorded_at, lot.number, "received", page, "start")
        if lot.status == Lot.Status.ACCEPTED:
            yield Mark(lot.expires_at, lot.number, "expires", page, "end")


def _read(batches: QuerySet[Batch]) -> QuerySet[Batch]:
    return batches.select_related("protocol_version", "completion_signature", "disposition_signature")


def _page(batch: Batch) -> str:
    return reverse("labeling:batch", args=[batch.number])


def _expires(name: str, what: str, href: str, until: datetime) -> Json:
    return {"name": name, "what": what, "href": href, "until": until.isoformat()}
