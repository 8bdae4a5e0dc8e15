"""Deviations open by themselves and are closed by a person who has assessed them."""

from __future__ import annotations

from labeling.models import Batch, Deviation, Entry
from labeling.services.lifecycle import lock_batch, refuse_stale
from lims.accounts.actors import Actor
from lims.accounts.attestation import Credential, attest
from lims.accounts.roles import Permission
from lims.audit.models import Operation
from lims.audit.operations import operation
from lims.errors import Conflict, InvalidInput, NotFound, SegregationOfDuties
from lims.signatures.meanings import Meaning
from lims.signatures.signing import sign

SEVERITIES = {
    Deviation.Kind.OUT_OF_RANGE: Deviation.Severity.MINOR,
    Deviation.Kind.TIMER: Deviation.Severity.MINOR,
    Deviation.Kind.ACTION_LIMIT: Deviation.Severity.MAJOR,
    Deviation.Kind.IDENTITY: Deviation.Severity.CRITICAL,
    Deviation.Kind.NOT_COMPUTED: Deviation.Severity.MAJOR,
    Deviation.Kind.ACTIVITY_BALANCE: Deviation.Severity.MAJOR,
}


def open_deviation(
    op: Operation,
    batch: Batch,
    *,
    kind: Deviation.Kind,
    text: str,
    step: str = "",
    entry: Entry | None = None,
    result_key: str = "",
) -> Deviation:
    """A departure that nobody may overlook: it blocks release until it is assessed."""
    return Deviation.objects.create(
        batch=batch,
        kind=kind,
        severity=SEVERITIES[kind],
        step=step,
        entry=entry,
        result_key=result_key,
        text=text,
        opened_by=op.actor,
    )


def assess_deviation(
    *,
    actor: Actor,
    number: str,
    deviation_id: int,
    assessment: str,
    credential: Credential,
    revision: int | None = None,
) -> Deviation:
    """Close a deviation with what it means for the product. Not by the person whose work it is about."""
    attestation = attest(actor, credential, purpose="deviation.assess")
    with operation(actor=attestation.actor, action="deviation.assess", subject=number, reason=assessment) as op:
        batch = lock_batch(number)
        refuse_stale(op, batch, revision)
        deviation = Deviation.objects.filter(batch=batch, pk=deviation_id).first()
        if deviation is None:
            raise NotFound(f"Batch {number} has no deviation {deviation_id}.")
        if deviation.assessment_signature_id is not None:
            raise Conflict("This deviation was assessed already.", code="already_recorded")
        if attestation.user.pk == deviation.opened_by_id:
            raise SegregationOfDuties("This deviation arose in your own work; another person has to assess it.")
        if not assessment.strip():
            raise InvalidInput(
                "Say what the deviation means for the product.", code="missing_value", field="assessment"
            )
        deviation.assessment = assessment.strip()
        deviation.assessment_signature = sign(
            op,
            attestation,
            meaning=Meaning.ASSESSED,
            permission=Permission.ASSESS_DEVIATION,
            covers=f"deviation {deviation.pk} of {number}",
            manifest={"batch": number, "deviation": deviation.text, "assessment": deviation.assessment},
        )
        deviation.save(update_fields=["assessment", "assessment_signature"])
        return deviation
