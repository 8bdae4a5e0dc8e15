"""Test results: recorded by an analyst, and invalidated only through an investigation."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from labeling.domain.criteria import Verdict, judge, judge_computed
from labeling.domain.formulas import compute
from labeling.domain.lifecycle import BatchStatus
from labeling.domain.quantities import Value, parse_value
from labeling.domain.specification import SpecificationTest, impossible_share
from labeling.domain.training import Task
from labeling.domain.units import convert, unit
from labeling.models import Batch, Deviation
from labeling.selectors.clock import database_now
from labeling.services.deviations import open_deviation
from labeling.services.equipment import instrument_for
from labeling.services.lifecycle import lock_batch, refuse_stale
from labeling.services.training import require_training_for
from lims.accounts.actors import Actor
from lims.accounts.roles import Permission, require
from lims.audit.models import Operation
from lims.audit.operations import operation
from lims.errors import Conflict, InvalidInput, NotFound
from qc.domain.release import limit_text
from qc.models import TestResult
from qc.selectors import current, shown
from qc.services.corrections import tell_of_correction, to_correct

S = BatchStatus
LONGEST = 200
WHOLE = 100
SIGNED_UNITS = {"degC", "1", None}
TESTED = {S.IN_PROGRESS, S.QUARANTINE, S.ON_HOLD}


def record_result(
    *,
    actor: Actor,
    number: str,
    test: str,
    value: str = "",
    unit_given: str = "",
    inputs: Mapping[str, Any] | None = None,
    at: datetime | None = None,
    equipment: str = "",
    corrects: int | None = None,
    reason: str = "",
    revision: int | None = None,
) -> TestResult:
    """One result against one test of the batch's specification: a value, or the raw data of the test's formula.

    Takes the lock that releasing takes. `corrects` is the number of a result that was mistyped; else Conflict is raised
    where the test has a valid result already: a retest needs an investigation that found why it does not count.
    """
    require(actor.user, Permission.TEST)
    deed = "correct" if corrects else "record"
    require_training_for(actor, number, Task.TEST, doing=f"result.{deed}")
    with operation(actor=actor, action=f"result.{deed}", subject=number, reason=reason.strip()) as op:
        batch = lock_batch(number)
        refuse_stale(op, batch, revision)
        definition = _test_of(batch, test)
        refuse_wrong_status(batch, definition)
        attempts = list(
            TestResult.objects.filter(batch=batch, test=test)
            .select_related("review", "investigation", "corrected_by")
            .order_by("id")
        )
        old = to_correct(attempts, corrects, reason) if corrects else None
        if old is None:
            _refuse_second(definition, current(attempts))
        moment = _measured(batch, at)
        instrument = instrument_for(equipment.strip(), kind="", at=moment) if equipment.strip() else None
        result = TestResult(
            batch=batch,
            specification_version=batch.specification_version,
            test=test,
            attempt=len(attempts) + 1,
            measured_at=moment,
            equipment=instrument,
            corrects=old,
            reason=reason.strip(),
            recorded_by=actor.user,
            operation=op,
        )
        _fill(result, definition, value=value, unit_given=unit_given, inputs=inputs)
        result.save(force_insert=True)
        if batch.status == BatchStatus.RELEASED and result.verdict != Verdict.PASS:
            _tell_of_failure(op, batch, definition, result)
        if old is not None:
            tell_of_correction(op, batch, definition, old, result)
        return result


def _refuse_second(definition: SpecificationTest, valid: TestResult | None) -> None:
    if valid is not None:
        raise Conflict(
            f"{definition.title} has a result already: {valid.value} {valid.unit}".rstrip()
            + ". A retest needs an investigation that found an assignable cause.",
            code="retest_needs_investigation",
            field="value",
            result=valid.pk,
        )


def _tell_of_failure(op: Operation, batch: Batch, definition: SpecificationTest, result: TestResult) -> None:
    """The product is out, or about to be: nothing more leaves the house before quality has assessed it."""
    limit = limit_text(definition.criterion, definition.unit or "")
    value = shown(definition, result.value, result.u)
    text = f"{definition.title} is {value}, known only after the release; the limit is {limit}."
    open_deviation(op, batch, kind=Deviation.Kind.AFTER_RELEASE, text=text)


def result_manifest(result: TestResult) -> dict[str, object]:
    """What is signed of a result: what was found, what it was compared with, by whom and when.

    The instrument where one was named: what was signed before there were any stays as it is.
    """
    definition = result.specification_version.document.test(result.test)
    return {
        **({"equipment": result.equipment.code} if result.equipment else {}),
        "batch": result.batch.number,
        "specification": result.specification_version.name,
        "result": result.pk,
        "test": result.test,
        "attempt": result.attempt,
        "typed": result.typed,
        "inputs": result.inputs,
        "value": result.value,
        "unit": result.unit,
        **({"corrects": _corrected_text(result.corrects), "reason": result.reason} if result.corrects else {}),
        "limit": limit_text(definition.criterion, definition.unit or ""),
        "verdict": result.verdict,
        "measured_at": result.measured_at.isoformat(),
        "recorded_by": result.recorded_by.username,
    }


def _corrected_text(old: TestResult) -> str:
    return f"{old.value} {old.unit}, recorded by {old.recorded_by.username}"


def _fill(
    result: TestResult,
    definition: SpecificationTest,
    *,
    value: str,
    unit_given: str,
    inputs: Mapping[str, Any] | None,
) -> None:
    if definition.formula:
        if value.strip() and inputs:
            raise InvalidInput(
                f"{definition.title} is computed from raw data; leave the value out.",
                code="value_not_expected",
                field="value",
            )
        _compute(result, definition, inputs)
        return
    if inputs is not None:
        raise InvalidInput(
            f"{definition.title} is entered as a value; it has no formula.", code="inputs_not_expected", field="inputs"
        )
    typed = value.strip()
    if not typed:
        raise InvalidInput(f"{definition.title}: the result is missing.", code="missing_value", field="value")
    if len(typed) > LONGEST:
        raise InvalidInput(f"{definition.title}: the result is too long.", code="too_long", field="value")
    if not definition.criterion.accept:
        typed = str(_plausible(definition, parse_value(typed, field="value"), typed))
        _check_unit(definition, unit_given)
    result.typed, result.value, result.unit = typed, typed, definition.unit or ""
    result.verdict = judge(definition.criterion, typed)
    if result.verdict == Verdict.MISSING:
        raise InvalidInput(f"{definition.title}: “{typed}” is not a result.", code="missing_value", field="value")


def _compute(result: TestResult, definition: SpecificationTest, inputs: Mapping[str, Any] | None) -> None:
    """The result from its raw data: computed here, never typed."""
    assert definition.formula is not None
    if not inputs:
        raise InvalidInput(
            f"{definition.title} is computed from raw data: give the inputs of {definition.formula}.",
            code="inputs_missing",
            field="inputs",
        )
    computed = compute(definition.formula, dict(inputs))
    output = computed["outputs"][definition.output]
    result.inputs = dict(inputs)
    result.unit = definition.unit or output["unit"]
    result.value = _in_unit(output["value"], output["unit"], result.unit)
    result.u = _in_unit(output["u"], output["unit"], result.unit) if output.get("u") is not None else None
    result.formula, result.formula_version = computed["formula"], str(computed["version"])
    result.worked = computed["worked"]
    result.verdict = judge_computed(definition.criterion, result.value)
    if result.verdict == Verdict.PASS and impossible_share(definition, computed.get("flags", ())):
        result.verdict = Verdict.INCONCLUSIVE


def _plausible(definition: SpecificationTest, value: Value, typed: str) -> str:
    """What was typed, once it can be: an amount is not negative, and a share not more than the whole."""
    lower, _ = definition.criterion.limits
    if value.number < 0 and definition.unit not in SIGNED_UNITS and (lower is None or lower >= 0):
        raise InvalidInput(
            f"{definition.title}: {typed} is negative, which cannot be.", code="negative_value", field="value"
        )
    if definition.unit == "%" and value.number > WHOLE and definition.criterion.max is None:
        raise InvalidInput(
            f"{definition.title}: {typed} % is more than the whole. Was a decimal point left out?",
            code="above_100_percent",
            field="value",
        )
    return " ".join(typed.split())


def _in_unit(number: str, computed_unit: str, wanted: str) -> str:
    return number if computed_unit == wanted else str(convert(Decimal(number), computed_unit, wanted))


def _check_unit(definition: SpecificationTest, unit_given: str) -> None:
    if unit_given and unit(unit_given, field="unit") != unit(definition.unit or "1", field="unit"):
        raise InvalidInput(
            f"{definition.title} is given in {definition.unit or 'no unit'}, as its limit is; bring it to that unit.",
            code="wrong_unit",
            field="unit",
        )


def _test_of(batch: Batch, key: str) -> SpecificationTest:
    specification = batch.specification_version.document if batch.specification_version else None
    if specification is None:
        raise Conflict(f"{batch.number} has no specification to test it against.", code="no_specification")
    test = specification.test(key)
    if test.from_result:
        raise InvalidInput(
            f"{test.title} is read from the batch record; it is never typed.", code="read_from_record", field="test"
        )
    return test


def refuse_wrong_status(batch: Batch, definition: SpecificationTest, verb: str = "recorded") -> None:
    status = BatchStatus(batch.status)
    allowed = TESTED | {S.RELEASED} if definition.required_before == "final" else TESTED
    if status not in allowed:
        raise Conflict(
            f"{batch.number} is {status.label.lower()}; {definition.title} cannot be {verb} now.",
            code="illegal_transition",
            batch_status=batch.status,
        )


def _measured(batch: Batch, at: datetime | None) -> datetime:
    now = database_now()
    moment = at or now
    if moment > now:
        raise InvalidInput("The test cannot have been made in the future.", code="future_time", field="at")
    if batch.started_at is not None and moment < batch.started_at:
        raise InvalidInput(f"The test lies before {batch.number} was started.", code="before_start", field="at")
    return moment


def locked_result(op: Operation, number: str, result_id: int, revision: int | None) -> TestResult:
    batch = lock_batch(number)
    refuse_stale(op, batch, revision)
    result = (
        TestResult.objects.select_related("batch", "specification_version", "recorded_by", "corrects__recorded_by")
        .select_related("review", "investigation", "corrected_by")
        .filter(batch=batch, pk=result_id)
        .first()
    )
    if result is None:
        raise NotFound(f"Batch {number} has no test result {result_id}.")
    if hasattr(result, "investigation"):
        raise Conflict("This result was invalidated; it no longer counts.", code="already_recorded")
    if hasattr(result, "corrected_by"):
        raise Conflict("This result was corrected; look at the one that stands in its place.", code="stale")
    return result
