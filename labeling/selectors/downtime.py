"""Down-time sheets: which are outstanding, what one of them holds, and what still stands against its reconciliation."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet

from labeling.models import ControlledVersion, DowntimeSheet, SheetScan
from labeling.selectors.facts import BatchFacts
from lims.errors import NotFound
from lims.records.models import Document
from lims.records.selectors import document_row
from lims.signatures.meanings import Meaning
from lims.signatures.models import Signature

Json = dict[str, Any]
START = "started_at"
RELATED = (
    *("protocol_version", "issued_to", "issued_by", "batch", "transfer_signature", "comparison_signature"),
    "document",
)


def sheets(*, state: str = "") -> QuerySet[DowntimeSheet]:
    rows = DowntimeSheet.objects.select_related(*RELATED).defer("document__pdf", "document__context").order_by("-id")
    return rows.filter(state=state) if state else rows


def outstanding_sheets() -> QuerySet[DowntimeSheet]:
    """Issued and neither back nor void, the oldest first."""
    return sheets(state=DowntimeSheet.State.ISSUED).order_by("id")


def find_sheet(number: str) -> DowntimeSheet:
    sheet = sheets().filter(number=number).first()
    if sheet is None:
        raise NotFound(f"There is no down-time sheet {number}.")
    return sheet


def sheet_row(sheet: DowntimeSheet) -> Json:
    version = sheet.protocol_version
    return {
        "number": sheet.number,
        "state": sheet.state,
        "protocol": {"code": version.code, "version": version.number, "title": version.title, "sha256": version.sha256},
        "issued_to": {"username": sheet.issued_to.username, "full_name": sheet.issued_to.full_name},
        "issued_by": {"username": sheet.issued_by.username, "full_name": sheet.issued_by.full_name},
        "issued_at": sheet.issued_at.isoformat(),
        "batch": sheet.batch.number if sheet.batch else None,
        "document": document_row(sheet.document),
        "transferred_by": _transferred(sheet),
        "compared_by": _signed(sheet.comparison_signature),
        "void_reason": sheet.void_reason,
    }


def sheet_document(sheet: DowntimeSheet) -> Json:
    scans = sheet.scans.select_related("recorded_by").order_by("id")
    return {
        **sheet_row(sheet),
        "scans": [
            {
                "id": scan.pk,
                "name": scan.name,
                "media_type": scan.media_type,
                "size": scan.size,
                "sha256": scan.sha256,
                "recorded_by": {"username": scan.recorded_by.username, "full_name": scan.recorded_by.full_name},
                "recorded_at": scan.recorded_at.isoformat(),
            }
            for scan in scans
        ],
    }


def find_scan(number: str, pk: int) -> SheetScan:
    """A scan with its bytes."""
    scan = SheetScan.objects.select_related("content").filter(sheet__number=number, pk=pk).first()
    if scan is None:
        raise NotFound(f"{number} has no such scan.")
    return scan


def to_compare(facts: BatchFacts) -> dict[str, str]:
    """What stands on paper and is compared with what was entered: its name over REST, and what people call it.

    The start of the batch, each timer (by its step) and each value (`step.field`), with the setting and geometry of
    its instrument where they were given (`step.field.how`).
    """
    names = {START: "Start of the batch"}
    for step in facts.protocol.steps:
        if step.timer:
            names[step.key] = f"{step.title}: timer"
        for field in step.fields:
            reference = f"{step.key}.{field.key}"
            names[reference] = f"{step.title}: {field.label}"
            entry = facts.current.get(reference)
            if entry is not None and (entry.setting or entry.geometry):
                names[f"{reference}.how"] = f"{step.title}: {field.label}, setting of the instrument"
    return names


def prints_of(version: ControlledVersion) -> QuerySet[Document]:
    """The master records of a protocol version, the newest first."""
    rows = Document.objects.filter(kind=Document.Kind.MASTER_RECORD, subject=version.name)
    return rows.defer("pdf", "context", "attachments").order_by("-id")


def _transferred(sheet: DowntimeSheet) -> Json | None:
    """Who signed first; where it was quality in place of the person who worked, in whose place and why."""
    signature = sheet.transfer_signature
    if signature is None or signature.meaning != Meaning.SIGNED_IN_PLACE:
        return _signed(signature)
    return {**(_signed(signature) or {}), "in_place_of": sheet.issued_to.full_name, "reason": signature.reason}


def _signed(signature: Signature | None) -> Json | None:
    if signature is None:
        return None
    return {"username": signature.username, "full_name": signature.full_name, "at": signature.at.isoformat()}
