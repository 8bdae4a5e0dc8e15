"""Is this file a record of ours, byte for byte, under an unbroken seal of this site? Each answer comes as sentences."""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
from dataclasses import dataclass
from datetime import UTC, datetime
from io import BytesIO
from typing import Any
from zipfile import ZipFile

from asn1crypto.cms import ContentInfo
from pyhanko.keys import load_certs_from_pemder_data
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.validation import async_validate_detached_cms, validate_pdf_signature
from pyhanko.sign.validation.pdf_embedded import EmbeddedPdfSignature
from pyhanko.sign.validation.status import PdfSignatureStatus, SignatureCoverageLevel, StandardCMSSignatureStatus
from pyhanko_certvalidator import ValidationContext

from lims.records.models import Document
from lims.records.packing import MANIFEST, MANIFEST_SEAL
from lims.records.seal import FIELD, seal_directory

log = logging.getLogger(__name__)

ZIP = b"PK\x03\x04"
LARGEST_UNPACKED = 128 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class SealCheck:
    intact: bool
    by_this_site: bool
    signer: str
    signed_at: datetime | None
    sentence: str

    @property
    def holds(self) -> bool:
        return self.intact and self.by_this_site


@dataclass(frozen=True, slots=True)
class Verification:
    """`valid` only when the bytes are those of a stored record and the seal holds."""

    valid: bool
    known: bool
    number: str
    subject: str
    sha256: str
    seal: SealCheck
    detail: tuple[str, ...]


NO_SEAL = SealCheck(intact=False, by_this_site=False, signer="", signed_at=None, sentence="The file carries no seal.")


def verify_pdf(data: bytes) -> Verification:
    """Compare with the stored records and check the seal. One changed byte is found by both."""
    sha256 = hashlib.sha256(data).hexdigest()
    found = Document.objects.filter(sha256=sha256, state=Document.State.SEALED).only("number", "subject", "pdf").first()
    known = found is not None and found.content == data
    seal, claimed = check_seal(data)
    number, subject = (found.number, found.subject) if found is not None and known else ("", "")
    sentence = f"The file is record {number}, byte for byte as it was stored." if known else _stranger(claimed)
    return Verification(
        valid=known and seal.holds,
        known=known,
        number=number,
        subject=subject,
        sha256=sha256,
        seal=seal,
        detail=(sentence, seal.sentence),
    )


def verify_document(document: Document) -> Verification:
    """The stored bytes of a sealed record against their own hash and seal: what a periodic check asks."""
    data = document.content
    seal, _ = check_seal(data)
    sha256 = hashlib.sha256(data).hexdigest()
    intact = document.state == Document.State.SEALED and sha256 == document.sha256
    sentence = (
        f"The stored bytes of record {document.number} have the SHA-256 of the day they were sealed."
        if intact
        else f"The stored bytes of record {document.number} are not those that were sealed."
    )
    return Verification(
        valid=intact and seal.holds,
        known=intact,
        number=document.number,
        subject=document.subject,
        sha256=sha256,
        seal=seal,
        detail=(sentence, seal.sentence),
    )


def _stranger(claimed: str) -> str:
    known = Document.objects.filter(number=claimed, state=Document.State.SEALED).first() if claimed else None
    if known is None:
        return "No stored record has these bytes."
    return f"The file says it is record {claimed}, but its bytes differ from the stored ones: it was changed."


def check_seal(data: bytes) -> tuple[SealCheck, str]:
    """The seal, and the record number that the file claims to have."""
    try:
        if data.startswith(ZIP):
            return _package_seal(data)
        reader = PdfFileReader(BytesIO(data))
        claimed = _claimed_number(reader)
        seals = [signature for signature in reader.embedded_signatures if signature.field_name == FIELD]
        if len(seals) != 1 or len(reader.embedded_signatures) != 1:
            return NO_SEAL, claimed
        return _judged(seals[0]), claimed
    except (
        Exception
    ):  # the file may be anything that anybody uploads; whatever the parser stumbles over, it is no record
        log.info("An uploaded file could not be read as a sealed PDF.", exc_info=True)
        unreadable = SealCheck(
            intact=False, by_this_site=False, signer="", signed_at=None, sentence="The file or its seal is damaged."
        )
        return unreadable, ""


def _package_seal(data: bytes) -> tuple[SealCheck, str]:
    """The seal over the manifest, which in turn names every file of the package."""
    with ZipFile(BytesIO(data)) as zipped:
        entries = zipped.infolist()
        if sum(entry.file_size for entry in entries) > LARGEST_UNPACKED:
            return NO_SEAL, ""
        manifest, seal = zipped.read(MANIFEST), zipped.read(MANIFEST_SEAL)
        held = {entry.filename: hashlib.sha256(zipped.read(entry)).hexdigest() for entry in entries}
    told = json.loads(manifest)
    listed = {file["name"]: file["sha256"] for file in told["files"]}
    sealing = {MANIFEST: held[MANIFEST], MANIFEST_SEAL: held[MANIFEST_SEAL]}
    # Two entries of one name would be one in `held`, and whoever unpacks may see the other.
    whole = len(entries) == len(held) and held == listed | sealing
    signed = ContentInfo.load(seal)["content"]
    status = asyncio.run(async_validate_detached_cms(manifest, signed, _trusted()))
    differs = "A file of the package is not what was sealed, or is missing, or was added."
    return _told(status, differs="" if whole else differs), str(told["package"])


def _trusted() -> ValidationContext:
    return ValidationContext(trust_roots=site_certificates(), allow_fetching=False)


def _judged(seal: EmbeddedPdfSignature) -> SealCheck:
    # Without the analysis of later revisions (25 s on a tagged file): a seal that does not cover the whole file is
    # broken here anyway.
    status: PdfSignatureStatus = validate_pdf_signature(seal, _trusted(), skip_diff=True)
    whole = status.coverage == SignatureCoverageLevel.ENTIRE_FILE
    return _told(status, differs="" if whole else "Something was added to the file after it was sealed.")


def _told(status: StandardCMSSignatureStatus, *, differs: str) -> SealCheck:
    """What a signature says; `differs` where it does not cover what is there."""
    signer = str(status.signing_cert.subject.native.get("common_name", "an unnamed certificate"))
    at = status.signer_reported_dt.astimezone(UTC) if status.signer_reported_dt else None
    if not (status.intact and status.valid):
        sentence = "The seal is broken: the file was changed after it was sealed."
    elif differs:
        sentence = differs
    elif not status.trusted:
        sentence = f"The seal is unbroken, but it is not this site’s: it was made by {signer}."
    else:
        when = f", {at:%d %b %Y %H:%M:%S} UTC" if at else ""
        sentence = f"The seal of this site is unbroken and covers the whole file ({signer}{when})."
    return SealCheck(
        intact=status.intact and status.valid and not differs,
        by_this_site=status.trusted,
        signer=signer,
        signed_at=at,
        sentence=sentence,
    )


def _claimed_number(reader: PdfFileReader) -> str:
    """The record number in the document's keywords, as `batch_record.html` writes them."""
    try:
        info = reader.trailer["/Info"]
    except KeyError:
        return ""
    parts = [part.strip() for part in str(info.get("/Keywords", "")).split(",")]
    return parts[1] if len(parts) > 1 else ""


def site_certificates() -> list[Any]:
    """The certificate of this site and those it used before; the key is not needed to verify."""
    return [
        certificate
        for path in sorted(seal_directory().glob("*.pem"))
        if path.name != "seal.pem"
        for certificate in load_certs_from_pemder_data(path.read_bytes())
    ]
