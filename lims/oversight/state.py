"""The state of the installation as its staff see it: database, queue, clocks."""

from __future__ import annotations

from typing import Any

from celery import current_app
from django.conf import settings
from django.db import DatabaseError, connection
from kombu.exceptions import OperationalError

from lims.oversight.clocks import MOST_DRIFT, read_clocks
from lims.people.demo import fault_of_production


def state_of_installation() -> dict[str, Any]:
    clocks = read_clocks()
    queue = queue_answers()
    accounts = fault_of_production()
    return {
        "status": "ok" if queue and not clocks.faults and not accounts else "degraded",
        "database": "ok",  # it has just told its time
        "queue": "ok" if queue else "down",
        "version": settings.VERSION,
        "accounts": {"faults": [accounts] if accounts else []},
        "clock": {
            "synchronization": clocks.synchronization.value,
            "told_by": clocks.told_by,
            "database": clocks.database.isoformat(),
            "drift_seconds": f"{clocks.drift_seconds:.3f}",
            "most_drift_seconds": f"{MOST_DRIFT.total_seconds():.0f}",
            "faults": list(clocks.faults.values()),
        },
    }


def database_answers() -> bool:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError:
        return False
    return True


def queue_answers() -> bool:
    try:
        with current_app.connection_for_write() as queue:
            queue.ensure_connection(max_retries=1, interval_start=0, timeout=1)
    except (OSError, OperationalError):
        return False
    return True
