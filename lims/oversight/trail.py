"""What to look for in the audit trail, in one shape for pages, REST and exports."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, time, timedelta

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone

from lims.accounts.actors import Source
from lims.accounts.models import User
from lims.audit.models import Change, Operation
from lims.errors import InvalidInput

NAMES = ("person", "action", "subject", "source", "address", "from", "to", "table")


@dataclass(frozen=True, slots=True)
class Wanted:
    """Empty means all. `action` may be one act (`entry.correct`) or a group of them (`entry`)."""

    person: str = ""
    action: str = ""
    subject: str = ""
    source: str = ""
    address: str = ""
    since: datetime | None = None
    until: datetime | None = None
    table: str = ""

    @property
    def in_words(self) -> str:
        told = [f"{name} {value}" for name, value in asdict(self).items() if value]
        return ", ".join(told) or "everything"


def wanted_of(query: Mapping[str, str]) -> Wanted:
    """The filters of a query string or a request body; InvalidInput names the one that is not understood."""
    given = {name: str(query.get(name) or "").strip() for name in NAMES}
    if given["source"] and given["source"] not in set(Source):
        raise InvalidInput(
            f"The source is {given['source']!r}; it is one of {', '.join(Source)}.",
            code="unknown_choice",
            field="source",
        )
    return Wanted(
        person=given["person"],
        action=given["action"],
        subject=given["subject"],
        source=given["source"],
        address=given["address"],
        since=_moment(given["from"], field="from"),
        until=_moment(given["to"], field="to"),
        table=given["table"],
    )


def operations(wanted: Wanted) -> QuerySet[Operation]:
    rows = Operation.objects.select_related("actor").prefetch_related("changes")
    if wanted.person:
        rows = rows.filter(actor__in=list(User.objects.filter(username__iexact=wanted.person)))
    if wanted.action:
        rows = rows.filter(Q(action=wanted.action) | Q(action__startswith=f"{wanted.action}."))
    if wanted.subject:
        rows = rows.filter(subject=wanted.subject)
    if wanted.source:
        rows = rows.filter(source=wanted.source)
    if wanted.address:
        rows = rows.filter(address=wanted.address)
    if wanted.since:
        rows = rows.filter(at__gte=wanted.since)
    if wanted.until:
        rows = rows.filter(at__lt=wanted.until)
    if wanted.table:
        rows = rows.filter(Exists(Change.objects.filter(operation=OuterRef("pk"), table_name=wanted.table)))
    return rows


def _moment(given: str, *, field: str) -> datetime | None:
    """An instant with its offset, or a day of the site's calendar: as `from` its beginning, as `to` its end."""
    if not given:
        return None
    try:
        if len(given) == len("2026-03-01"):
            day = date.fromisoformat(given) + timedelta(days=1 if field == "to" else 0)
            return datetime.combine(day, time(), tzinfo=timezone.get_current_timezone())
        moment = datetime.fromisoformat(given.replace(" ", "+"))
        moment.astimezone(UTC)
    except (ValueError, OverflowError) as fault:
        raise InvalidInput(f"“{given}” is not a date or an instant.", code="bad_time", field=field) from fault
    if moment.tzinfo is None:
        raise InvalidInput(
            f"“{given}” has no offset from UTC; add one, or give a date.", code="naive_time", field=field
        )
    return moment
