"""The second person's check of a critical value, or of whole steps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from labeling.domain.protocol import Step
from labeling.domain.training import Task
from labeling.models import Batch, Verification
from labeling.selectors.facts import BatchFacts, entry_manifest, facts_of, step_manifest
from labeling.services.lifecycle import lock_batch, refuse_stale
from labeling.services.recording import find_entry, refuse_unless_in_progress
from labeling.services.training import require_training_for
from lims.accounts.actors import Actor
from lims.accounts.attestation import Attestation, Credential, attest
from lims.accounts.roles import Permission
from lims.audit.models import Operation
from lims.audit.operations import operation
from lims.errors import Conflict, InvalidInput, SegregationOfDuties, Stale
from lims.signatures.meanings import Meaning
from lims.signatures.signing import digest_of, sign


def verify_entry(
    *, actor: Actor, number: str, entry_id: int, credential: Credential, revision: int | None = None
) -> Verification:
    """A second person has checked one value. Raises SegregationOfDuties for the person who recorded it."""
    attestation = attest(actor, credential, purpose="entry.verify")
    attestation.require(Permission.VERIFY)
    require_training_for(attestation.actor, number, Task.VERIFY, doing="entry.verify")
    with operation(actor=attestation.actor, action="entry.verify", subject=number) as op:
        batch = lock_batch(number)
        refuse_stale(op, batch, revision)
        refuse_unless_in_progress(batch)
        entry = find_entry(batch, entry_id)
        if hasattr(entry, "corrected_by"):
            raise Conflict("This value was corrected; verify the new one.", code="stale", entry=entry.corrected_by.pk)
        if hasattr(entry, "verification"):
            raise Conflict("This value was verified already.", code="already_recorded")
        if entry.recorded_by_id == attestation.user.pk:
            raise SegregationOfDuties("You recorded this value yourself; a second person has to verify it.")
        signature = sign(
            op,
            attestation,
            meaning=Meaning.VERIFIED,
            permission=Permission.VERIFY,
            covers=f"{entry.reference} of {number}",
            manifest=entry_manifest(entry),
        )
        return Verification.objects.create(batch=batch, step=entry.step, entry=entry, signature=signature)


def verify_step(
    *,
    actor: Actor,
    number: str,
    step: str,
    credential: Credential,
    seen: str = "",
    revision: int | None = None,
) -> Verification:
    """A second person has checked a whole step, and with it each of its values: a series of one."""
    shown = {step: seen}
    return verify_steps(actor=actor, number=number, shown=shown, credential=credential, revision=revision)[0]


def verify_steps(
    *,
    actor: Actor,
    number: str,
    shown: Mapping[str, str],
    credential: Credential,
    revision: int | None = None,
) -> list[Verification]:
    """A second person has checked whole steps, and signs for each of them in one act (21 CFR 11.200(a)(1)(i)).

    `shown` holds for each step the digest of what they were shown (`manifest_sha256` of the step; "" where a client
    showed none): one attestation, and one signature over the manifest of each step. All of them are recorded or none.
    Raises Stale, SegregationOfDuties or Conflict with the step that stands in the way.
    """
    if not shown:
        raise InvalidInput("Choose at least one step to verify.", code="required", field="steps")
    attestation = attest(actor, credential, purpose="step.verify")
    attestation.require(Permission.VERIFY)
    require_training_for(attestation.actor, number, Task.VERIFY, doing="step.verify")
    with operation(actor=attestation.actor, action="step.verify", subject=number) as op:
        batch = lock_batch(number)
        refuse_stale(op, batch, revision)
        steps = [batch.protocol_version.document.step(key) for key in shown]
        refuse_unless_in_progress(batch)
        facts = facts_of(batch)
        for step in steps:
            _refuse_unfinished(facts, step)
        _refuse_own_steps(attestation.user.pk, facts, steps)
        manifests = {step.key: step_manifest(facts, step.key) for step in steps}
        for step in steps:
            _refuse_changed(facts, step, seen=shown[step.key], digest=digest_of(manifests[step.key]))
        return [_verified(op, attestation, batch, step, manifest) for step, manifest in manifests.items()]


def _verified(
    op: Operation, attestation: Attestation, batch: Batch, step: str, manifest: Mapping[str, object]
) -> Verification:
    signature = sign(
        op,
        attestation,
        meaning=Meaning.VERIFIED,
        permission=Permission.VERIFY,
        covers=f"step {step} of {batch.number}",
        manifest=manifest,
    )
    return Verification.objects.create(batch=batch, step=step, signature=signature)


def _refuse_unfinished(facts: BatchFacts, step: Step) -> None:
    recorded = {entry.field for entry in facts.entries_of(step.key)}
    missing = [field.label for field in step.fields if field.key not in recorded]
    if missing:
        raise Conflict(f"The step “{step.title}” is not finished: {', '.join(missing)} missing.", code="incomplete")


def _refuse_changed(facts: BatchFacts, step: Step, *, seen: str, digest: str) -> None:
    if seen and seen != digest:
        raise Stale(f"The step “{step.title}” has changed since it was shown to you. Look at it again.")
    if facts.step_signature(step.key) is not None:
        raise Conflict(f"The step “{step.title}” was verified already.", code="already_recorded")


def _refuse_own_steps(user_id: int, facts: BatchFacts, steps: Sequence[Step]) -> None:
    own = [step for step in steps if _worked_on(user_id, facts, step.key)]
    if own:
        titles = " and ".join(f"“{step.title}”" for step in own)
        them = "a second person has to verify it" if len(own) == 1 else "a second person has to verify them"
        raise SegregationOfDuties(f"You recorded something in {titles} yourself; {them}. Nothing was signed.")


def _worked_on(user_id: int, facts: BatchFacts, step: str) -> bool:
    entered = any(entry.recorded_by_id == user_id for entry in facts.entries_of(step))
    return entered or any(timer.recorded_by_id == user_id for timer in facts.timers if timer.step == step)
