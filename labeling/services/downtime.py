"""Down-time: a numbered blank worksheet is issued, worked on, entered afterwards, and reconciled by two people."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import PurePath

from labeling.domain.lifecycle import BatchStatus, VersionStatus
from labeling.domain.scans import media_type_of
from labeling.models import DowntimeSheet, Entry, ProtocolVersion, ScanContent, SheetScan
from labeling.selectors.downtime import to_compare
from labeling.selectors.facts import BatchFacts, facts_of, reconciliation_manifest, unrecorded
from labeling.services.lifecycle import lock_batch
from labeling.services.prints import BLANK_WORKSHEET, numbered, request_blank_worksheet
from labeling.services.recording import refuse_unless_in_progress
from lims.accounts.actors import Actor
from lims.accounts.attestation import Attestation, Credential, attest
from lims.accounts.models import User
from lims.accounts.roles import Permission, may, require
from lims.audit.models import Operation
from lims.audit.operations import operation
from lims.errors import Conflict, InvalidInput, NotFound, SegregationOfDuties
from lims.records.models import Document
from lims.signatures.meanings import Meaning
from lims.signatures.signing import sign, still_holds

State = DowntimeSheet.State
AGREES, DIFFERS = "agrees", "differs"
LONGEST_NAME = 200


def issue_sheet(*, actor: Actor, protocol: str, issued_to: str) -> DowntimeSheet:
    """A numbered blank worksheet of the effective version, for one named person who may make batches."""
    require(actor.user, Permission.ISSUE_PRINT)
    version = ProtocolVersion.objects.filter(code=protocol, status=VersionStatus.EFFECTIVE).first()
    if version is None:
        raise Conflict(
            f"No version of the protocol {protocol} is effective; a worksheet is issued of an effective one only.",
            code="no_effective_version",
            field="protocol",
        )
    person = User.objects.filter(username__iexact=issued_to, is_active=True).first()
    if person is None or not may(person, Permission.MAKE_BATCH):
        raise InvalidInput(
            f"{issued_to} is nobody who makes batches; a worksheet is issued to a person who does.",
            code="unknown_person",
            field="issued_to",
        )

    def issue(number: str) -> DowntimeSheet:
        with operation(actor=actor, action="downtime.issue", subject=number) as op:
            document = request_blank_worksheet(op, version, number=number, issued_to=person)
            return DowntimeSheet.objects.create(
                number=number, protocol_version=version, document=document, issued_to=person, issued_by=actor.user
            )

    return numbered(BLANK_WORKSHEET, issue)


def void_sheet(*, actor: Actor, number: str, reason: str) -> DowntimeSheet:
    """A sheet that was not used, was spoilt, is lost, or whose batch was rejected: accounted for with the reason."""
    require(actor.user, Permission.ISSUE_PRINT)
    if not reason.strip():
        raise InvalidInput("Say why the sheet is void.", code="reason_missing", field="reason")
    with operation(actor=actor, action="downtime.void", subject=number, reason=reason):
        sheet = lock_sheet(number)
        if sheet.state != State.ISSUED:
            raise Conflict(f"{number} is {sheet.state}; only an issued sheet is made void.", code="not_issued")
        if sheet.batch is not None and sheet.batch.status != BatchStatus.REJECTED:
            raise Conflict(
                f"{number} belongs to {sheet.batch.number}: it is reconciled with what was recorded of that batch.",
                code="sheet_in_use",
            )
        sheet.state, sheet.void_reason = State.VOID, reason.strip()
        sheet.save(update_fields=["state", "void_reason"])
        return sheet


def attach_scan(*, actor: Actor, number: str, name: str, content: bytes) -> SheetScan:
    """A scan of the filled sheet: a PDF, PNG or JPEG, known by its content."""
    require(actor.user, Permission.MAKE_BATCH)
    media_type, ending = media_type_of(content)
    digest = hashlib.sha256(content).hexdigest()
    with operation(actor=actor, action="downtime.attach", subject=_subject(number)):
        sheet = lock_sheet(number)
        if sheet.state == State.VOID:
            raise Conflict(f"{number} is void; nothing is attached to it.", code="not_issued")
        if sheet.batch is not None:
            refuse_unless_in_progress(lock_batch(sheet.batch.number))
        if _is_blank(digest):
            raise Conflict(
                "This is a blank sheet itself, as it was issued; nobody has written on it. Attach a scan of the paper"
                f" {number} as it was filled.",
                code="blank_sheet",
                field="file",
            )
        if sheet.scans.filter(sha256=digest).exists():
            raise Conflict("This very file is attached already.", code="already_recorded", field="file")
        scan = SheetScan.objects.create(
            sheet=sheet,
            name=(PurePath(name.replace("\\", "/")).name or f"{number}{ending}")[:LONGEST_NAME],
            media_type=media_type,
            size=len(content),
            sha256=digest,
            recorded_by=actor.user,
        )
        ScanContent.objects.create(scan=scan, content=content)
        return scan


def _is_blank(digest: str) -> bool:
    """Whether the file is a worksheet as it was issued, of this number or another."""
    return Document.objects.filter(kind=Document.Kind.BLANK_WORKSHEET, sha256=digest).exists()


def sign_transfer(*, actor: Actor, number: str, credential: Credential) -> DowntimeSheet:
    """The person who worked on paper signs that all of it is entered. Refused while anything is missing.

    Raises Conflict for anybody but the person to whom the sheet was issued: nobody else can say that they did this
    work (21 CFR 11.50, EU GMP Annex 11, 14).
    """
    attestation = attest(actor, credential, purpose="downtime.transfer")
    attestation.require(Permission.MAKE_BATCH)
    with operation(actor=attestation.actor, action="downtime.transfer", subject=_subject(number)) as op:
        sheet = lock_sheet(number)
        if sheet.issued_to_id != attestation.user.pk:
            raise Conflict(
                f"{number} was issued to {sheet.issued_to.full_name}, who signs for the work on it."
                f" If {sheet.issued_to.full_name} is not available, quality signs in their place and says why.",
                code="not_who_worked",
                field="username",
            )
        return _sign_entered(op, attestation, sheet, meaning=Meaning.PERFORMED, permission=Permission.MAKE_BATCH)


def sign_in_place(*, actor: Actor, number: str, credential: Credential, reason: str) -> DowntimeSheet:
    """Quality signs in place of the person who worked on paper and is not available, and says why."""
    attestation = attest(actor, credential, purpose="downtime.stand_in")
    attestation.require(Permission.STAND_IN)
    if not reason.strip():
        raise InvalidInput(
            "Say why whoever worked on the sheet cannot sign, and how you know what they did.",
            code="reason_missing",
            field="reason",
        )
    subject = _subject(number)
    with operation(actor=attestation.actor, action="downtime.stand_in", subject=subject, reason=reason.strip()) as op:
        sheet = lock_sheet(number)
        if sheet.issued_to_id == attestation.user.pk:
            raise Conflict(f"{number} was issued to you; sign for your own work.", code="own_work", field="username")
        return _sign_entered(op, attestation, sheet, meaning=Meaning.SIGNED_IN_PLACE, permission=Permission.STAND_IN)


def _sign_entered(
    op: Operation, attestation: Attestation, sheet: DowntimeSheet, *, meaning: Meaning, permission: Permission
) -> DowntimeSheet:
    facts = _ready(sheet)
    in_place = f", in place of {sheet.issued_to.full_name}" if meaning is Meaning.SIGNED_IN_PLACE else ""
    sheet.transfer_signature = sign(
        op,
        attestation,
        meaning=meaning,
        permission=permission,
        covers=f"{sheet.number} entered as {facts.batch.number}{in_place}",
        manifest=reconciliation_manifest(facts),
    )
    sheet.save(update_fields=["transfer_signature"])
    return sheet


def reconcile_sheet(*, actor: Actor, number: str, credential: Credential, compared: Mapping[str, str]) -> DowntimeSheet:
    """A second person compared each field of the paper with its entry. Refused while one differs or is not compared.

    Raises SegregationOfDuties for whoever worked on the sheet or entered any of it.
    """
    attestation = attest(actor, credential, purpose="downtime.reconcile")
    attestation.require(Permission.VERIFY)
    with operation(actor=attestation.actor, action="downtime.reconcile", subject=_subject(number)) as op:
        sheet = lock_sheet(number)
        facts = _ready(sheet)
        manifest = reconciliation_manifest(facts)
        if sheet.transfer_signature is None or not still_holds(sheet.transfer_signature, manifest):
            raise Conflict(
                f"Who worked on {number} has not signed for what is entered now. They sign first.",
                code="transfer_not_signed",
            )
        _refuse_own_work(attestation.user, sheet, facts)
        _refuse_differences(facts, compared)
        sheet.comparison_signature = sign(
            op,
            attestation,
            meaning=Meaning.COMPARED,
            permission=Permission.VERIFY,
            covers=f"{number} compared with {facts.batch.number}",
            manifest=manifest,
        )
        sheet.state = State.RECONCILED
        sheet.save(update_fields=["state", "comparison_signature"])
        return sheet


def lock_sheet(number: str) -> DowntimeSheet:
    sheet = (
        DowntimeSheet.objects.select_for_update(of=("self",))
        .select_related("protocol_version", "batch", "issued_to", "transfer_signature", "comparison_signature")
        .filter(number=number)
        .first()
    )
    if sheet is None:
        raise NotFound(f"There is no down-time sheet {number}.")
    return sheet


def _subject(number: str) -> str:
    """The batch that is made from the sheet, whose trail and signatures tell of it; before there is one, the sheet."""
    sheet = DowntimeSheet.objects.select_related("batch").filter(number=number).first()
    return sheet.batch.number if sheet is not None and sheet.batch is not None else number


def _ready(sheet: DowntimeSheet) -> BatchFacts:
    """The batch of the sheet, locked, with everything entered and the paper attached."""
    if sheet.state == State.VOID:
        raise Conflict(f"{sheet.number} is void.", code="not_issued")
    if sheet.batch is None:
        raise Conflict(f"No batch is planned from {sheet.number} yet.", code="no_batch")
    facts = facts_of(lock_batch(sheet.batch.number))
    refuse_unless_in_progress(facts.batch)
    missing = unrecorded(facts)
    if missing:
        raise Conflict(
            f"{sheet.number} is not entered whole. {' '.join(item['detail'] for item in missing[:3])}",
            code="incomplete",
            errors=missing,
        )
    if not sheet.scans.exists():
        raise Conflict(f"No scan of {sheet.number} is attached yet.", code="no_scan")
    return facts


def _refuse_own_work(user: User, sheet: DowntimeSheet, facts: BatchFacts) -> None:
    recorded = Entry.objects.filter(batch=facts.batch, recorded_by=user).exists()
    timed = any(timer.recorded_by_id == user.pk for timer in facts.timers)
    signed = sheet.transfer_signature is not None and sheet.transfer_signature.signer_id == user.pk
    if recorded or timed or signed or user.pk in (facts.batch.started_by_id, sheet.issued_to_id):
        raise SegregationOfDuties(
            f"You worked on {sheet.number} or entered some of it; another person compares paper and entries."
        )


def _refuse_differences(facts: BatchFacts, compared: Mapping[str, str]) -> None:
    labels = to_compare(facts)
    unknown = [name for name in compared if name not in labels]
    if unknown:
        raise InvalidInput(f"The sheet has no field {unknown[0]}.", code="unknown_field", field="compared")
    differ = [name for name in labels if compared.get(name) == DIFFERS]
    if differ:
        raise Conflict(
            f"{labels[differ[0]]} differs from the paper"
            + (f", and {len(differ) - 1} more" if len(differ) > 1 else "")
            + ". It is corrected with the reason first, then compared again.",
            code="differs",
            errors=[{"field": name, "code": "differs", "detail": f"{labels[name]} differs."} for name in differ],
        )
    left = [name for name in labels if compared.get(name) != AGREES]
    if left:
        raise Conflict(
            f"{len(left)} field{'' if len(left) == 1 else 's'} not compared yet: {labels[left[0]]}"
            + (", ..." if len(left) > 1 else "."),
            code="not_compared",
            errors=[{"field": name, "code": "missing", "detail": f"{labels[name]} is not compared."} for name in left],
        )
