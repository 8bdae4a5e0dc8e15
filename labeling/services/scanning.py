"""A scan at the bench: judged against what its field waits for, and kept, also where it did not fit (CELL-4)."""

from __future__ import annotations

from datetime import datetime

from labeling.models import Scan
from labeling.selectors.batch import find_batch
from labeling.selectors.clock import database_now
from labeling.services.gates import LONGEST_SCAN
from labeling.services.lifecycle import lock_batch
from labeling.services.recording import refuse_unless_in_progress
from labeling.services.times import measured_time
from labeling.services.wrong_scans import ACTIONS, judge, keep
from lims.accounts.actors import Actor
from lims.accounts.roles import Permission, require
from lims.audit.operations import operation
from lims.errors import InvalidInput


def record_scan(
    *,
    actor: Actor,
    number: str,
    code: str,
    step: str = "",
    field: str = "",
    at: datetime | None = None,
    reason: str = "",
) -> Scan:
    """Keep a scan. What was expected is the field `field` of `step`, or nothing that can be scanned."""
    require(actor.user, Permission.MAKE_BATCH)
    code = code.strip()
    if not code or len(code) > LONGEST_SCAN:
        raise InvalidInput(f"A scan has 1 to {LONGEST_SCAN} characters.", code="bad_scan", field="code")
    batch = find_batch(number)
    definition = batch.protocol_version.document.field(step, field) if field else None
    judged = judge(batch, definition, code)
    with operation(actor=actor, action=ACTIONS[judged.outcome], subject=number, reason=reason) as op:
        batch = lock_batch(number)
        refuse_unless_in_progress(batch)
        moment, _ = measured_time(batch, at, now=database_now(), reason=reason)
        return keep(op, batch, judged, step=step, field=field, given=code, at=moment)
