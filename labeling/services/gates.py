"""What must be settled before anything is recorded: the line is cleared, and the step is not stopped."""

from __future__ import annotations

from labeling.domain.deviations import Conclusion, DeviationClass
from labeling.models import Batch, Deviation, LineClearance, Scan
from labeling.selectors.clock import database_now
from labeling.services.deviations import open_deviation
from lims.audit.models import Operation
from lims.errors import Conflict
from lims.oversight.models import Alarm
from lims.oversight.services import raise_alarm

LONGEST_SCAN = 200
IDENTITY_EXPECTED = "the identity of this batch"


def keep_mismatch(op: Operation, batch: Batch, *, step: str, field: str, scanned: str, says: str) -> Scan:
    """Another identity at the bench: the scan is kept, and a critical deviation stops the step."""
    deviation = open_deviation(op, batch, kind=Deviation.Kind.IDENTITY, step=step, text=says)
    raise_alarm(
        op,
        kind=Alarm.Kind.ANOTHER_IDENTITY,
        severity=Alarm.Severity.CRITICAL,
        subject=batch.number,
        text=says,
        cause=f"identity:{deviation.pk}",
    )
    return Scan.objects.create(
        batch=batch,
        step=step,
        field=field,
        scanned=scanned.strip()[:LONGEST_SCAN],
        expected=IDENTITY_EXPECTED,
        outcome=Scan.Outcome.MISMATCH,
        says=says,
        measured_at=database_now(),
        recorded_by=op.actor,
    )


def stops_of(batch: Batch) -> set[str]:
    """The steps that another identity has stopped, until the deviation is assessed."""
    unsettled = Deviation.objects.filter(batch=batch, kind=Deviation.Kind.IDENTITY, assessment_signature=None)
    return set(unsettled.values_list("step", flat=True))


def refuse_stopped(batch: Batch, step: str) -> None:
    if step in stops_of(batch):
        title = batch.protocol_version.document.step(step).title
        raise Conflict(
            f"The step “{title}” is stopped: another identity was scanned in it. It goes on when quality has assessed "
            "the critical deviation.",
            code="step_stopped",
            step=step,
        )


def refuse_unsound(batch: Batch) -> None:
    """What was found after the release: an affected product is neither handed over nor used, nor one in doubt."""
    found = Deviation.objects.filter(batch=batch)
    affected = found.filter(conclusion=Conclusion.AFFECTED).first()
    if affected is not None:
        raise Conflict(
            f"A deviation affects the product of {batch.number}: {affected.text}",
            code="product_affected",
            field="value",
            deviation=affected.pk,
        )
    critical = found.filter(severity=DeviationClass.CRITICAL, assessment_signature=None).first()
    if critical is not None:
        raise Conflict(
            f"A critical deviation of {batch.number} is not assessed. Its product stays where it is until it is.",
            code="open_deviation",
            field="value",
            deviation=critical.pk,
        )


def refuse_uncleared(batch: Batch) -> None:
    clearance = batch.protocol_version.document.line_clearance
    if clearance is None:
        return
    parts = set(LineClearance.objects.filter(batch=batch).values_list("part", flat=True))
    if LineClearance.Part.CLEARED not in parts:
        raise Conflict(
            "The line is not cleared yet. Clear the work area and sign for it before the first entry.",
            code="line_not_cleared",
        )
    if clearance.verified_by_second_person and LineClearance.Part.VERIFIED not in parts:
        raise Conflict(
            "The cleared line is not verified yet. A second person looks at it and signs before the first entry.",
            code="line_not_verified",
        )
