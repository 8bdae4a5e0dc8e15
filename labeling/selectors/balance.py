"""The activity balance of a batch as JSON, with its drawing: one shape for REST, the page and the printed record."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from labeling.domain.balance import Balance, Line, Part, balance_of
from labeling.domain.container_plan import ContainerPlan, plan_of
from labeling.domain.display import display
from labeling.domain.entries import Entries
from labeling.domain.measurements import Quantity
from labeling.domain.protocol import Protocol
from labeling.domain.sankey import Band, sankey
from labeling.domain.uncertainty import Number, nominal, standard_uncertainty
from labeling.selectors.evaluation import EvaluationInputs, evaluation_inputs
from labeling.selectors.facts import BatchFacts
from labeling.selectors.ledgers import MBQ

Json = dict[str, Any]
DIGITS = 4


def quantities_of(plan: ContainerPlan, protocol: Protocol, inputs: EvaluationInputs) -> dict[str, Quantity]:
    """The entries that the plan speaks of, with the causes of uncertainty that they share."""
    entries = Entries(protocol, inputs.recorded, inputs.instruments)
    wanted = {name for flow in plan.flows for name in (flow.reference, flow.volume) if name}
    items = {name: entries.item(name) for name in wanted if not entries.is_absent(name)}
    return {name: item for name, item in items.items() if isinstance(item, Quantity)}


def balance_of_batch(facts: BatchFacts) -> Balance | None:
    plan = plan_of(facts.protocol)
    if plan is None or not facts.batch.protocol_version.constants:
        return None
    inputs = evaluation_inputs(facts)
    return balance_of(plan, quantities_of(plan, facts.protocol, inputs), inputs.nuclide.half_life)


def balance_document(facts: BatchFacts) -> Json | None:
    """None where the protocol moves no activity or the product is not read yet."""
    balance = balance_of_batch(facts)
    if balance is None:
        return None
    incoming, found = _named(facts, balance.brought_in), list(balance.found)
    if not balance.states_u:
        incoming, found = [_without_u(line) for line in incoming], [_without_u(line) for line in found]
    closure = closure_percent(balance)
    whole = sum(nominal(line.activity) for line in incoming) / MBQ
    return {
        "at": balance.at.isoformat(),
        "brought_in": [_line(line, whole) for line in incoming],
        "found": [_line(line, whole) for line in found],
        "closure": {**_number(closure), "unit": "%", "display": _shown(closure, "%", 100)},
        "limits": {"min": balance.limits.min, "max": balance.limits.max} if balance.limits else None,
        "limits_from": balance.limits_from,
        "verdict": balance.verdict.value if balance.verdict else None,
        "unmeasured": list(balance.unmeasured),
        "drawing": drawing(incoming, found),
    }


def closure_percent(balance: Balance) -> Number:
    """The closure in %, with its uncertainty where every reading states its own."""
    return balance.closure * 100 if balance.states_u else nominal(balance.closure) * 100


def _without_u(line: Line) -> Line:
    return replace(line, activity=nominal(line.activity), share=nominal(line.share))


def drawing(incoming: list[Line], found: list[Line]) -> str:
    whole = sum(nominal(line.activity) for line in incoming) / MBQ
    sides = [[_band(line, whole) for line in side] for side in (incoming, found)]
    return sankey(*sides, title="Where the activity went")


def _named(facts: BatchFacts, lines: Iterable[Line]) -> list[Line]:
    """What was brought in bears the number of the lot or batch it came from."""
    plan = plan_of(facts.protocol)
    sources: Mapping[str, str] = plan.lots if plan else {}
    named = []
    for line in lines:
        entry = facts.current.get(sources.get(line.name, ""))
        material = facts.protocol.material(line.name)
        name = entry.value if entry else material.name if material else line.name
        named.append(replace(line, name=name))
    return named


def _line(line: Line, whole: float) -> Json:
    share = line.share * 100
    return {
        "part": line.part.value,
        "name": line.name,
        "key": line.key,
        "activity": {
            **_number(line.activity / MBQ),
            "unit": "MBq",
            "display": _shown(line.activity / MBQ, "MBq", whole),
        },
        "share": {**_number(share), "unit": "%", "display": _shown(share, "%", 100)},
        "at": line.at.isoformat() if line.at else None,
    }


def _band(line: Line, whole: float) -> Band:
    amount, share = _shown(line.activity / MBQ, "MBq", whole), _shown(line.share * 100, "%", 100)
    words = amount if line.part is Part.BROUGHT_IN else f"{amount}, {share}"
    return Band(line.part.value, nominal(line.share), line.name, words)


def _number(number: Number) -> Json:
    u = standard_uncertainty(number)
    return {"value": repr(nominal(number)), "u": repr(u) if u else None}


def _shown(number: Number, unit: str, whole: float) -> str:
    """With its uncertainty; without one all shares of a whole have the decimals that four digits of the whole have."""
    value, u = nominal(number), standard_uncertainty(number)
    if u:
        return display(repr(value), repr(u), unit)
    decimals = max(DIGITS - len(str(int(whole))), 0)
    least = 10.0**-decimals
    text = f"< {least:.{decimals}f}" if 0 < value < least / 2 else f"{value:.{decimals}f}"
    return f"{text} {unit}"
