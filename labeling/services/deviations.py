"""Deviations open by themselves or by hand, and are closed by a person who has assessed them."""

from __future__ import annotations

from labeling.domain.deviations import Assessed, DeviationClass, needs_quality
from labeling.domain.lifecycle import BatchStatus
from labeling.models import Batch, Deviation, Entry, TimerEvent
from labeling.selectors.facts import deviation_manifest
from labeling.services.lifecycle import lock_batch, refuse_stale
from lims.accounts.actors import Actor
from lims.accounts.attestation import Credential, attest
from lims.accounts.roles import Permission, require
from lims.audit.models import Operation
from lims.audit.operations import operation
from lims.errors import Conflict, InvalidInput, NotFound, SegregationOfDuties
from lims.signatures.meanings import Meaning
from lims.signatures.signing import sign

SEVERITIES = {
    Deviation.Kind.OUT_OF_RANGE: DeviationClass.MINOR,
    Deviation.Kind.TIMER: DeviationClass.MINOR,
    Deviation.Kind.ACTION_LIMIT: DeviationClass.MAJOR,
    Deviation.Kind.IDENTITY: DeviationClass.CRITICAL,
    Deviation.Kind.NOT_COMPUTED: DeviationClass.MAJOR,
    Deviation.Kind.ACTIVITY_BALANCE: DeviationClass.MAJOR,
    Deviation.Kind.INSTRUMENT: DeviationClass.MAJOR,
    Deviation.Kind.RESTATED: DeviationClass.MAJOR,
    Deviation.Kind.AFTER_RELEASE: DeviationClass.CRITICAL,
    Deviation.Kind.RESULT_CORRECTED: DeviationClass.MAJOR,
}
LONGEST_TEXT = 4000


def open_deviation(
    op: Operation,
    batch: Batch,
    *,
    kind: Deviation.Kind,
    text: str,
    severity: DeviationClass | None = None,
    step: str = "",
    entry: Entry | None = None,
    result_key: str = "",
) -> Deviation:
    """A departure that nobody may overlook: it blocks release until it is assessed."""
    return Deviation.objects.create(
        batch=batch,
        kind=kind,
        severity=severity or SEVERITIES[kind],
        step=step,
        entry=entry,
        result_key=result_key,
        text=text,
        opened_by=op.actor,
    )


def report_deviation(
    *, actor: Actor, number: str, text: str, severity: str, step: str = "", revision: int | None = None
) -> Deviation:
    """What a person saw and no rule could see. A released batch takes it too: it may have to be recalled."""
    require(actor.user, Permission.REPORT_DEVIATION)
    text = text.strip()
    if not text:
        raise InvalidInput("Say what happened.", code="missing_value", field="text")
    if len(text) > LONGEST_TEXT:
        raise InvalidInput(f"The text is longer than {LONGEST_TEXT} characters.", code="too_long", field="text")
    with operation(actor=actor, action="deviation.report", subject=number, reason=text) as op:
        batch = lock_batch(number)
        refuse_stale(op, batch, revision)
        if step:
            batch.protocol_version.document.step(step)
        if batch.status == BatchStatus.PLANNED:
            raise Conflict(
                f"{number} is planned; nothing has happened in it yet. Start it, or reject it with the reason.",
                code="batch_not_in_progress",
            )
        return open_deviation(op, batch, kind=Deviation.Kind.BY_HAND, text=text, severity=_class(severity), step=step)


def assess_deviation(
    *,
    actor: Actor,
    number: str,
    deviation_id: int,
    assessed: Assessed,
    credential: Credential,
    revision: int | None = None,
) -> Deviation:
    """Close a deviation with its class, its impact, its root cause and what it means for the product.

    Not by the person whose work it is about; a critical one by quality alone.
    """
    attestation = attest(actor, credential, purpose="deviation.assess")
    signer = attestation.user
    attestation.require(Permission.ASSESS_DEVIATION)
    with operation(
        actor=attestation.actor, action="deviation.assess", subject=number, reason=assessed.assessment
    ) as op:
        batch = lock_batch(number)
        refuse_stale(op, batch, revision)
        deviation = find_deviation(batch, deviation_id)
        if not deviation.is_open:
            raise Conflict("This deviation was assessed already.", code="already_recorded")
        if signer.pk in (deviation.opened_by_id, batch.started_by_id) or _worked_on(batch, signer.pk):
            raise SegregationOfDuties("This deviation arose in your own work; another person has to assess it.")
        opened_as = DeviationClass(deviation.severity)
        assessed.refuse_what_is_owed(opened_as)
        deviation.assessment = assessed.assessment.strip()
        deviation.assessed_severity = assessed.severity
        deviation.conclusion = assessed.conclusion
        deviation.impact = assessed.impact.strip()
        deviation.cause = assessed.cause
        deviation.root_cause = assessed.root_cause.strip()
        quality = needs_quality(opened_as, assessed.severity)
        deviation.assessment_signature = sign(
            op,
            attestation,
            meaning=Meaning.ASSESSED,
            permission=Permission.ASSESS_CRITICAL_DEVIATION if quality else Permission.ASSESS_DEVIATION,
            covers=f"deviation {deviation.pk} of {number}",
            manifest=deviation_manifest(deviation),
        )
        deviation.save()
        return deviation


def _worked_on(batch: Batch, user_id: int) -> bool:
    """Whoever recorded something in the batch: a deviation that a colleague reports is about their work as well."""
    return any(
        model._default_manager.filter(batch=batch, recorded_by=user_id).exists() for model in (Entry, TimerEvent)
    )


def find_deviation(batch: Batch, deviation_id: int) -> Deviation:
    deviation = Deviation.objects.select_related("batch").filter(batch=batch, pk=deviation_id).first()
    if deviation is None:
        raise NotFound(f"Batch {batch.number} has no deviation {deviation_id}.")
    return deviation


def _class(given: str) -> DeviationClass:
    if given not in list(DeviationClass):
        raise InvalidInput(
            f"“{given}” is no class of deviations; there are {', '.join(DeviationClass)}.",
            code="unknown_choice",
            field="severity",
        )
    return DeviationClass(given)
