"""The exceptions of the audit trail: what a reviewer by exception has to see, and nothing that is as it should be.

Which acts are exceptions, the database picks; why each one is, its recorded rows tell.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from django.db.models import Q, QuerySet

from labeling.models import Entry, EquipmentCheck
from labeling.models.equipment import MOST_CLOCK_OFFSET_SECONDS
from labeling.selectors.history import history_row
from lims.accounts.models import AccessEvent
from lims.audit.models import Change, Operation
from lims.errors import InvalidInput
from lims.oversight.models import Alarm
from lims.oversight.trail import Wanted, operations

Json = dict[str, Any]
CLOCKS = (Alarm.Kind.CLOCK, Alarm.Kind.INSTRUMENT_CLOCK)
REFUSED = ("signing_refused", "locked", "locked_out", "lockout")


class Exceptional(StrEnum):
    LATE = "late"
    CORRECTION = "correction"
    REFUSED_SIGNING = "refused_signing"
    CLOCK = "clock"
    OUT_OF_RANGE = "out_of_range"
    INVALIDATED = "invalidated"
    STARTED_AFTERWARDS = "started_afterwards"

    @property
    def label(self) -> str:
        return _LABELS[self]


_LABELS = {
    Exceptional.LATE: "Recorded late",
    Exceptional.CORRECTION: "Corrected",
    Exceptional.REFUSED_SIGNING: "Signing refused",
    Exceptional.CLOCK: "Clock",
    Exceptional.OUT_OF_RANGE: "Out of range",
    Exceptional.INVALIDATED: "Result invalidated",
    Exceptional.STARTED_AFTERWARDS: "Started after the fact",
}


@dataclass(frozen=True, slots=True)
class Cursor:
    """Where a page ended: acts and refusals are two tables, so the instant, then the table, then the row."""

    at: datetime
    table: int
    pk: int

    def __str__(self) -> str:
        return f"{self.at.isoformat()}_{self.table}_{self.pk}"

    @classmethod
    def of(cls, text: str) -> Cursor | None:
        if not text:
            return None
        try:
            at, table, pk = text.replace(" ", "+").split("_")
            cursor = cls(datetime.fromisoformat(at), int(table), int(pk))
        except ValueError as fault:
            raise InvalidInput("The cursor of this page is not one of ours.", code="bad_cursor") from fault
        if cursor.at.tzinfo is None:
            raise InvalidInput("The cursor of this page is not one of ours.", code="bad_cursor")
        return cursor

    def older(self, table: int) -> Q:
        if table == self.table:
            return Q(at__lt=self.at) | Q(at=self.at, pk__lt=self.pk)
        return Q(at__lte=self.at) if table < self.table else Q(at__lt=self.at)


@dataclass(frozen=True, slots=True)
class ExceptionPage:
    rows: list[Json]
    older: str


def exceptions(wanted: Wanted, *, kinds: Iterable[Exceptional] = (), before: str = "", size: int = 50) -> ExceptionPage:
    """The newest exceptions, or those older than `before`, each with why it is one."""
    asked, cursor = tuple(kinds) or tuple(Exceptional), Cursor.of(before)
    acts = _acts(wanted, asked)
    refusals = _refusals(wanted) if Exceptional.REFUSED_SIGNING in asked else AccessEvent.objects.none()
    if cursor is not None:
        acts, refusals = acts.filter(cursor.older(1)), refusals.filter(cursor.older(0))
    found: list[tuple[Cursor, Operation | AccessEvent]] = [
        *((Cursor(act.at, 1, act.pk), act) for act in acts.order_by("-at", "-pk")[: size + 1]),
        *((Cursor(event.at, 0, event.pk), event) for event in refusals.order_by("-at", "-pk")[: size + 1]),
    ]
    found.sort(key=lambda item: (item[0].at, item[0].table, item[0].pk), reverse=True)
    shown = [_row(item) for _, item in found[:size]]
    return ExceptionPage([row for row in shown if row["kinds"]], str(found[size - 1][0]) if len(found) > size else "")


def _acts(wanted: Wanted, asked: Iterable[Exceptional]) -> QuerySet[Operation]:
    picked = Q(pk__in=())
    for kind in asked:
        picked |= _pick(kind)
    return operations(wanted).filter(picked)


def _pick(kind: Exceptional) -> Q:
    explained, entries, none = ~Q(reason=""), Entry.objects.all(), Q(pk__in=())
    alarms = Alarm.objects.filter(kind__in=CLOCKS)
    picks = {
        # Timer events that say why are picked all; those that are not late fall out when their rows are read.
        Exceptional.LATE: Q(pk__in=entries.filter(late=True).values("operation"))
        | (Q(action__startswith="timer.") & explained),
        Exceptional.CORRECTION: Q(action="entry.correct"),
        Exceptional.OUT_OF_RANGE: Q(pk__in=entries.filter(out_of_range=True).values("operation")),
        Exceptional.INVALIDATED: Q(action="result.investigate"),
        Exceptional.STARTED_AFTERWARDS: Q(action="batch.start") & explained,
        Exceptional.CLOCK: Q(pk__in=alarms.values("operation")),
    }
    return picks.get(kind, none)


def _refusals(wanted: Wanted) -> QuerySet[AccessEvent]:
    """Refused signings stand in the access log: nothing was done, so there is no act and no subject to filter by."""
    rows = AccessEvent.objects.filter(kind__in=REFUSED)
    if wanted.subject or wanted.action or wanted.table:
        return rows.none()
    if wanted.person:
        rows = rows.filter(username__iexact=wanted.person)
    if wanted.source:
        rows = rows.none()
    if wanted.since:
        rows = rows.filter(at__gte=wanted.since)
    return rows.filter(at__lt=wanted.until) if wanted.until else rows


def _row(item: Operation | AccessEvent) -> Json:
    if isinstance(item, AccessEvent):
        purpose = f" for {item.purpose.replace('.', ': ').replace('_', ' ')}" if item.purpose else ""
        return {
            "id": None,
            "access_event": item.pk,
            "at": item.at.isoformat(),
            "kinds": [Exceptional.REFUSED_SIGNING.value],
            "labels": [Exceptional.REFUSED_SIGNING.label],
            "sentence": f"{item.username}: {item.get_kind_display()}{purpose}",
            "actor": {"username": item.username, "full_name": ""},
            "role": "",
            "action": item.kind,
            "subject": "",
            "source": "",
            "reason": "",
            "changes": [],
        }
    kinds = list(dict.fromkeys(kind for change in item.changes.all() for kind in _why(item.action, change)))
    return {
        **history_row(item),
        "access_event": None,
        "kinds": [kind.value for kind in kinds],
        "labels": [kind.label for kind in kinds],
    }


def _why(action: str, change: Change) -> Iterator[Exceptional]:
    row = change.new_row or {}
    if change.table_name == "labeling_entry":
        if row.get("corrects_id") is not None:
            yield Exceptional.CORRECTION
        if row.get("out_of_range"):
            yield Exceptional.OUT_OF_RANGE
    if row.get("late"):
        yield Exceptional.LATE
    if change.table_name == "qc_investigation":
        yield Exceptional.INVALIDATED
    if action == "batch.start" and row.get("started_at") != row.get("start_recorded_at"):
        yield Exceptional.STARTED_AFTERWARDS
    if change.table_name == Alarm._meta.db_table and row.get("kind") in CLOCKS:
        yield Exceptional.CLOCK
    if change.table_name == EquipmentCheck._meta.db_table:
        offset = row.get("clock_offset_seconds")
        if offset is not None and abs(offset) > MOST_CLOCK_OFFSET_SECONDS:
            yield Exceptional.CLOCK
