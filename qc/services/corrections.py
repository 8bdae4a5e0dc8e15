"""A test result that was mistyped: corrected before its review, with the reason. The first one stays and is printed."""

from __future__ import annotations

from collections.abc import Iterable

from labeling.domain.criteria import Verdict
from labeling.domain.specification import SpecificationTest
from labeling.models import Batch, Deviation
from labeling.services.deviations import open_deviation
from lims.audit.models import Operation
from lims.errors import Conflict, InvalidInput, NotFound
from qc.domain.release import limit_text
from qc.models import TestResult
from qc.selectors import current, shown


def to_correct(attempts: Iterable[TestResult], result_id: int, reason: str) -> TestResult:
    """The result that is corrected: the one that counts, as long as nobody has reviewed it.

    After its review a result falls only to an investigation. Raises NotFound, Conflict, or InvalidInput without a
    reason.
    """
    rows = list(attempts)
    result = next((row for row in rows if row.pk == result_id), None)
    if result is None:
        raise NotFound(f"This test has no result {result_id}.")
    if result is not current(rows):
        raise Conflict("This result no longer counts; look at the newer one.", code="stale")
    if hasattr(result, "review"):
        raise Conflict(
            "This result was reviewed; it stands. Only an investigation that found an assignable cause invalidates it.",
            code="already_reviewed",
        )
    if not reason.strip():
        raise InvalidInput("Say why the result is corrected.", code="reason_missing", field="reason")
    return result


def tell_of_correction(
    op: Operation, batch: Batch, definition: SpecificationTest, old: TestResult, new: TestResult
) -> None:
    """A failing result is not typed away: where its correction conforms, somebody else assesses what happened."""
    if old.verdict == Verdict.PASS or new.verdict != Verdict.PASS:
        return
    before, now = (shown(definition, row.value, row.u) for row in (old, new))
    limit = limit_text(definition.criterion, definition.unit or "")
    first = f"{definition.title} was recorded as {before}, which does not conform (limit: {limit})"
    text = f"{first}, and corrected to {now}: “{new.reason}”"
    open_deviation(op, batch, kind=Deviation.Kind.RESULT_CORRECTED, text=text)
