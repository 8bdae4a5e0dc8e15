"""One code is one thing: what a scanner reads is a container, a lot, a batch, an instrument or a source, never two."""

from __future__ import annotations

import re
from collections.abc import Sequence

from django.db.models import Value
from django.db.models.functions import Upper

from labeling.models import Code
from lims.errors import Conflict, InvalidInput

CODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")  # it stands in addresses, and on labels that are scanned
OURS = re.compile(r"[A-Z]{1,8}-\d{4}-.*")  # as this program numbers batches, sheets, prints and containers
TAKEN = {"new", "sources"}  # by pages


def refuse_bad_code(code: str, *, field: str = "code") -> None:
    if not CODE.fullmatch(code) or ".." in code or code in TAKEN:
        raise InvalidInput(
            f"“{code}” cannot be a code: it has letters, digits, points, dashes and underscores.",
            code="bad_name",
            field=field,
        )
    if OURS.fullmatch(code):
        raise InvalidInput(
            f"“{code}” looks like a number that Oxinate gives itself; choose another code.",
            code="bad_name",
            field=field,
        )


def refuse_known(code: str, *, besides: str, field: str) -> None:
    """Raises Conflict where something else bears this code. `besides` is what the new thing is: of its own kind the
    service speaks itself. The database keeps the same against two people at once; ask again after its refusal."""
    known = Code.objects.exclude(kind=besides).filter(code=Upper(Value(code))).first()
    if known is not None:
        raise Conflict(
            f"{code} is {known.get_kind_display()} already, and a scan of it must mean one thing. Choose another code.",
            code="code_taken",
            field=field,
        )


def refuse_any_known(codes: Sequence[str]) -> None:
    """Of what a batch brings into being, under codes that follow from its number."""
    for code in Code.objects.filter(code__in=[code.upper() for code in codes])[:1]:
        raise Conflict(
            f"{code} is {code.get_kind_display()} already, and this batch has a container of that code. Plan another "
            "batch: its number is another one.",
            code="code_taken",
        )


def free_number(prefix: str, last: str | None) -> str:
    """The next number behind `last`, past those that something else bears."""
    counted = (last or "").removeprefix(prefix)
    number = int(counted) + 1 if counted.isdigit() else 1
    while Code.objects.filter(code=f"{prefix}{number:04d}").exists():
        number += 1
    return f"{prefix}{number:04d}"
