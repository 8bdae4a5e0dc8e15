"""What an inspection package holds, frozen when it is asked for: the batch, its signatures, the files beside them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.db.models import Q, QuerySet

from labeling.models import Batch, DowntimeSheet, Lot, LotCertificate, SheetScan
from labeling.printouts import printed
from labeling.selectors.clock import database_now
from labeling.selectors.containers import container_document, containers
from labeling.selectors.genealogy import genealogy_row, made_from, made_into
from labeling.selectors.stock import lot_document
from lims.accounts.models import User
from lims.downloads import plain_name
from lims.records.models import Document
from lims.records.packing import Stored
from lims.signatures.evidence import evidence_of
from lims.signatures.models import Signature
from qc.printouts import batch_record
from qc.selectors import Assessment

Json = dict[str, Any]
# Pictures for a screen, which say nothing that the rows beside them do not say.
DRAWN = ("drawing", "decay")
VERSION_ACTS = ("review", "approval", "effective", "retirement")


def package(batch: Batch, *, asked_for_by: User) -> Json:
    """The context of `records/package.txt` and of the manifest."""
    return {
        "batch": {"number": batch.number, "product": batch.protocol_version.product, "status": batch.status},
        "asked_for_by": {"username": asked_for_by.username, "full_name": asked_for_by.full_name},
        "files": [*_records(batch), *_certificates(batch), *_scans(batch)],
        "unprinted": [d.number for d in _documents(batch).filter(state=Document.State.FAILED)],
        "printed": printed(),
    }


def batch_data(assessment: Assessment, *, document: str) -> Json:
    """What the batch record prints, and the lots and containers of the batch with everything about them."""
    batch, now = assessment.facts.batch, database_now()
    data = batch_record(batch, gate=assessment, document=document)
    del data["history"]  # in full in the trail
    return {
        **data,
        "materials": [lot_document(lot) for lot in _lots(batch).select_related("received_by", "received_on")],
        "containers": [
            {name: value for name, value in container_document(row, at=now).items() if name not in DRAWN}
            for row in containers(batch=batch.number).order_by("pk")
        ],
        "made_from": genealogy_row(made_from(batch)),
        "went_into": genealogy_row(made_into(batch)),
    }


def signature_data(batch: Batch) -> list[Json]:
    """The signatures upon the batch, and those that stand behind it: of its protocol, specification, lots and sheet."""
    version, specification = batch.protocol_version, batch.specification_version
    behind = [
        *(getattr(row, f"{act}_signature_id") for row in (version, specification) if row for act in VERSION_ACTS),
        *_lots(batch).values_list("disposition_signature", flat=True),
    ]
    rows = Signature.objects.filter(subject=batch.number) | Signature.objects.filter(pk__in=[b for b in behind if b])
    return evidence_of(list(rows.select_related("operation").order_by("pk")))


def _lots(batch: Batch) -> QuerySet[Lot]:
    return Lot.objects.filter(entries__batch=batch).distinct().order_by("number")


def _documents(batch: Batch) -> QuerySet[Document]:
    """What was printed of the batch and the sheet it was written on, but no earlier package."""
    of_batch = Q(subject=batch.number) | Q(pk__in=DowntimeSheet.objects.filter(batch=batch).values("document"))
    return Document.objects.filter(of_batch).exclude(kind=Document.Kind.PACKAGE).order_by("pk")


def _records(batch: Batch) -> Iterator[Stored]:
    for document in _documents(batch).filter(state=Document.State.SEALED).only("number", "kind", "title", "sha256"):
        yield Stored(
            name=f"records/{document.file_name}",
            description=f"{document.title}, as it was sealed",
            model="records.Document",
            key=document.pk,
            sha256=document.sha256,
        )


def _certificates(batch: Batch) -> Iterator[Stored]:
    for certificate in LotCertificate.objects.filter(lot__in=_lots(batch)).select_related("lot").order_by("pk"):
        yield Stored(
            name=f"attachments/certificate-{certificate.pk}-{plain_name(certificate.name)}",
            description=f"Certificate {certificate.number} of {certificate.issuer} for lot {certificate.lot.number}",
            model="labeling.CertificateFile",
            key=certificate.file_id,
            sha256=certificate.file_id,
        )


def _scans(batch: Batch) -> Iterator[Stored]:
    for scan in SheetScan.objects.filter(sheet__batch=batch).select_related("sheet").order_by("pk"):
        yield Stored(
            name=f"attachments/scan-{scan.pk}-{plain_name(scan.name)}",
            description=f"Scan of the down-time sheet {scan.sheet.number}",
            model="labeling.ScanContent",
            key=scan.pk,
            sha256=scan.sha256,
        )
