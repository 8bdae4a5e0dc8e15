"""One code is one thing: what a scanner reads is a container, a lot, a batch, an instrument or a source, never two."""

from __future__ import annotations

import re

from labeling.models import Batch, CheckSource, Container, Equipment, Lot
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
    """Raises Conflict where something else bears this code. `besides` is what the new thing is: its own kind is unique
    by the database."""
    known = {
        "container": ("a container", Container.objects.filter(code__iexact=code, lot=None)),
        "lot": ("a lot", Lot.objects.filter(number__iexact=code)),
        "batch": ("a batch", Batch.objects.filter(number__iexact=code)),
        "instrument": ("an instrument", Equipment.objects.filter(code__iexact=code)),
        "source": ("a check source", CheckSource.objects.filter(code__iexact=code)),
    }
    for kind, (words, rows) in known.items():
        if kind != besides and rows.exists():
            raise Conflict(
                f"{code} is {words} already, and a scan of it must mean one thing. Choose another code.",
                code="code_taken",
                field=field,
            )
