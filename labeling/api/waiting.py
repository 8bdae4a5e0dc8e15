"""Entries that a worksheet kept in the browser until the network was back: none is refused for having waited."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from rest_framework.request import Request

from labeling.selectors.clock import database_now
from labeling.services.times import LATE_AFTER
from lims.errors import InvalidInput

HEADER = "Oxinate-Waited"  # whole seconds between the making of an entry and its sending
WORTH_SAYING = timedelta(minutes=1)
LONGEST = timedelta(days=60)
# The worksheet reckons the site's time from the server's answers; its reckoning may be ahead by a moment.
RECKONING = timedelta(seconds=5)


def waited_of(request: Request) -> timedelta | None:
    """How long the entry waited in the browser; None for a client that keeps no queue."""
    given = request.headers.get(HEADER, "").strip()
    if not given:
        return None
    if not (given.isascii() and given.isdigit() and int(given) <= LONGEST.total_seconds()):
        raise InvalidInput(f"{HEADER} is the number of seconds that an entry waited.", code="bad_wait", field=HEADER)
    return timedelta(seconds=int(given))


def as_made(request: Request, data: dict[str, Any], *, owes_reason: bool = False) -> dict[str, Any]:
    """The entry with the reason for its waiting: what the person did not have to say is said for them, and is true.

    Where they had to say why (a correction, or what was made late already), waiting does not say it for them.

    The body of a waiting entry never changes, so that its Idempotency-Key holds; how long it waited is a header.
    """
    waited = waited_of(request)
    if waited is None:
        return data
    at = data.get("at")
    made_late = at is not None and database_now() - waited - at > LATE_AFTER
    if waited >= WORTH_SAYING and (data["reason"] or not (owes_reason or made_late)):
        sentence = f"Waited {_minutes(waited)} in the browser for the network."
        data = {**data, "reason": f"{data['reason']} {sentence}".strip()}
    if at is not None and timedelta(0) < at - database_now() <= RECKONING:
        data = {**data, "at": None}
    return data


def _minutes(span: timedelta) -> str:
    minutes = int(span.total_seconds() // 60)
    return f"{minutes // 60} h {minutes % 60:02d} min" if minutes >= 60 else f"{minutes} min"
