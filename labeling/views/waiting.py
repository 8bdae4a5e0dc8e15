"""What waits for a person: whatever their roles can move on, the most urgent first."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.db.models import Count, F, Q, QuerySet
from django.http import HttpRequest
from django.urls import reverse

from labeling.domain.deviations import DeviationClass
from labeling.domain.lifecycle import BatchStatus, VersionStatus
from labeling.models import Batch, ControlledVersion, Deviation, Lot, ProtocolVersion, SpecificationVersion
from labeling.selectors.stock import lots
from labeling.views.pages import allowed
from lims.accounts.roles import Permission
from lims.signatures.meanings import Meaning

COLUMN_LENGTH = 12
Wait = dict[str, str]
KINDS: dict[str, type[ProtocolVersion] | type[SpecificationVersion]] = {
    "specifications": SpecificationVersion,
    "protocols": ProtocolVersion,
}


def batches_read() -> QuerySet[Batch]:
    return Batch.objects.select_related(
        *("protocol_version", "specification_version", "planned_by", "started_by", "disposed_by"),
        *("completion_signature", "disposition_signature"),
    )


def waiting_for(request: HttpRequest) -> list[Wait]:
    waits: list[Wait] = []
    if allowed(request, Permission.RELEASE_BATCH):
        waits += [_decision(batch) for batch in _by_expiry(BatchStatus.QUARANTINE)]
    if allowed(request, Permission.TEST) or allowed(request, Permission.REVIEW_RESULT):
        what = _tests_to_do(request)
        waits += [_testing(batch, what) for batch in _by_expiry(BatchStatus.QUARANTINE, BatchStatus.IN_PROGRESS)]
    if allowed(request, Permission.ASSESS_DEVIATION):
        waits += _open_deviations()
    if allowed(request, Permission.VERIFY):
        waits += [_verifying(batch) for batch in _by_expiry(BatchStatus.IN_PROGRESS)]
    if allowed(request, Permission.MAKE_BATCH):
        waits += [_work(batch) for batch in _by_expiry(BatchStatus.IN_PROGRESS, BatchStatus.PLANNED)]
    if allowed(request, Permission.ACCEPT_LOT):
        waits += [_lot(lot) for lot in _lots_of_others(request)]
    return waits + list(_documents(request))


def _by_expiry(*statuses: BatchStatus) -> list[Batch]:
    rows = batches_read().filter(status__in=statuses).order_by(F("expires_at").asc(nulls_last=True), "id")
    return list(rows[:COLUMN_LENGTH])


def wait_on(batch: Batch, what: str, href: str) -> Wait:
    return {
        "name": batch.number,
        "text": f"{batch.protocol_version.product}: {what}",
        "href": href,
        "until": batch.expires_at.isoformat() if batch.expires_at else "",
    }


def _decision(batch: Batch) -> Wait:
    return wait_on(batch, "decide about its release.", f"/batches/{batch.number}/release/")


def _tests_to_do(request: HttpRequest) -> str:
    acts = ((Permission.TEST, "record"), (Permission.REVIEW_RESULT, "review"))
    return f"{' and '.join(word for permission, word in acts if allowed(request, permission))} its tests."


def _testing(batch: Batch, what: str) -> Wait:
    return wait_on(batch, what, f"/batches/{batch.number}/tests/")


def _verifying(batch: Batch) -> Wait:
    return wait_on(batch, "check its critical values as the second person.", f"/batches/{batch.number}/")


def _work(batch: Batch) -> Wait:
    what = "start it." if batch.status == BatchStatus.PLANNED else "go on with its steps."
    return wait_on(batch, what, f"/batches/{batch.number}/")


def _open_deviations() -> list[Wait]:
    """Those of rejected batches too: what went wrong is understood, whatever became of the product."""
    counted = (
        Deviation.objects.filter(assessment_signature=None)
        .values("batch__number", "batch__status")
        .annotate(open=Count("id"), critical=Count("id", filter=Q(severity=DeviationClass.CRITICAL)))
        .order_by("-critical", "batch__number")[:COLUMN_LENGTH]
    )
    return [
        {
            "name": row["batch__number"],
            "text": f"assess {row['open']} deviation{'' if row['open'] == 1 else 's'}"
            + (f", {row['critical']} critical" if row["critical"] else "")
            + (" of a rejected batch." if row["batch__status"] == BatchStatus.REJECTED else "."),
            "href": f"/batches/{row['batch__number']}/#deviations",
            "until": "",
        }
        for row in counted
    ]


def _lots_of_others(request: HttpRequest) -> Iterable[Lot]:
    """Lots in quarantine, but for those that this person received: another one examines them."""
    waiting = lots(status=Lot.Status.QUARANTINE).exclude(received_by=request.user.pk)
    return waiting.order_by("expires_at")[:COLUMN_LENGTH]


def _lot(lot: Lot) -> Wait:
    return {
        "name": lot.number,
        "text": f"{lot.name or lot.material}: accept or reject it.",
        "href": reverse("labeling:lot", args=[lot.pk]),
        "until": "",
    }


def _documents(request: HttpRequest) -> Iterable[Wait]:
    for kind, model in KINDS.items():
        versions = model._default_manager.select_related("review_signature").order_by("code", "number")
        if allowed(request, Permission.APPROVE_DOCUMENT):
            for version in versions.filter(status=VersionStatus.SUBMITTED)[:COLUMN_LENGTH]:
                if not is_by(version, request.user):
                    signed = version.review_signature
                    reviewed = signed is not None and signed.meaning == Meaning.REVIEWED
                    said = (
                        "approve it, it is reviewed." if reviewed else "check and approve it, its author submitted it."
                    )
                    yield _document(kind, version, said)
            for version in versions.filter(status=VersionStatus.APPROVED)[:COLUMN_LENGTH]:
                yield _document(kind, version, "make it effective, it is approved.")


def drafts_for(request: HttpRequest) -> list[Wait]:
    """Drafts wait without haste: a line for each kind of document, or the only one by its title."""
    return list(_drafts()) if allowed(request, Permission.SUBMIT_DOCUMENT) else []


def _drafts() -> Iterable[Wait]:
    for kind, model in KINDS.items():
        drafts = model._default_manager.filter(status=VersionStatus.DRAFT)
        count = drafts.count()
        if count == 1:
            yield _document(kind, drafts.get(), "review and submit it, it is a draft.")
        elif count:
            word = kind.removesuffix("s")
            yield {
                "name": f"{count} drafts",
                "text": f"of {word}s wait for submission: review and submit them.",
                "href": reverse(f"labeling:{kind}"),
                "until": "",
            }


def is_by(version: ControlledVersion, user: Any) -> bool:
    """Whether this person imported or reviewed the version, so that another one has to approve it."""
    reviewer = version.review_signature.signer_id if version.review_signature else None
    return user.pk in (version.imported_by_id, reviewer)


def _document(kind: str, version: ControlledVersion, what: str) -> Wait:
    return {
        "name": f"{version.title}, version {version.number}",
        "text": f"{kind.removesuffix('s')}: {what}",
        "href": reverse("labeling:version", args=[kind, version.code, version.number]),
        "until": "",
    }
