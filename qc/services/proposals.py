"""Every act that takes a signature, under its name in the trail: what its signer is asked to sign.

The same answer serves the form on a page, REST, and a refusal.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property

from labeling.domain.deviations import DeviationClass
from labeling.domain.lifecycle import Action, BatchStatus, VersionAction, VersionStatus, target_of, version_target
from labeling.models import Lot, ProtocolVersion, SpecificationVersion
from labeling.selectors.batch import find_batch
from labeling.selectors.facts import completion_manifest, deviation_manifest, step_manifest
from labeling.selectors.versions import find_version
from labeling.services.audit_review import trail_manifest
from labeling.services.materials import lot_manifest
from labeling.services.versions import TYPE_NAMES, meaning_of_submitting, version_manifest
from lims.accounts.models import User
from lims.accounts.roles import Permission
from lims.errors import Conflict, InvalidInput, NotFound
from lims.oversight.selectors import trail_of
from lims.signatures.meanings import Meaning
from lims.signatures.models import Refusal, Signature
from lims.signatures.proposals import Proposal, signatures_of
from qc.selectors import Assessment, assess
from qc.services.disposition import disposition_manifest
from qc.services.results import result_manifest

MODELS = {word: model for model, word in TYPE_NAMES.items()}


class Desk:
    """What lies before somebody who signs, read once for all the forms of a page."""

    def __init__(self, subject: str, signer: User | None = None) -> None:
        self.subject, self.signer = subject, signer

    @cached_property
    def assessment(self) -> Assessment:
        return assess(find_batch(self.subject))

    @cached_property
    def signatures(self) -> list[Signature]:
        return signatures_of(self.subject)

    @cached_property
    def refusals(self) -> list[Refusal]:
        return list(Refusal.objects.filter(subject=self.subject).order_by("pk"))

    @property
    def status(self) -> BatchStatus:
        return BatchStatus(self.assessment.facts.batch.status)


def proposal_of(act: str, desk: Desk, about: str = "") -> Proposal:
    """What `act` asks to be signed. Raises NotFound for what is not there, and a Conflict where nobody is asked now."""
    if act not in ACTS:
        raise InvalidInput(f"“{act}” is no act that is signed. These are: {', '.join(ACTS)}.", code="unknown_act")
    return ACTS[act](desk, about)


def _complete(desk: Desk, about: str) -> Proposal:
    target_of(desk.status, Action.COMPLETE)
    manifest = completion_manifest(desk.assessment.facts)
    return Proposal(desk.subject, f"batch {desk.subject}", Meaning.PERFORMED, Permission.MAKE_BATCH, manifest)


def _decide(action: Action, meaning: Meaning, permission: Permission) -> Callable[[Desk, str], Proposal]:
    def propose(desk: Desk, about: str) -> Proposal:
        target_of(desk.status, action)
        manifest = disposition_manifest(desk.assessment, action)
        return Proposal(desk.subject, f"batch {desk.subject}", meaning, permission, manifest)

    return propose


def _verify_step(desk: Desk, about: str) -> Proposal:
    facts = desk.assessment.facts
    if about not in {step.key for step in facts.protocol.steps}:
        raise NotFound(f"The protocol of {desk.subject} has no step “{about}”.")
    if desk.status != BatchStatus.IN_PROGRESS:
        raise Conflict(f"{desk.subject} is {desk.status.label.lower()}; nobody is asked to verify its steps.")
    covers = f"step {about} of {desk.subject}"
    return Proposal(desk.subject, covers, Meaning.VERIFIED, Permission.VERIFY, step_manifest(facts, about))


def _review_trail(desk: Desk, about: str) -> Proposal:
    trail = trail_of(desk.subject)
    if trail.reviewed:
        raise Conflict(f"The audit trail of {desk.subject} is reviewed already.", code="already_recorded")
    family = f"audit trail of {desk.subject} "
    return Proposal(
        desk.subject,
        f"{family}up to event {trail.last}",
        Meaning.AUDIT_TRAIL_REVIEWED,
        Permission.REVIEW_AUDIT,
        trail_manifest(desk.subject, trail),
        family,
    )


def _result(meaning: Meaning, permission: Permission) -> Callable[[Desk, str], Proposal]:
    def propose(desk: Desk, about: str) -> Proposal:
        for attempts in desk.assessment.results.values():
            for result in attempts:
                if str(result.pk) == about:
                    covers = f"test {result.test} of {desk.subject}"
                    return Proposal(desk.subject, covers, meaning, permission, result_manifest(result))
        raise NotFound(f"Batch {desk.subject} has no test result {about}.")

    return propose


def _assess(desk: Desk, about: str) -> Proposal:
    found = next((d for d in desk.assessment.facts.deviations if str(d.pk) == about), None)
    if found is None:
        raise NotFound(f"Batch {desk.subject} has no deviation {about}.")
    if found.assessment_signature_id is not None:
        raise Conflict("This deviation was assessed already.", code="already_recorded")
    covers = f"deviation {found.pk} of {desk.subject}"
    manifest = deviation_manifest(found)
    critical = found.current_class is DeviationClass.CRITICAL
    permission = Permission.ASSESS_CRITICAL_DEVIATION if critical else Permission.ASSESS_DEVIATION
    return Proposal(desk.subject, covers, Meaning.ASSESSED, permission, manifest)


def _lot(meaning: Meaning) -> Callable[[Desk, str], Proposal]:
    def propose(desk: Desk, about: str) -> Proposal:
        lot = Lot.objects.filter(number=desk.subject).first()
        if lot is None:
            raise NotFound(f"There is no lot {desk.subject}.")
        if lot.status != Lot.Status.QUARANTINE:
            raise Conflict(f"Lot {lot.number} is {lot.status} already.", code="illegal_transition")
        return Proposal(lot.number, f"lot {lot.number}", meaning, Permission.ACCEPT_LOT, lot_manifest(lot))

    return propose


def _version(
    word: str, action: VersionAction, meaning: Meaning, permission: Permission
) -> Callable[[Desk, str], Proposal]:
    def propose(desk: Desk, about: str) -> Proposal:
        if not (about.isascii() and about.isdigit()):
            raise NotFound(f"“{about}” is no version of {desk.subject}.")
        version = find_version(MODELS[word], desk.subject, int(about))
        version_target(VersionStatus(version.status), action)
        by = desk.signer if action is VersionAction.SUBMIT else None
        means = meaning_of_submitting(version, by) if by else meaning
        return Proposal(version.code, str(version), means, permission, version_manifest(version))

    return propose


def _version_acts() -> dict[str, Callable[[Desk, str], Proposal]]:
    rows = (
        (VersionAction.SUBMIT, Meaning.REVIEWED, Permission.SUBMIT_DOCUMENT),
        (VersionAction.APPROVE, Meaning.APPROVED, Permission.APPROVE_DOCUMENT),
        (VersionAction.MAKE_EFFECTIVE, Meaning.MADE_EFFECTIVE, Permission.APPROVE_DOCUMENT),
        (VersionAction.RETIRE, Meaning.RETIRED, Permission.APPROVE_DOCUMENT),
    )
    words = (TYPE_NAMES[ProtocolVersion], TYPE_NAMES[SpecificationVersion])
    return {
        f"{word}.{action}": _version(word, action, meaning, permission)
        for word in words
        for action, meaning, permission in rows
    }


ACTS: Mapping[str, Callable[[Desk, str], Proposal]] = {
    "batch.complete": _complete,
    "batch.release": _decide(Action.RELEASE, Meaning.RELEASED, Permission.RELEASE_BATCH),
    "batch.reject": _decide(Action.REJECT, Meaning.REJECTED, Permission.REJECT_BATCH),
    "step.verify": _verify_step,
    "audit.review": _review_trail,
    "result.review": _result(Meaning.REVIEWED, Permission.REVIEW_RESULT),
    "result.investigate": _result(Meaning.INVALIDATED, Permission.INVESTIGATE),
    "deviation.assess": _assess,
    "lot.accept": _lot(Meaning.ACCEPTED),
    "lot.reject": _lot(Meaning.REJECTED),
    **_version_acts(),
}
