"""The decision about a batch: release or reject, signed, with its record requested in the same transaction."""

from __future__ import annotations

from labeling.domain.lifecycle import Action, BatchStatus, target_of
from labeling.models import Batch, Entry, TimerEvent
from labeling.selectors.facts import completion_manifest
from labeling.services.lifecycle import advance, lock_batch, refuse_stale
from lims.accounts.actors import Actor
from lims.accounts.attestation import Attestation, Credential, attest
from lims.accounts.roles import Permission
from lims.audit.models import Operation
from lims.audit.operations import operation
from lims.audit.sealing import seal_soon
from lims.errors import InvalidInput, NotReleasable, SegregationOfDuties
from lims.oversight.selectors import trail_of
from lims.records.services import request_document
from lims.signatures.meanings import Meaning
from lims.signatures.signing import sign
from qc.models import TestResult
from qc.printouts import batch_record
from qc.selectors import Assessment, assess, blockers_of


def release_batch(
    *, actor: Actor, number: str, credential: Credential, reason: str = "", revision: int | None = None
) -> Batch:
    """Release for use. Raises NotReleasable with every blocker, SegregationOfDuties for whoever made or tested it."""
    attestation = attest(actor, credential, purpose="batch.release")
    attestation.require(Permission.RELEASE_BATCH)
    with operation(actor=attestation.actor, action="batch.release", subject=number, reason=reason) as op:
        batch = lock_batch(number)
        refuse_stale(op, batch, revision)
        target_of(BatchStatus(batch.status), Action.RELEASE)
        _refuse_own_work(attestation, batch)
        assessment = assess(batch)
        if not assessment.evaluation.decision_possible:
            blockers = blockers_of(assessment)
            raise NotReleasable(
                f"{number} cannot be released. {' '.join(str(blocker['detail']) for blocker in blockers)}",
                blockers=blockers,
            )
        return _dispose(op, attestation, assessment, Action.RELEASE)


def reject_batch(
    *, actor: Actor, number: str, credential: Credential, reason: str, revision: int | None = None
) -> Batch:
    """Reject a batch, whatever its state, with the reason. It gets its record too."""
    attestation = attest(actor, credential, purpose="batch.reject")
    attestation.require(Permission.REJECT_BATCH)
    if not reason.strip():
        raise InvalidInput("Say why the batch is rejected.", code="reason_missing", field="reason")
    with operation(actor=attestation.actor, action="batch.reject", subject=number, reason=reason) as op:
        batch = lock_batch(number)
        refuse_stale(op, batch, revision)
        return _dispose(op, attestation, assess(batch), Action.REJECT)


def _dispose(op: Operation, attestation: Attestation, assessment: Assessment, action: Action) -> Batch:
    batch = assessment.facts.batch
    released = action is Action.RELEASE
    signature = sign(
        op,
        attestation,
        meaning=Meaning.RELEASED if released else Meaning.REJECTED,
        permission=Permission.RELEASE_BATCH if released else Permission.REJECT_BATCH,
        covers=f"batch {batch.number}",
        manifest=disposition_manifest(assessment, action),
    )
    advance(op, batch, action, signature=signature)
    number = f"{batch.number}/1"
    request_document(
        op,
        kind="batch_record",
        number=number,
        title=f"Batch record {batch.number}",
        template="records/batch_record.html",
        context=batch_record(batch, gate=assessment, document=number),
        subject=batch.number,
    )
    seal_soon()
    return batch


def disposition_manifest(assessment: Assessment, action: Action) -> dict[str, object]:
    """What the person who decides was shown: the record, each test, how far the trail is reviewed, and the blockers."""
    trail = trail_of(assessment.facts.batch.number)
    return {
        **completion_manifest(assessment.facts),
        "decision": str(action),
        "specification": assessment.specification.code if assessment.specification else None,
        "tests": {
            key: {"value": outcome.shown, "verdict": str(outcome.verdict), "reviewed": outcome.reviewed}
            for key, outcome in assessment.outcomes.items()
        },
        "audit_trail": {
            "reviewed": trail.reviewed,
            "up_to": trail.review.up_to_id if trail.review else None,
            "last": trail.last,
        },
        "blockers": [blocker.detail for blocker in assessment.evaluation.blockers],
    }


def _refuse_own_work(attestation: Attestation, batch: Batch) -> None:
    """Whoever made a batch or tested it does not release it (21 CFR 11.10(g), EU GMP Annex 16)."""
    makers = {batch.planned_by_id, batch.started_by_id}
    for model in (Entry, TimerEvent, TestResult):
        makers.update(model._default_manager.filter(batch=batch).values_list("recorded_by_id", flat=True))
    if batch.completion_signature is not None:
        makers.add(batch.completion_signature.signer_id)
    if attestation.user.pk in makers:
        raise SegregationOfDuties(
            f"You took part in making or testing {batch.number}; another person has to release it."
        )
