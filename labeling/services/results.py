"""Compute what the protocol defines from what was recorded, and keep each value that has become another."""

from __future__ import annotations

from labeling.domain.display import display, display_unit
from labeling.domain.evaluation import ComputedResult, evaluate, expiry
from labeling.domain.result_definitions import ResultDefinition
from labeling.models import Batch, Deviation, Result
from labeling.selectors.evaluation import evaluation_inputs
from labeling.selectors.facts import facts_of
from labeling.services.deviations import open_deviation
from lims.audit.models import Operation


def recompute(op: Operation, batch: Batch) -> None:
    """Bring the results and the expiry of a batch up to its entries, inside the operation that changed them.

    A result is a new row where it has moved; the rows before it stay. A result beyond its action limit opens a
    deviation when it first gets there.
    """
    facts = facts_of(batch)
    inputs = evaluation_inputs(facts)
    computed = evaluate(facts.protocol, inputs.recorded, nuclide=inputs.nuclide, instruments=inputs.instruments)
    known = facts.results
    moved = [result for result in computed if not result.missing and _differs(result, known.get(result.key))]
    Result.objects.bulk_create([_row(op, batch, result) for result in moved])
    for result in moved:
        before = known.get(result.key)
        if result.limit_state == "action" and (before is None or before.limit_state != "action"):
            text = _limit_sentence(facts.protocol.result(result.key), result)
            open_deviation(op, batch, kind=Deviation.Kind.ACTION_LIMIT, result_key=result.key, text=text)
        if result.error and (before is None or not before.error):
            text = f"{result.title} could not be computed: {result.error}"
            open_deviation(op, batch, kind=Deviation.Kind.NOT_COMPUTED, result_key=result.key, text=text)
    expires_at = expiry(facts.protocol, inputs.recorded)
    if expires_at != batch.expires_at:
        batch.expires_at = expires_at
        batch.save(update_fields=["expires_at"])


def _differs(result: ComputedResult, known: Result | None) -> bool:
    if known is None:
        return True
    return (result.value, result.u, result.worked, result.error or "") != (
        known.value,
        known.u,
        known.worked,
        known.error,
    )


def _row(op: Operation, batch: Batch, result: ComputedResult) -> Result:
    return Result(
        batch=batch,
        key=result.key,
        value=result.value,
        u=result.u,
        unit=result.unit,
        at=result.at,
        formula=result.formula,
        version=result.version,
        worked=result.worked,
        constants=dict(result.constants),
        flags=list(result.flags),
        error=result.error or "",
        limit_state=result.limit_state,
        operation=op,
    )


def _limit_sentence(definition: ResultDefinition | None, result: ComputedResult) -> str:
    limit = definition.action_limit if definition else None
    written = " to ".join(text for text in (limit.min, limit.max) if text is not None) if limit else ""
    bound = "" if not limit or (limit.min and limit.max) else "at least " if limit.min else "at most "
    return (
        f"{result.title}: {display(result.value, result.u, result.unit)} lies beyond its action limit, "
        f"{bound}{written} {display_unit(result.unit)}".rstrip()
        + "."
    )
