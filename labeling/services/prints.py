"""Prints of protocols that are numbered when they are asked for: master records and blank worksheets."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from django.db import IntegrityError
from django.utils import timezone

from labeling.models import ProtocolVersion
from labeling.printouts import blank_worksheet, master_record
from labeling.selectors.versions import find_version
from lims.accounts.actors import Actor
from lims.accounts.models import User
from lims.accounts.roles import Permission, require
from lims.audit.models import Operation
from lims.audit.operations import operation
from lims.errors import Conflict
from lims.records.models import Document
from lims.records.services import AlreadyRequested, request_document

MASTER_RECORD, BLANK_WORKSHEET = "M", "D"
NUMBERING_ATTEMPTS = 20

T = TypeVar("T")


def print_master_record(*, actor: Actor, code: str, number: int) -> Document:
    """The master record of a protocol version as it is now, with its signatures, as a sealed PDF."""
    require(actor.user, Permission.ISSUE_PRINT)
    version = find_version(ProtocolVersion, code, number)
    assert isinstance(version, ProtocolVersion)

    def ask(name: str) -> Document:
        with operation(actor=actor, action="protocol.print", subject=version.code) as op:
            return request_document(
                op,
                kind=Document.Kind.MASTER_RECORD,
                number=name,
                title=f"Master record {version}",
                template="records/master_record.html",
                context=master_record(version, document=name),
                subject=version.name,
            )

    return numbered(MASTER_RECORD, ask)


def request_blank_worksheet(op: Operation, version: ProtocolVersion, *, number: str, issued_to: User) -> Document:
    """The numbered blank worksheet of a protocol version, inside the operation that issues it."""
    return request_document(
        op,
        kind=Document.Kind.BLANK_WORKSHEET,
        number=number,
        title=f"Blank worksheet {number} of {version}",
        template="records/blank_worksheet.html",
        context=blank_worksheet(version, number=number, issued_to=issued_to, issued_by=op.actor),
        subject=number,
    )


def numbered(prefix: str, make: Callable[[str], T]) -> T:
    """What `make` made of the next number, `M-2026-0001` or `D-2026-0001`. A refusal leaves no gap."""
    for _ in range(NUMBERING_ATTEMPTS):
        number = _next_number(prefix)
        try:
            return make(number)
        except (IntegrityError, AlreadyRequested):
            if not Document.objects.filter(number=number).exists():
                raise
            # somebody printed at the same moment and has this number; take the next
    raise Conflict("Too many prints are asked for at this moment; try again.", code="busy")


def _next_number(prefix: str) -> str:
    series = f"{prefix}-{timezone.localdate().year}-"
    taken = Document.objects.filter(number__regex=rf"^{series}\d+$").values_list("number", flat=True)
    return f"{series}{max((int(number.removeprefix(series)) for number in taken), default=0) + 1:04d}"
