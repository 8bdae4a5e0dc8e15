"""The audit trail as a file: CSV for a spreadsheet, JSON for a program. The export is itself an audited act."""

from __future__ import annotations

import csv
import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from django.conf import settings
from django.http import StreamingHttpResponse
from django.utils import timezone

from labeling.selectors.history import history_rows
from lims.accounts.actors import Actor
from lims.accounts.roles import Permission, require
from lims.audit.models import Change, Operation
from lims.audit.operations import operation
from lims.downloads import neutral
from lims.oversight.trail import Wanted, operations
from lims.signatures.manifestation import in_words

AT_ONCE = 500
COLUMNS = (
    *("event", "at_utc", "at_site", "username", "full_name", "role", "source", "address", "action", "subject"),
    *("reason", "sentence", "signed", "table", "row", "verb", "old", "new"),
)


class Format(StrEnum):
    CSV = "csv"
    JSON = "json"


@dataclass(frozen=True, slots=True)
class Export:
    name: str
    content_type: str
    parts: Iterator[str]


def export_trail(*, actor: Actor, wanted: Wanted, form: Format) -> Export:
    """Everything up to this moment that `wanted` asks for. Read in portions, so that it costs no memory."""
    require(actor.user, Permission.READ_AUDIT)
    subject = wanted.subject or "audit trail"
    with operation(
        actor=actor, action="audit.export", subject=subject, reason=f"{form}: {wanted.in_words}"[:2000]
    ) as op:
        pass
    name = f"audit-trail-{op.pk}.{form}"
    if form is Format.CSV:
        return Export(name, "text/csv; charset=utf-8", as_csv(op, wanted))
    return Export(name, "application/json", as_json(op, wanted))


def streamed(made: Export) -> StreamingHttpResponse:
    answer = StreamingHttpResponse(made.parts, content_type=made.content_type)
    answer["Content-Disposition"] = f'attachment; filename="{made.name}"'
    return answer


def _portions(op: Operation, wanted: Wanted) -> Iterator[tuple[Operation, dict[str, Any]]]:
    """Oldest first, by key: no cursor is held open while somebody's line is slow."""
    last = 0
    while True:
        rows = list(operations(wanted).filter(pk__gt=last, pk__lte=op.pk).order_by("pk")[:AT_ONCE])
        yield from zip(rows, history_rows(rows), strict=True)
        if len(rows) < AT_ONCE:
            return
        last = rows[-1].pk


class _Line:
    """What csv.writer writes into; each line is handed on at once."""

    def write(self, line: str) -> str:
        return line


def as_csv(op: Operation, wanted: Wanted) -> Iterator[str]:
    writer = csv.writer(_Line())
    yield "\ufeff" + writer.writerow(COLUMNS)  # with its byte order mark a spreadsheet reads µ and ⁸⁹Zr
    for act, row in _portions(op, wanted):
        head = [
            *(act.pk, act.at.isoformat(), timezone.localtime(act.at).isoformat(), act.actor.username),
            *(act.actor.full_name, act.role, act.source, act.address, act.action, act.subject, act.reason),
            row["sentence"],
            "; ".join(in_words(signature) for signature in row["signatures"]),
        ]
        for cells in map(_cells, act.changes.all() or [None]):
            yield writer.writerow([neutral(cell) for cell in (*head, *cells)])


def _cells(change: Change | None) -> tuple[str, ...]:
    if change is None:
        return ("",) * 5
    old, new = differing(change)
    return change.table_name, change.row_pk, change.verb, _text(old), _text(new)


def differing(change: Change) -> tuple[dict[str, Any], dict[str, Any]]:
    """The columns of a changed row that differ, old and new; of a new or a removed row all of them."""
    old, new = change.old_row or {}, change.new_row or {}
    keys = [key for key in {**old, **new} if change.verb != "UPDATE" or old.get(key) != new.get(key)]
    return {k: old[k] for k in keys if k in old}, {k: new[k] for k in keys if k in new}


def _text(row: dict[str, Any]) -> str:
    return json.dumps(row, ensure_ascii=False, sort_keys=True) if row else ""


def as_json(op: Operation, wanted: Wanted) -> Iterator[str]:
    head = {
        "export": op.pk,
        "exported_at": op.at.isoformat(),
        "exported_by": {"username": op.actor.username, "full_name": op.actor.full_name},
        "wanted": wanted.in_words,
        "site": settings.SITE_NAME,
        "time_zone": settings.TIME_ZONE,
        "version": settings.VERSION,
    }
    digest = hashlib.sha256()
    yield json.dumps(head, ensure_ascii=False)[:-1] + ', "operations": [\n'
    separator = ""
    for act, act_row in _portions(op, wanted):
        row = json.dumps(_act(act, act_row), ensure_ascii=False, sort_keys=True)
        digest.update(f"{row}\n".encode())
        yield f"{separator}{row}"
        separator = ",\n"
    # Over the rows as they stand here, one to a line without the commas between them.
    yield f'\n], "rows_sha256": "{digest.hexdigest()}"}}\n'


def _act(act: Operation, act_row: dict[str, Any]) -> dict[str, Any]:
    changes = [
        {"table": c.table_name, "row": c.row_pk, "verb": c.verb, "old": c.old_row, "new": c.new_row}
        for c in act.changes.all()
    ]
    return {
        **act_row,
        "at_site": timezone.localtime(act.at).isoformat(),
        "rows": changes,
    }
