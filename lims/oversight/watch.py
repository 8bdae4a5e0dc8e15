"""What beat looks after: clocks, lockouts that the access log tells of, demo accounts in production, access reviews."""

from __future__ import annotations

from datetime import timedelta

from django.db.models.functions import Now

from lims.accounts.models import AccessEvent
from lims.oversight.clocks import Clocks, read_clocks
from lims.oversight.models import Alarm
from lims.oversight.services import alarm_of_lockout, sound_alarm
from lims.people.access_review import fault_of_review, newest_review
from lims.people.demo import fault_of_production

LOCKOUTS = ("locked", "locked_out", "lockout")
LOOKED_BACK_AT = 50
QUIET_AFTER = timedelta(days=1)


def watch() -> None:
    watch_clocks(read_clocks())
    watch_lockouts()
    watch_accounts()
    watch_access_review()


def watch_access_review() -> None:
    """One alarm for each review that is missed, however long nobody signs it."""
    if fault := fault_of_review():
        newest = newest_review()
        cause = f"access_review:after:{newest.pk if newest else 0}"
        sound_alarm(kind=Alarm.Kind.ACCESS_REVIEW, subject="user access", text=fault, cause=cause)


def watch_accounts() -> None:
    """The server does not start with demo accounts; this finds those that came after its start."""
    if fault := fault_of_production():
        sound_alarm(
            kind=Alarm.Kind.DEMO_ACCOUNTS, severity=Alarm.Severity.CRITICAL, subject="demo accounts", text=fault
        )


def watch_clocks(clocks: Clocks) -> list[Alarm]:
    """An alarm for each thing that is wrong. While it is open, and for a day after somebody has acknowledged it, the
    same fault raises no second one: they know, and mend it."""
    known = Alarm.objects.filter(kind=Alarm.Kind.CLOCK, acknowledgement__at__gt=Now() - QUIET_AFTER)
    quiet = set(known.values_list("subject", flat=True))
    return [
        sound_alarm(kind=Alarm.Kind.CLOCK, severity=Alarm.Severity.CRITICAL, subject=subject, text=text)
        for subject, text in clocks.faults.items()
        if subject not in quiet
    ]


def watch_lockouts() -> None:
    """Accounts and alarms know nothing of each other: the access log, which is append-only, connects them."""
    locked = list(AccessEvent.objects.filter(kind__in=LOCKOUTS).order_by("-pk")[:LOOKED_BACK_AT])
    causes = {f"lockout:{event.pk}": event for event in locked}
    told = set(Alarm.objects.filter(cause__in=causes).values_list("cause", flat=True))
    for cause, event in causes.items():
        if cause not in told:
            alarm_of_lockout(username=event.username, address=event.address, event=event.pk)
