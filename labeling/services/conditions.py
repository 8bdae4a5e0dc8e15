"""Conditions of the site that somebody has to look at: above the licence, instruments overdue, lots expired in use.

Each is one alarm while it lasts: one that is open is known, and one that was acknowledged is quiet for a day.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Q

from labeling.domain.lifecycle import BatchStatus
from labeling.models import Entry, Equipment, Lot
from labeling.selectors.clock import database_now
from labeling.selectors.instruments import conditions, faults_of
from labeling.selectors.inventory import inventory
from lims.audit.models import Operation
from lims.oversight.models import Alarm
from lims.oversight.services import raise_alarm, sound_alarm

QUIET_AFTER = timedelta(days=1)
LASTING = {"instrument_overdue", "instrument_failed"}  # that nobody checked an instrument today is no condition
KINDS = (Alarm.Kind.LICENCE_EXCEEDED, Alarm.Kind.INSTRUMENT_DUE, Alarm.Kind.EXPIRED_IN_USE, Alarm.Kind.CHECK_FAILED)


@dataclass(frozen=True, slots=True)
class Found:
    kind: Alarm.Kind
    severity: Alarm.Severity
    subject: str
    text: str


def watch_conditions() -> list[Alarm]:
    """An alarm for each condition that nobody knows of yet, each in an operation of its own."""
    now = database_now()
    found = [*above_licence(at=now), *instruments_due(at=now), *expired_in_use(at=now)]
    known = known_alarms()
    return [
        sound_alarm(kind=one.kind, severity=one.severity, subject=one.subject, text=one.text)
        for one in found
        if (one.kind, one.subject) not in known
    ]


def raise_for_licence(op: Operation) -> None:
    """At the act itself: a receipt that brings the site above its licence is kept, and raises the alarm."""
    known = known_alarms()
    for one in above_licence(at=database_now()):
        if (one.kind, one.subject) not in known:
            raise_alarm(op, kind=one.kind, severity=one.severity, subject=one.subject, text=one.text)


def known_alarms() -> set[tuple[str, str]]:
    """Kind and subject of what is open, or was acknowledged within a day. A failed check told of its instrument."""
    recent = Q(acknowledgement=None) | Q(acknowledgement__at__gt=database_now() - QUIET_AFTER)
    told = set(Alarm.objects.filter(recent, kind__in=KINDS).values_list("kind", "subject"))
    return told | {(Alarm.Kind.INSTRUMENT_DUE, subject) for kind, subject in told if kind == Alarm.Kind.CHECK_FAILED}


def above_licence(*, at: datetime) -> Iterator[Found]:
    for held in inventory(at=at) if settings.LICENCE_LIMITS else []:
        if held["state"] == "over":
            yield Found(
                Alarm.Kind.LICENCE_EXCEEDED,
                Alarm.Severity.CRITICAL,
                held["nuclide"],
                f"The site holds {held['display']} of {held['nuclide']}, more than the {held['limit_display']} of its"
                " licence. Tell radiation safety, and let nothing more come in.",
            )


def instruments_due(*, at: datetime) -> Iterator[Found]:
    """Instruments in service whose calibration, test or service is overdue, or whose newest test failed."""
    registered = list(Equipment.objects.order_by("code"))
    known = conditions(registered, at=at)
    for equipment in registered:
        condition = known[equipment.pk]
        lasting = [fault.text for fault in faults_of(condition) if fault.code in LASTING]
        if condition.in_service and lasting:
            yield Found(Alarm.Kind.INSTRUMENT_DUE, Alarm.Severity.WARNING, equipment.code, " ".join(lasting))


def expired_in_use(*, at: datetime) -> Iterator[Found]:
    """Accepted lots that expired while a batch that used them is still being made."""
    used = Entry.objects.filter(batch__status=BatchStatus.IN_PROGRESS, corrected_by=None, lot__isnull=False)
    expired = Lot.objects.filter(status=Lot.Status.ACCEPTED, expires_at__lte=at, pk__in=used.values("lot"))
    for lot in expired.order_by("number"):
        rows = used.filter(lot=lot).order_by("batch__number")
        numbers = ", ".join(rows.values_list("batch__number", flat=True).distinct())
        yield Found(
            Alarm.Kind.EXPIRED_IN_USE,
            Alarm.Severity.WARNING,
            lot.number,
            f"Lot {lot.number} has expired while {numbers} is being made with it. Take no more of it.",
        )
