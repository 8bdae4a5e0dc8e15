"""A batch as it would come out with its readings restated, beside what was recorded of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.db.models import F, QuerySet

from labeling.domain.criteria import judge
from labeling.domain.display import display, display_recorded
from labeling.domain.evaluation import ComputedResult, evaluate
from labeling.domain.specification import SpecificationTest
from labeling.domain.units import convert
from labeling.models import Batch, Entry, Reevaluation, Restatement
from labeling.selectors.evaluation import evaluation_inputs, value_of
from labeling.selectors.facts import BatchFacts, facts_of
from labeling.selectors.restated_readings import factor_for, scaled, typed_results_of
from lims.signatures.manifestation import signature_row

Json = dict[str, Any]
BOUNDS = ("<", ">")
NOISE = Decimal("1e-12")  # of binary arithmetic; what moves by less has not moved
WITHOUT_VALUE = "waiting"


@dataclass(frozen=True, slots=True)
class Reevaluated:
    """Results and tests with `before` and `after`; `moved` names what comes out otherwise."""

    facts: BatchFacts
    results: list[Json]
    tests: list[Json]

    @property
    def moved(self) -> list[str]:
        return [row["title"] for row in self.results if row["moved"]]

    @property
    def verdicts_moved(self) -> list[Json]:
        return [row for row in (*self.results, *self.tests) if row["verdict_moved"]]


def affected_entries(restatement: Restatement) -> QuerySet[Entry]:
    """The values that count today and were read on that instrument in that period."""
    entries = Entry.objects.filter(
        equipment=restatement.equipment,
        measured_at__gte=restatement.since,
        measured_at__lt=restatement.until,
        corrected_by=None,
    ).exclude(unit="")
    if restatement.nuclide:
        entries = entries.filter(batch__protocol_version__nuclide=restatement.nuclide)
    return entries


def reevaluated(batch: Batch, restatement: Restatement) -> Reevaluated:
    """What the batch comes out as with the restatement, signed or only proposed; nothing is written."""
    facts = facts_of(batch)
    inputs = evaluation_inputs(facts, proposed=restatement)
    after = evaluate(facts.protocol, inputs.recorded, nuclide=inputs.nuclide, instruments=inputs.instruments)
    computed = {result.key: result for result in after}
    specification = batch.specification_version.document if batch.specification_version else None
    tests = specification.tests if specification else ()
    typed = typed_results_of(batch, restatement)
    return Reevaluated(
        facts,
        [_result(facts, result) for result in after],
        [
            *(_test(facts, test, computed, restatement) for test in tests if test.from_result),
            *(_typed(test, typed[test.key], restatement) for test in tests if test.key in typed),
        ],
    )


def record_value(facts: BatchFacts, test: SpecificationTest, *, proposed: Restatement | None = None) -> str | None:
    """The value of a `from_result` test: a result of the protocol, or an entry brought to the test's unit."""
    if test.from_result is None:
        return None
    known = facts.results.get(test.from_result)
    if known is not None:
        return known.value
    entry = facts.current.get(test.from_result)
    if entry is None:
        return None
    value = value_of(facts, entry, proposed=proposed)
    if test.unit and entry.unit and entry.unit != test.unit:
        return str(convert(Decimal(value), entry.unit, test.unit))
    return value


def restated_tests(facts: BatchFacts) -> Mapping[str, Json]:
    """By test, what the newest re-evaluation beside the record found: value and verdict; of a typed one its result."""
    found: dict[str, Json] = {}
    for reevaluation in Reevaluation.objects.filter(batch=facts.batch).order_by("id"):
        for row in reevaluation.tests:
            if "result_id" in row:  # typed: it is restated in a batch in progress too, where nothing computes it anew
                found[row["key"]] = {**row["after"], "result_id": row["result_id"]}
            elif not reevaluation.recomputed:
                found[row["key"]] = row["after"]
    return found


def restatements_of(batch: Batch) -> list[Json]:
    """Every restatement of a batch, oldest first, as REST, the pages and the printed record show it."""
    rows = Reevaluation.objects.filter(batch=batch).select_related("restatement__equipment", "restatement__signature")
    return [reevaluation_row(row) for row in rows.order_by("id")]


def reevaluation_row(row: Reevaluation) -> Json:
    return {
        **restatement_row(row.restatement),
        "recomputed": row.recomputed,
        "verdict_moved": row.verdict_moved,
        "results": row.results,
        "tests": row.tests,
    }


def restatement_row(restatement: Restatement) -> Json:
    signature = restatement.signature
    return {
        "id": restatement.pk,
        **terms_of(restatement),
        "at": signature.at.isoformat(),
        "by": {"username": signature.username, "full_name": signature.full_name},
        "reason": signature.reason,
        "signature": signature_row(signature),
    }


def terms_of(restatement: Restatement) -> Json:
    """What is proposed, as it is shown and signed."""
    return {
        "equipment": restatement.equipment.code,
        "nuclide": restatement.nuclide or None,
        "since": restatement.since.isoformat(),
        "until": restatement.until.isoformat(),
        "factor": restatement.factor,
        "relative_u_percent": restatement.relative_u_percent or None,
        "setting_used": restatement.setting_used or None,
        "setting_correct": restatement.setting_correct or None,
        "certificate": restatement.certificate,
    }


def pending_batches(restatement: Restatement) -> list[str]:
    """Those that are not re-evaluated yet, in the order of their numbers."""
    done = set(restatement.reevaluations.annotate(number=F("batch__number")).values_list("number", flat=True))
    return [number for number in restatement.batches if number not in done]


def _result(facts: BatchFacts, after: ComputedResult) -> Json:
    before, definition = facts.results.get(after.key), facts.protocol.result(after.key)
    limit = definition.action_limit if definition else None
    old = _side(before.value, before.u, before.unit, before.limit_state) if before else _side(None, None, "", "waiting")
    new = _side(after.value, after.u, after.unit, after.limit_state)
    return {
        "key": after.key,
        "title": after.title,
        "unit": after.unit,
        "limit": {"min": limit.min, "max": limit.max} if limit else None,
        "before": old,
        "after": {**new, "worked": after.worked},
        "moved": _moved(old["value"], new["value"]),
        "verdict_moved": old["verdict"] != new["verdict"],
    }


def _side(value: str | None, u: str | None, unit: str, state: str) -> Json:
    state = state if value is not None else WITHOUT_VALUE
    return {"value": value, "u": u, "display": display(value, u, unit) if value is not None else "", "verdict": state}


def _test(
    facts: BatchFacts, test: SpecificationTest, computed: Mapping[str, ComputedResult], restatement: Restatement
) -> Json:
    old, new = facts.results.get(test.from_result or ""), computed.get(test.from_result or "")
    before, after = record_value(facts, test), record_value(facts, test, proposed=restatement)
    if new is not None:
        after = new.value
    sides = [
        {
            "value": value,
            "display": display(value, None, test.unit or "")
            if value is not None and not test.criterion.accept
            else value or "",
            "verdict": test.verdict_of_record(value, known.flags if known else ()),
        }
        for value, known in ((before, old), (after, new))
    ]
    return {
        "key": test.key,
        "title": test.title,
        "unit": test.unit or "",
        "limit": {"min": test.criterion.min, "max": test.criterion.max, "accept": list(test.criterion.accept)},
        "before": sides[0],
        "after": sides[1],
        "moved": _moved(before, after),
        "verdict_moved": sides[0]["verdict"] != sides[1]["verdict"],
    }


def _typed(test: SpecificationTest, result: Any, restatement: Restatement) -> Json:
    """A result that a person typed, multiplied as an entry is, and judged against the same limits."""
    factor = factor_for(restatement)
    value, verdict = result.value, result.verdict
    after = value if factor == 1 else scaled(value, factor)
    judged = verdict if factor == 1 else judge(test.criterion, after)
    is_bound = after.startswith(BOUNDS)
    shown = [
        display_recorded(value, test.unit),
        display_recorded(after, test.unit) if is_bound else display(after, None, test.unit or ""),
    ]
    return {
        "key": test.key,
        "title": test.title,
        "unit": test.unit or "",
        "result_id": result.pk,
        "limit": {"min": test.criterion.min, "max": test.criterion.max, "accept": list(test.criterion.accept)},
        "before": {"value": value, "display": shown[0], "verdict": verdict},
        "after": {
            "value": after,
            "display": shown[0] if factor == 1 else shown[1],
            "verdict": judged,
            "worked": f"{value} × {factor:f}",
        },
        "moved": _moved(value, after),
        "verdict_moved": verdict != judged,
    }


def _moved(before: str | None, after: str | None) -> bool:
    if before is None or after is None or before == after:
        return before != after
    try:
        old, new = Decimal(before), Decimal(after)
    except ArithmeticError:
        return True
    return abs(new - old) > NOISE * max(abs(old), abs(new))


def names(rows: Iterable[Json]) -> str:
    return ", ".join(dict.fromkeys(str(row["title"]) for row in rows))
