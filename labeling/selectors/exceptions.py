"""The exceptions of the audit trail: what a reviewer by exception has to see, and nothing that is as it should be.

Which acts are exceptions, the database picks; why each one is, its recorded rows tell.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from django.db.models import Q, QuerySet

from labeling.models import Entry, EquipmentCheck, Scan
from labeling.models.equipment import MOST_CLOCK_OFFSET_SECONDS
from labeling.selectors.history import history_rows
from labeling.selectors.timer_order import read_beside_a_timer, read_out_of_order
from lims.accounts.models import AccessEvent
from lims.audit.models import Change, Operation
from lims.errors import InvalidInput
from lims.oversight.models import Alarm
from lims.oversight.trail import Wanted, operations

Json = dict[str, Any]
MOST_COUNTED = 100_000
CLOCKS = (Alarm.Kind.CLOCK, Alarm.Kind.INSTRUMENT_CLOCK)
REFUSED = ("signing_refused", "locked", "locked_out", "lockout")
CHECKS = tuple(f"equipment.{kind}" for kind in ("check", "constancy", "linearity", "accuracy", "service"))
WRONG_CODES = ("scan.refuse", "identity.refused")
UNTRAINED = AccessEvent.Kind.UNTRAINED
WHY_NOT = {
    "permission_refused": "the role may not",
    "segregation_of_duties": "it was their own work",
    "signature_refused": "wrong password",
    "locked": "locked out",
    "otp_required": "neither code nor key",
    "otp_wrong": "wrong one-time code",
    "otp_used": "a one-time code that was used",
    "key_wrong": "not their security key",
    "key_used": "a touch that was used, or too old",
    "key_counted_back": "a security key that counted back",
}


class Exceptional(StrEnum):
    LATE = "late"
    CORRECTION = "correction"
    REFUSED_SIGNING = "refused_signing"
    REFUSED_TO_SIGN = "refused_to_sign"
    UNTRAINED = "untrained"
    CLOCK = "clock"
    OUT_OF_RANGE = "out_of_range"
    INVALIDATED = "invalidated"
    STARTED_AFTERWARDS = "started_afterwards"
    BEFORE_PRODUCT = "before_product"
    OUT_OF_ORDER = "out_of_order"
    WRONG_CODE = "wrong_code"

    @property
    def label(self) -> str:
        return _LABELS[self]


_LABELS = {
    Exceptional.LATE: "Recorded late",
    Exceptional.CORRECTION: "Corrected",
    Exceptional.REFUSED_SIGNING: "Signing refused",
    Exceptional.REFUSED_TO_SIGN: "Refused to sign",
    Exceptional.UNTRAINED: "Refused for want of training",
    Exceptional.CLOCK: "Clock",
    Exceptional.OUT_OF_RANGE: "Out of range",
    Exceptional.INVALIDATED: "Result invalidated",
    Exceptional.STARTED_AFTERWARDS: "Started after the fact",
    Exceptional.BEFORE_PRODUCT: "Tested before the product",
    Exceptional.OUT_OF_ORDER: "Read while a timer ran",
    Exceptional.WRONG_CODE: "Another code than was expected",
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
    acts = [operations(wanted).filter(pick) for kind in asked for pick in _picks(kind)]
    refusals = _refusals(wanted).filter(kind__in=_refused(asked))
    if cursor is not None:
        acts = [rows.filter(cursor.older(1)) for rows in acts]
        refusals = refusals.filter(cursor.older(0))
    found: list[tuple[Cursor, Operation | AccessEvent]] = [
        *((Cursor(act.at, 1, act.pk), act) for act in _newest(acts, size + 1)),
        *((Cursor(event.at, 0, event.pk), event) for event in refusals.order_by("-at", "-pk")[: size + 1]),
    ]
    found.sort(key=lambda item: (item[0].at, item[0].table, item[0].pk), reverse=True)
    page = [item for _, item in found[:size]]
    acts_shown = [item for item in page if isinstance(item, Operation)]
    told = {row["id"]: row for row in history_rows(acts_shown)}
    out_of_order = read_out_of_order(act.pk for act in acts_shown)
    shown = [_row(item, told, out_of_order) for item in page]
    return ExceptionPage([row for row in shown if row["kinds"]], str(found[size - 1][0]) if len(found) > size else "")


def count_exceptions(wanted: Wanted) -> int:
    """How many acts and refusals of a selection are exceptions."""
    return len(exceptions(wanted, size=MOST_COUNTED).rows)


def _newest(acts: list[QuerySet[Operation]], size: int) -> list[Operation]:
    """The newest of all kinds. Each kind is cut by itself, along its own index, before they are put together."""
    if not acts:
        return []
    cut = [rows.order_by("-at", "-pk").values_list("pk", flat=True)[:size] for rows in acts]
    found = set(cut[0].union(*cut[1:]))
    rows = Operation.objects.filter(pk__in=found).select_related("actor").prefetch_related("changes")
    return list(rows.order_by("-at", "-pk")[:size])


def _picks(kind: Exceptional) -> Sequence[Q]:
    """Each found along an index of its own."""
    explained, entries = ~Q(reason=""), Entry.objects.all()
    alarms = Alarm.objects.filter(kind__in=CLOCKS)
    picks = {
        # Timer events and checks that say why are picked all; what is not late falls out when its rows are read.
        Exceptional.LATE: [
            Q(pk__in=entries.filter(late=True).values("operation")),
            Q(action__in=("timer.start", "timer.stop", *CHECKS)) & explained,
        ],
        Exceptional.CORRECTION: [Q(action__in=("entry.correct", "result.correct"))],
        Exceptional.OUT_OF_RANGE: [Q(pk__in=entries.filter(out_of_range=True).values("operation"))],
        Exceptional.INVALIDATED: [Q(action="result.investigate")],
        Exceptional.REFUSED_TO_SIGN: [Q(action="signing.refuse")],
        Exceptional.BEFORE_PRODUCT: [Q(action="result.record") & explained],
        Exceptional.WRONG_CODE: [Q(action__in=WRONG_CODES)],
        Exceptional.STARTED_AFTERWARDS: [Q(action="batch.start") & explained],
        Exceptional.CLOCK: [Q(pk__in=alarms.values("operation"))],
        Exceptional.OUT_OF_ORDER: [Q(pk__in=read_beside_a_timer().values("operation"))],
    }
    return picks.get(kind, [])


def _refused(asked: Iterable[Exceptional]) -> list[str]:
    """The kinds of the access log that stand for what is asked."""
    kinds = list(REFUSED) if Exceptional.REFUSED_SIGNING in asked else []
    return [*kinds, UNTRAINED.value] if Exceptional.UNTRAINED in asked else kinds


def _refusals(wanted: Wanted) -> QuerySet[AccessEvent]:
    """Refused signings stand in the access log: nothing was done, so there is no act and no subject to filter by."""
    rows = AccessEvent.objects.all()
    if wanted.subject or wanted.action or wanted.table:
        return rows.none()
    if wanted.person:
        rows = rows.filter(username__iexact=wanted.person)
    if wanted.source:
        rows = rows.none()
    if wanted.address:
        rows = rows.filter(address=wanted.address)
    if wanted.since:
        rows = rows.filter(at__gte=wanted.since)
    return rows.filter(at__lt=wanted.until) if wanted.until else rows


def _row(item: Operation | AccessEvent, told: Mapping[int, Json], out_of_order: Collection[int]) -> Json:
    if isinstance(item, AccessEvent):
        kind = Exceptional.UNTRAINED if item.kind == UNTRAINED else Exceptional.REFUSED_SIGNING
        purpose = f" for {item.purpose.replace('.', ': ').replace('_', ' ')}" if item.purpose else ""
        why = f" ({WHY_NOT[item.why]})" if item.why in WHY_NOT else ""
        return {
            "id": None,
            "access_event": item.pk,
            "at": item.at.isoformat(),
            "kinds": [kind.value],
            "labels": [kind.label],
            "sentence": f"{item.username}: {item.get_kind_display()}{purpose}{why}",
            "actor": {"username": item.username, "full_name": ""},
            "role": "",
            "action": item.kind,
            "subject": "",
            "source": "",
            "address": item.address,
            "reason": "",
            "changes": [],
        }
    found = [kind for change in item.changes.all() for kind in _why(item.action, change)]
    kinds = list(dict.fromkeys([*found, *([Exceptional.OUT_OF_ORDER] if item.pk in out_of_order else [])]))
    return {
        **told[item.pk],
        "access_event": None,
        "kinds": [kind.value for kind in kinds],
        "labels": [kind.label for kind in kinds],
    }


# A row of these is an exception, whatever it says.
_BY_TABLE = {"signatures_refusal": Exceptional.REFUSED_TO_SIGN, "qc_investigation": Exceptional.INVALIDATED}


def _why(action: str, change: Change) -> Iterator[Exceptional]:
    row = change.new_row or {}
    if change.table_name == "labeling_entry":
        if row.get("corrects_id") is not None:
            yield Exceptional.CORRECTION
        if row.get("out_of_range"):
            yield Exceptional.OUT_OF_RANGE
    if row.get("late"):
        yield Exceptional.LATE
    if change.table_name == "qc_testresult" and row.get("corrects_id") is not None:
        yield Exceptional.CORRECTION
    if action == "result.record" and row.get("reason"):
        yield Exceptional.BEFORE_PRODUCT
    if (kind := _BY_TABLE.get(change.table_name)) is not None:
        yield kind
    if action in WRONG_CODES and change.table_name == Scan._meta.db_table:
        yield Exceptional.WRONG_CODE
    if action == "batch.start" and row.get("started_at") != row.get("start_recorded_at"):
        yield Exceptional.STARTED_AFTERWARDS
    if change.table_name == Alarm._meta.db_table and row.get("kind") in CLOCKS:
        yield Exceptional.CLOCK
    if change.table_name == EquipmentCheck._meta.db_table:
        offset = row.get("clock_offset_seconds")
        if offset is not None and abs(offset) > MOST_CLOCK_OFFSET_SECONDS:
            yield Exceptional.CLOCK
