"""The state of the installation as its staff see it: database, queue, clocks."""

from __future__ import annotations

from typing import Any

from celery import current_app
from django.conf import settings
from django.db import DatabaseError, connection
from kombu.exceptions import OperationalError

from lims.audit.sealing import newest_seal
from lims.oversight.clocks import MOST_DRIFT, read_clocks
from lims.oversight.models import Alarm, TrailWalk
from lims.oversight.seals import oldest_unsealed
from lims.oversight.selectors import alarms
from lims.people.access_review import fault_of_review
from lims.people.demo import fault_of_production


def state_of_installation() -> dict[str, Any]:
    clocks = read_clocks()
    queue = queue_answers()
    accounts = [fault for fault in (fault_of_production(), fault_of_review()) if fault]
    trail = state_of_trail()
    return {
        "status": "ok" if queue and not (clocks.faults or accounts or trail["faults"]) else "degraded",
        "database": "ok",  # it has just told its time
        "queue": "ok" if queue else "down",
        "version": settings.VERSION,
        "accounts": {"faults": accounts},
        "trail": trail,
        "clock": {
            "synchronization": clocks.synchronization.value,
            "told_by": clocks.told_by,
            "database": clocks.database.isoformat(),
            "drift_seconds": f"{clocks.drift_seconds:.3f}",
            "most_drift_seconds": f"{MOST_DRIFT.total_seconds():.0f}",
            "faults": list(clocks.faults.values()),
        },
    }


def state_of_trail() -> dict[str, Any]:
    """How far the audit trail is sealed and verified, and what the watch found wrong and nobody has acknowledged."""
    walks = TrailWalk.objects.in_bulk()
    newest, whole = walks.get(TrailWalk.Kind.NEWEST), walks.get(TrailWalk.Kind.WHOLE)
    oldest = oldest_unsealed()
    return {
        "sealed": newest_seal(),
        "unsealed_since": oldest.isoformat() if oldest else None,
        "verified_block": newest.block if newest else 0,
        "verified_at": newest.looked_at.isoformat() if newest and newest.looked_at else None,
        "whole_verified_at": whole.ended_at.isoformat() if whole and whole.ended_at else None,
        "whole_rows": whole.rows if whole else 0,
        "faults": [alarm.text for alarm in alarms(state="open", kind=Alarm.Kind.TRAIL_BROKEN).order_by("-pk")[:5]],
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
