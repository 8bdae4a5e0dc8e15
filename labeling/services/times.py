"""When something was measured, as against when it is recorded."""

from __future__ import annotations

from datetime import datetime, timedelta

from labeling.models import Batch
from lims.errors import InvalidInput

LATE_AFTER = timedelta(minutes=15)


def measured_time(batch: Batch, at: datetime | None, *, now: datetime, reason: str) -> tuple[datetime, bool]:
    """The measured instant (the instant of recording where none is given), and whether it is recorded late.

    Raises InvalidInput for a time in the future, a time before the batch was started, or a late one without a reason.
    """
    moment = at or now
    if moment > now:
        raise InvalidInput(
            f"{moment:%Y-%m-%d %H:%M %Z} lies in the future. Give the time at which this was measured.",
            code="future_time",
            field="at",
        )
    if batch.started_at is not None and moment < batch.started_at:
        raise InvalidInput(
            f"{moment:%Y-%m-%d %H:%M %Z} lies before {batch.number} was started "
            f"({batch.started_at.astimezone(moment.tzinfo):%Y-%m-%d %H:%M %Z}).",
            code="before_start",
            field="at",
        )
    return moment, recorded_late(moment, now=now, reason=reason)


def recorded_late(moment: datetime, *, now: datetime, reason: str, done: str = "measured") -> bool:
    """Whether what was `done` at `moment` is recorded late. Raises InvalidInput where it is and no reason is given."""
    late = now - moment > LATE_AFTER
    if late and not reason.strip():
        raise InvalidInput(
            f"This is recorded {_minutes(now - moment)} after it was {done}. Say why.",
            code="late_needs_reason",
            field="reason",
        )
    return late


def _minutes(span: timedelta) -> str:
    minutes = int(span.total_seconds() // 60)
    if minutes >= 48 * 60:
        return f"{minutes // (24 * 60)} days"
    return f"{minutes // 60} h {minutes % 60:02d} min" if minutes >= 60 else f"{minutes} min"
