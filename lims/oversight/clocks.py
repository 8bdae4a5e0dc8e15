"""The clocks of the installation: whether the server's is synchronized, and how far the database's is from it."""

from __future__ import annotations

import ctypes
import shutil
import subprocess
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from django.db import connection

# The clock of this server may stand this far from the database's.
MOST_DRIFT = timedelta(seconds=5)
CLOCK_IS_NOT_SYNCHRONIZED = 5  # TIME_ERROR of adjtimex(2)
ASK_SECONDS = 2


class Synchronization(StrEnum):
    YES = "synchronized"
    NO = "not synchronized"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Clocks:
    synchronization: Synchronization
    told_by: str
    database: datetime
    drift_seconds: float  # how far the web server's clock is ahead of the database's

    @property
    def faults(self) -> dict[str, str]:
        """What is wrong, in a sentence by its subject. Not to know the state is no fault, but it is shown."""
        found = {}
        if self.synchronization is Synchronization.NO:
            found["server clock"] = "The server's clock is not synchronized with a time server."
        if abs(self.drift_seconds) > MOST_DRIFT.total_seconds():
            found["database clock"] = (
                f"The web server's clock is {self.drift_seconds:+.1f} s off the database's, "
                f"more than {MOST_DRIFT.total_seconds():.0f} s."
            )
        return found


def read_clocks() -> Clocks:
    synchronization, told_by = synchronization_state()
    before = datetime.now(UTC)
    database = database_now()
    after = datetime.now(UTC)
    middle = before + (after - before) / 2
    return Clocks(synchronization, told_by, database, (middle - database).total_seconds())


def database_now() -> datetime:
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        now: datetime = cursor.fetchone()[0]
    return now


def synchronization_state() -> tuple[Synchronization, str]:
    """What the first of timedatectl, chrony and the kernel says. A container mostly has none: then it is unknown."""
    for ask, told_by in ((_timedatectl, "timedatectl"), (_chrony, "chrony"), (_kernel, "the kernel")):
        answer = ask()
        if answer is not None:
            return (Synchronization.YES if answer else Synchronization.NO), told_by
    return Synchronization.UNKNOWN, ""


def _timedatectl() -> bool | None:
    said = _said("timedatectl", "show", "--property=NTPSynchronized", "--value")
    return {"yes": True, "no": False}.get(said)


def _chrony() -> bool | None:
    said = _said("chronyc", "-c", "tracking")
    fields = said.split(",")
    # The last field is the leap status; without a source chrony says "Not synchronised".
    return None if len(fields) < 14 else fields[-1].strip().lower() != "not synchronised"


def _kernel() -> bool | None:
    """adjtimex(2) only reads here (modes = 0), which any user may."""
    try:
        libc = ctypes.CDLL(None, use_errno=True)
        state = libc.adjtimex(ctypes.create_string_buffer(512))  # struct timex is about 208 bytes, zeroed
    except (OSError, AttributeError):
        return None
    return None if state < 0 else state != CLOCK_IS_NOT_SYNCHRONIZED


def _said(*command: str) -> str:
    program = shutil.which(command[0])
    if program is None:
        return ""
    try:
        run = subprocess.run(  # noqa: S603 - fixed words, no shell
            [program, *command[1:]], capture_output=True, text=True, timeout=ASK_SECONDS, check=False
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return run.stdout.strip() if run.returncode == 0 else ""
