"""The signatures of a batch, each with whether what was signed is still what is there."""

from __future__ import annotations

from typing import Any

from labeling.models import Verification
from labeling.selectors.facts import BatchFacts, completion_manifest, deviation_manifest, reconciliation_manifest
from lims.oversight.selectors import review_holds
from lims.signatures.manifestation import signature_row
from lims.signatures.meanings import Meaning
from lims.signatures.models import Signature
from lims.signatures.signing import part_holds, still_holds


def signatures_with_state(facts: BatchFacts) -> list[dict[str, Any]]:
    """Every signature for the batch, oldest first."""
    signed = Signature.objects.filter(subject=facts.batch.number).order_by("id")
    return [{**signature_row(signature), "holds": _holds(facts, signature)} for signature in signed]


def _holds(facts: BatchFacts, signature: Signature) -> bool:
    """Whether what was signed is still what is there. A verified value that was corrected since is not.

    Of a decision the record of the work is compared: tests that end later, and the events of the trail, go on.
    """
    manifest = _signed_manifest(facts, signature)
    if manifest is not None:
        return still_holds(signature, manifest)
    if signature.pk == facts.batch.disposition_signature_id:
        return part_holds(signature, completion_manifest(facts))
    if signature.meaning == Meaning.AUDIT_TRAIL_REVIEWED:
        return review_holds(signature)
    current = {entry.pk for entry in facts.current.values()}
    for verification in facts.verifications:
        if verification.signature_id == signature.pk:
            return _verification_holds(facts, verification, current)
    return True


def _signed_manifest(facts: BatchFacts, signature: Signature) -> dict[str, object] | None:
    """What the completion, a down-time sheet or an assessed deviation is now, for its signature."""
    sheet = facts.sheet
    if signature.pk == facts.batch.completion_signature_id:
        return completion_manifest(facts)
    if sheet is not None and signature.pk in (sheet.transfer_signature_id, sheet.comparison_signature_id):
        return reconciliation_manifest(facts)
    assessed = next((d for d in facts.deviations if d.assessment_signature_id == signature.pk), None)
    return deviation_manifest(assessed) if assessed else None


def _verification_holds(facts: BatchFacts, verification: Verification, current: set[int]) -> bool:
    if verification.entry_id is not None:
        return verification.entry_id in current
    signature = facts.step_signature(verification.step)
    return signature is not None and signature.pk == verification.signature_id
