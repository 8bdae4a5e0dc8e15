"""The review of a batch's audit trail, signed up to an event. Without one that still holds nothing is released."""

from __future__ import annotations

from labeling.domain.lifecycle import BatchStatus
from labeling.models import Batch
from labeling.selectors.history import history_of
from labeling.services.lifecycle import lock_batch, refuse_stale
from lims.accounts.actors import Actor
from lims.accounts.attestation import Credential, attest
from lims.accounts.roles import Permission
from lims.audit.models import Operation
from lims.audit.operations import operation
from lims.errors import Conflict, SegregationOfDuties, Stale
from lims.oversight.models import AuditReview
from lims.oversight.selectors import Trail, trail_of
from lims.signatures.meanings import Meaning
from lims.signatures.signing import digest_of, sign

REVIEWABLE = (BatchStatus.QUARANTINE, BatchStatus.ON_HOLD)
# The acts by which somebody makes a batch. Whoever checks them signs for others' work (EU GMP Annex 11 12.6).
MAKING = ("batch.plan", "batch.start", "batch.complete", "entry.record", "entry.correct", "timer.start", "timer.stop",
          "downtime.transfer")  # fmt: skip


def review_audit_trail(
    *, actor: Actor, number: str, credential: Credential, up_to: int | None = None, revision: int | None = None
) -> AuditReview:
    """Sign for the trail as it is now. `up_to` is the last event the reviewer was shown; Stale where more came."""
    attestation = attest(actor, credential, purpose="audit.review")
    attestation.require(Permission.REVIEW_AUDIT)
    with operation(actor=attestation.actor, action="audit.review", subject=number) as op:
        batch = lock_batch(number)
        refuse_stale(op, batch, revision)
        _refuse_unless_complete(batch)
        _refuse_own_work(number, attestation.user.pk)
        trail = trail_of(number)
        if trail.reviewed:
            raise Conflict(f"The audit trail of {number} is reviewed already.", code="already_recorded")
        if up_to is not None and up_to != trail.last:
            raise Stale(
                f"The trail of {number} goes up to event {trail.last} by now; you were shown it up to {up_to}.",
                up_to=trail.last,
            )
        signature = sign(
            op,
            attestation,
            meaning=Meaning.AUDIT_TRAIL_REVIEWED,
            permission=Permission.REVIEW_AUDIT,
            covers=f"audit trail of {number} up to event {trail.last}",
            manifest=trail_manifest(number, trail, besides=op.pk),
        )
        return AuditReview.objects.create(subject=number, up_to_id=trail.last, events=trail.events, signature=signature)


def trail_manifest(number: str, trail: Trail, *, besides: int = 0) -> dict[str, object]:
    """What the reviewer was shown: every act with its sentence, reason and differences, by its digest."""
    shown = [row for row in history_of(number) if row["id"] != besides]
    return {"batch": number, "up_to": trail.last, "events": trail.events, "trail_sha256": digest_of({"trail": shown})}


def _refuse_unless_complete(batch: Batch) -> None:
    status = BatchStatus(batch.status)
    if status not in REVIEWABLE:
        raise Conflict(
            f"{batch.number} is {status.label.lower()}; the trail of a completed batch is reviewed before its release.",
            code="batch_not_in_quarantine",
            batch_status=batch.status,
        )


def _refuse_own_work(number: str, user_id: int) -> None:
    if Operation.objects.filter(subject=number, action__in=MAKING, actor_id=user_id).exists():
        raise SegregationOfDuties(f"You took part in making {number}; another person has to review its audit trail.")
