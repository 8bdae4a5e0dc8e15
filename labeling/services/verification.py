"""The second person's check of a critical value or of a whole step."""

from __future__ import annotations

from collections.abc import Iterable

from labeling.domain.training import Task
from labeling.models import Entry, TimerEvent, Verification
from labeling.selectors.facts import entry_manifest, facts_of, step_manifest
from labeling.services.lifecycle import lock_batch, refuse_stale
from labeling.services.recording import find_entry, refuse_unless_in_progress
from labeling.services.training import require_training_for
from lims.accounts.actors import Actor
from lims.accounts.attestation import Credential, attest
from lims.accounts.roles import Permission
from lims.audit.operations import operation
from lims.errors import Conflict, SegregationOfDuties, Stale
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
        _refuse_own_work(attestation.user.pk, [entry])
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
    """A second person has checked a whole step, and with it each of its values.

    `seen` is the digest of what they were shown (`manifest_sha256` of the step); Stale where that has changed.
    """
    attestation = attest(actor, credential, purpose="step.verify")
    attestation.require(Permission.VERIFY)
    require_training_for(attestation.actor, number, Task.VERIFY, doing="step.verify")
    with operation(actor=attestation.actor, action="step.verify", subject=number) as op:
        batch = lock_batch(number)
        refuse_stale(op, batch, revision)
        definition = batch.protocol_version.document.step(step)
        refuse_unless_in_progress(batch)
        facts = facts_of(batch)
        entries = facts.entries_of(step)
        missing = [f.label for f in definition.fields if f.key not in {entry.field for entry in entries}]
        if missing:
            raise Conflict(
                f"The step “{definition.title}” is not finished: {', '.join(missing)} missing.", code="incomplete"
            )
        _refuse_own_work(attestation.user.pk, [*entries, *(t for t in facts.timers if t.step == step)])
        manifest = step_manifest(facts, step)
        if seen and seen != digest_of(manifest):
            raise Stale(f"The step “{definition.title}” has changed since it was shown to you. Look at it again.")
        if facts.step_signature(step) is not None:
            raise Conflict(f"The step “{definition.title}” was verified already.", code="already_recorded")
        signature = sign(
            op,
            attestation,
            meaning=Meaning.VERIFIED,
            permission=Permission.VERIFY,
            covers=f"step {step} of {number}",
            manifest=manifest,
        )
        return Verification.objects.create(batch=batch, step=step, signature=signature)


def _refuse_own_work(user_id: int, recorded: Iterable[Entry | TimerEvent]) -> None:
    if any(entry.recorded_by_id == user_id for entry in recorded):
        raise SegregationOfDuties("You recorded this yourself; a second person has to verify it.")
