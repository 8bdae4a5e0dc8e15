"""The tests of a batch and the verdict of the release gate, read from one place for REST, pages and print."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from django.db.models import QuerySet

from labeling.domain.criteria import Verdict
from labeling.domain.deviations import Conclusion
from labeling.domain.display import display, display_recorded
from labeling.domain.lifecycle import BatchStatus
from labeling.domain.specification import Specification, SpecificationTest
from labeling.models import Batch
from labeling.selectors.batch import document_of, find_batch, person
from labeling.selectors.clock import database_now
from labeling.selectors.facts import BatchFacts, facts_of_several, rows_of
from labeling.selectors.reevaluation import record_value, restated_tests
from lims.oversight.selectors import trail_of
from lims.signatures.manifestation import signature_or_none, signature_row
from qc.domain.release import Circumstances, Evaluation, Outcome, evaluate
from qc.models import TestResult

Json = dict[str, Any]
LONGEST_TYPED = 16  # a value with more digits than this was brought from another unit


@dataclass(frozen=True, slots=True)
class Assessment:
    """A batch with its tests, and what the gate makes of them at one instant."""

    facts: BatchFacts
    specification: Specification | None
    results: dict[str, list[TestResult]]  # by test, in the order of recording; the last valid one counts
    outcomes: dict[str, Outcome]
    evaluation: Evaluation


def assess(batch: Batch) -> Assessment:
    return assess_several([batch])[0]


def assess_several(batches: Sequence[Batch]) -> list[Assessment]:
    """Each as it stands at the same instant, in the order of `batches`."""
    found, results, now = facts_of_several(batches), rows_of(batches, _results()), database_now()
    return [_assessed(facts, results[facts.batch.pk], now) for facts in found]


def _assessed(facts: BatchFacts, recorded: Iterable[TestResult], now: datetime) -> Assessment:
    version = facts.batch.specification_version
    specification = version.document if version else None
    results: dict[str, list[TestResult]] = {}
    for result in recorded:
        results.setdefault(result.test, []).append(result)
    tests = specification.tests if specification else ()
    restated = restated_tests(facts)
    outcomes = {test.key: _outcome(facts, test, current(results.get(test.key, [])), restated) for test in tests}
    evaluation = evaluate(specification, outcomes, _circumstances(facts, now))
    return Assessment(facts, specification, results, outcomes, evaluation)


def current(attempts: Iterable[TestResult]) -> TestResult | None:
    """The result that counts: the newest that neither an investigation has invalidated nor a newer one corrected."""
    valid = [row for row in attempts if not hasattr(row, "investigation") and not hasattr(row, "corrected_by")]
    return valid[-1] if valid else None


def full_batch_document(number: str) -> Json:
    """Everything about a batch, its tests included."""
    return document_with_tests(assess(find_batch(number)))


def document_with_tests(assessment: Assessment) -> Json:
    document = {**document_of(assessment.facts), "tests": tests_of(assessment)}
    undone = _undone_reviews(assessment)
    for row in document["signatures"]:
        row["holds"] = row["holds"] and row["id"] not in undone
    return document


def _undone_reviews(assessment: Assessment) -> set[int]:
    """The signatures under results that an investigation has invalidated since."""
    attempts = [result for rows in assessment.results.values() for result in rows]
    return {r.review.signature_id for r in attempts if hasattr(r, "review") and hasattr(r, "investigation")}


def tests_of(assessment: Assessment) -> list[Json]:
    tests = assessment.specification.tests if assessment.specification else ()
    return [_test(assessment, test) for test in tests]


def gate_of(assessment: Assessment) -> Json:
    """The gate in JSON: whether a release is possible, everything that stands against it, and every test."""
    number = assessment.facts.batch.number
    return {
        "number": number,
        "decision_possible": assessment.evaluation.decision_possible,
        "blockers": blockers_of(assessment),
        "tests": tests_of(assessment),
    }


def blockers_of(assessment: Assessment) -> list[Json]:
    number = assessment.facts.batch.number
    return [
        {**{key: text for key, text in asdict(blocker).items() if text}, "link": _link(number, blocker.code)}
        for blocker in assessment.evaluation.blockers
    ]


def _link(number: str, code: str) -> str:
    if code == "audit_trail_not_reviewed":
        return f"/batches/{number}/history/"
    return f"/batches/{number}/tests/" if code.startswith("test_") else f"/batches/{number}/"


def _results() -> QuerySet[TestResult]:
    return TestResult.objects.select_related(
        *("specification_version", "recorded_by", "equipment", "review__signature", "investigation__signature"),
        *("corrected_by__recorded_by", "corrects__recorded_by"),
    )


def _circumstances(facts: BatchFacts, now: datetime) -> Circumstances:
    expires_at = facts.batch.expires_at
    return Circumstances(
        status=BatchStatus(facts.batch.status),
        open_deviations=[f"{d.current_class.capitalize()}: {d.text}" for d in facts.deviations if d.is_open],
        affected_by=[d.text for d in facts.deviations if d.conclusion == Conclusion.AFFECTED],
        not_computed=_not_computed(facts),
        expires=expires_at is not None,
        expired=expires_at is not None and expires_at <= now,
        trail_reviewed=trail_of(facts.batch.number).reviewed,
    )


def _not_computed(facts: BatchFacts) -> list[str]:
    """Every result that the protocol defines and that has no value: absence never passes."""
    absent = []
    for definition in facts.protocol.results:
        result = facts.results.get(definition.key)
        if result is None or result.value is None:
            why = f": {result.error}" if result and result.error else "."
            absent.append(f"{definition.title} could not be computed{why}")
    return absent


def _stricter(original: Outcome, test: SpecificationTest, restated: Json | None) -> Outcome:
    """Of the first verdict and the one restated, that which stands against release: a new calibration rescues none."""
    if restated is None or original.verdict is not Verdict.PASS or restated["verdict"] == Verdict.PASS:
        return original
    return Outcome(Verdict(restated["verdict"]), f"{shown(test, restated['value'])}, restated", original.reviewed)


def _outcome(
    facts: BatchFacts, test: SpecificationTest, result: TestResult | None, restated: Mapping[str, Json]
) -> Outcome:
    if test.from_result:
        # Read from the record, never typed: it is reviewed with the record.
        value, known = record_value(facts, test), facts.results.get(test.from_result)
        outcome = Outcome(
            test.verdict_of_record(value, known.flags if known else ()), shown(test, value), reviewed=True
        )
        return _stricter(outcome, test, restated.get(test.key))
    if result is None:
        return Outcome(Verdict.MISSING)
    outcome = Outcome(Verdict(result.verdict), shown(test, result.value, result.u), hasattr(result, "review"))
    found = restated.get(test.key)
    return _stricter(outcome, test, found if found and found.get("result_id") == result.pk else None)


def shown(test: SpecificationTest, value: str | None, u: str | None = None) -> str:
    """A value as people read it: computed ones rounded with their uncertainty, typed ones as they were typed."""
    if value is None:
        return ""
    if test.criterion.accept:
        return value
    converted = test.from_result is not None and len(value) > LONGEST_TYPED
    computed = test.formula or converted or (test.from_result and "." not in test.from_result)
    if computed:
        return display(value, u, test.unit or "")
    return display_recorded(value, None if test.unit == "pH" else test.unit)


def _test(assessment: Assessment, test: SpecificationTest) -> Json:
    attempts = assessment.results.get(test.key, [])
    result = current(attempts)
    outcome = assessment.outcomes[test.key]
    criterion = test.criterion
    value = result.value if result else record_value(assessment.facts, test)
    return {
        "key": test.key,
        "title": test.title,
        "unit": test.unit or "",
        "type": test.type,
        "criterion": {"min": criterion.min, "max": criterion.max, "accept": list(criterion.accept)},
        "required_before": test.required_before,
        "from_result": test.from_result,
        "formula": test.formula,
        "conditional_release_forbidden": test.conditional_release_forbidden,
        "verdict": outcome.verdict,
        "value": value,
        "display": outcome.shown,
        **_recorded(result),
        "before_product": _before_product(assessment.facts, result),
        "corrected": [_corrected(test, row) for row in attempts if hasattr(row, "corrected_by")],
        "invalidated": [_invalidated(test, earlier) for earlier in attempts if hasattr(earlier, "investigation")],
    }


def _recorded(result: TestResult | None) -> Json:
    if result is None:
        return dict.fromkeys(
            (
                *("result_id", "typed", "inputs", "worked", "recorded_by", "recorded_at", "at", "equipment"),
                *("reviewed_by", "reviewed_at", "review", "reason"),
            )
        )
    signature = result.review.signature if hasattr(result, "review") else None
    return {
        "result_id": result.pk,
        "typed": result.typed,
        "inputs": result.inputs,
        "worked": result.worked,
        "recorded_by": person(result.recorded_by),
        "recorded_at": result.recorded_at.isoformat(),
        "at": result.measured_at.isoformat(),
        "equipment": result.equipment.code if result.equipment else None,
        "reason": result.reason,
        "reviewed_by": {"username": signature.username, "full_name": signature.full_name} if signature else None,
        "reviewed_at": signature.at.isoformat() if signature else None,
        "review": signature_or_none(signature),
    }


def product_measured(facts: BatchFacts) -> Json | None:
    """The entry from which the expiry counts (`expires.from`), its instant None before it is recorded.

    From then on the product is there. None where the protocol names no such entry.
    """
    if facts.protocol.expires is None:
        return None
    reference = facts.protocol.expires.from_
    entry = facts.current.get(reference)
    label = facts.protocol.field(*reference.split(".")).label
    return {"label": label, "at": entry.measured_at.isoformat() if entry else None}


def _before_product(facts: BatchFacts, result: TestResult | None) -> Json | None:
    """Of a test that was made before the product was measured: that later entry; else None."""
    product = product_measured(facts) if result else None
    if result is None or product is None:
        return None
    early = product["at"] is None or result.measured_at < datetime.fromisoformat(product["at"])
    return product if early else None


def _corrected(test: SpecificationTest, result: TestResult) -> Json:
    """A result that was mistyped, with why the one in its place was recorded."""
    return {
        **_recorded(result),
        "display": shown(test, result.value, result.u),
        "value": result.value,
        "verdict": result.verdict,
        "why": result.corrected_by.reason,
        "corrected_by": person(result.corrected_by.recorded_by),
        "corrected_at": result.corrected_by.recorded_at.isoformat(),
    }


def _invalidated(test: SpecificationTest, result: TestResult) -> Json:
    signature = result.investigation.signature
    return {
        **_recorded(result),
        "value": result.value,
        "display": shown(test, result.value, result.u),
        "verdict": result.verdict,
        "cause": result.investigation.cause,
        "invalidated_by": {"username": signature.username, "full_name": signature.full_name},
        "invalidated_at": signature.at.isoformat(),
        "invalidation": signature_row(signature),
    }
