"""An entry that was refused and not mended: that it was made, and why it was given up, stays in the trail."""

from __future__ import annotations

from datetime import datetime

from labeling.selectors.batch import find_batch
from lims.accounts.actors import Actor
from lims.accounts.roles import Permission, require
from lims.audit.models import Operation
from lims.audit.operations import operation
from lims.errors import InvalidInput


def discard_entry(*, actor: Actor, number: str, what: str, at: datetime, refusal: str, reason: str) -> Operation:
    """Record that `what`, made at `at` and refused with the sentence `refusal`, is not entered again."""
    require(actor.user, Permission.MAKE_BATCH)
    find_batch(number)
    if not reason.strip():
        raise InvalidInput("Say why the entry is given up.", code="reason_missing", field="reason")
    said = f"{what}, made at {at.isoformat(timespec='seconds')}. {reason.strip()}"
    with operation(
        actor=actor, action="entry.discard", subject=number, reason=f"{said} (refused: {refusal})" if refusal else said
    ) as op:
        return op
