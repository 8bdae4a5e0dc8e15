"""Raise alarms and acknowledge them. None is closed without a person and their comment, and none is ever deleted."""

from __future__ import annotations

from django.db import IntegrityError, transaction

from lims.accounts.actors import Actor, Source, system_actor
from lims.accounts.roles import Permission, acting_role, require
from lims.audit.models import Operation
from lims.audit.operations import operation
from lims.errors import Conflict, InvalidInput, NotFound
from lims.oversight.models import Acknowledgement, Alarm

SHORTEST_COMMENT = 3


def raise_alarm(
    op: Operation,
    *,
    kind: Alarm.Kind,
    subject: str,
    text: str,
    severity: Alarm.Severity = Alarm.Severity.WARNING,
    cause: str | None = None,
) -> Alarm:
    """An alarm, inside the operation that found its cause. The same `cause` raises one alarm however often it comes."""
    found = Alarm.objects.filter(cause=cause).first() if cause else None
    if found is not None:
        return found
    return Alarm.objects.create(kind=kind, severity=severity, subject=subject, text=text, cause=cause, operation=op)


def sound_alarm(
    *,
    kind: Alarm.Kind,
    subject: str,
    text: str,
    severity: Alarm.Severity = Alarm.Severity.WARNING,
    cause: str | None = None,
    source: Source = Source.TASK,
) -> Alarm:
    """An alarm that the program itself raises, in an operation of its own. Not inside another operation."""
    known = Alarm.objects.filter(cause=cause).first() if cause else _still_open(kind, subject)
    if known is not None:
        return known
    with operation(actor=system_actor(source), action="alarm.raise", subject=subject) as op:
        return raise_alarm(op, kind=kind, subject=subject, text=text, severity=severity, cause=cause)


def alarm_of_lockout(*, username: str, address: str, event: int, source: Source = Source.PAGE) -> Alarm:
    """An account was locked after too many failures; `event` is the row of the access log that says so."""
    return sound_alarm(
        kind=Alarm.Kind.LOCKOUT,
        severity=Alarm.Severity.CRITICAL,
        subject=username,
        text=f"The account {username} was locked after too many failures, the last one from {address or 'here'}.",
        cause=f"lockout:{event}",
        source=source,
    )


def acknowledge_alarm(*, actor: Actor, alarm_id: int, comment: str) -> Acknowledgement:
    """Close an alarm with what was found and done. Raises InvalidInput without a comment, Conflict the second time."""
    require(actor.user, Permission.ACKNOWLEDGE)
    if len(comment.strip()) < SHORTEST_COMMENT:
        raise InvalidInput("Say what you found and did about it.", code="comment_missing", field="comment")
    alarm = Alarm.objects.filter(pk=alarm_id).first()
    if alarm is None:
        raise NotFound(f"There is no alarm {alarm_id}.")
    with operation(actor=actor, action="alarm.acknowledge", subject=alarm.subject, reason=comment.strip()) as op:
        try:
            with transaction.atomic():  # of two people at once the second is told, not failed
                return Acknowledgement.objects.create(
                    alarm=alarm,
                    by=actor.user,
                    role=acting_role(actor.user, Permission.ACKNOWLEDGE),
                    comment=comment.strip(),
                    operation=op,
                )
        except IntegrityError:
            given = Acknowledgement.objects.select_related("by").get(alarm=alarm)
            raise Conflict(
                f"{given.by.full_name} has acknowledged this alarm already.", code="already_recorded"
            ) from None


def _still_open(kind: Alarm.Kind, subject: str) -> Alarm | None:
    return Alarm.objects.filter(kind=kind, subject=subject, acknowledgement=None).first()
