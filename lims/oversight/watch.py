"""What beat looks after: the clocks, and lockouts that the access log tells of."""

from __future__ import annotations

from lims.accounts.models import AccessEvent
from lims.oversight.clocks import Clocks, read_clocks
from lims.oversight.models import Alarm
from lims.oversight.services import alarm_of_lockout, sound_alarm

LOOKED_BACK_AT = 50


def watch() -> None:
    watch_clocks(read_clocks())
    watch_lockouts()


def watch_clocks(clocks: Clocks) -> Alarm | None:
    """An alarm for a clock that is wrong; while it is open the same fault raises no second one."""
    if not clocks.faults:
        return None
    return sound_alarm(
        kind=Alarm.Kind.CLOCK,
        severity=Alarm.Severity.CRITICAL,
        subject="server clock",
        text=" ".join(clocks.faults),
    )


def watch_lockouts() -> None:
    """Accounts and alarms know nothing of each other: the access log, which is append-only, connects them."""
    locked = AccessEvent.objects.filter(kind__in=("locked", "locked_out", "lockout")).order_by("-pk")
    for event in locked[:LOOKED_BACK_AT]:
        alarm_of_lockout(username=event.username, address=event.address, event=event.pk)
