"""The activity balance of a batch: what came in, where it is found again, what decayed, what nobody accounts for.

Everything is brought to one time, that of the product's reading, with decay as a flow of its own, so that what comes
in is what goes out. Readings of one instrument share its calibration factor, which cancels in every share.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from labeling.domain.container_plan import WASTE_KINDS, ContainerPlan, Flow
from labeling.domain.containers import Change, Content, Event, Ledger, ledger
from labeling.domain.criteria import Criterion, Verdict, judge_computed
from labeling.domain.measurements import Quantity, Reading
from labeling.domain.uncertainty import Number, nominal


class Part(StrEnum):
    BROUGHT_IN = "in"
    PRODUCT = "product"
    WASTE = "waste"
    RESIDUE = "residue"
    SAMPLE = "sample"
    DECAY = "decay"
    UNACCOUNTED = "unaccounted"
    SURPLUS = "surplus"  # more was found than was brought in


@dataclass(frozen=True, slots=True)
class Movement:
    """One thing that happened to the containers of a batch: a reading of `target`, or what went from one to another."""

    flow: Flow
    at: datetime
    activity: Number | None
    volume: Number | None


@dataclass(frozen=True, slots=True)
class Line:
    """One share of the balance. `activity` is in Bq at the time of the balance, what was brought in at its own."""

    part: Part
    name: str
    activity: Number
    share: Number  # of all that was brought in, 1 for everything
    key: str = ""
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Balance:
    """`closure` is what was found, residues aside, over what was brought in less the residues: 1 where all is found."""

    at: datetime
    brought_in: tuple[Line, ...]
    found: tuple[Line, ...]
    closure: Number
    limits: Criterion | None
    limits_from: str
    states_u: bool  # whether every reading states its uncertainty; else none is shown, since it would mislead
    unmeasured: tuple[str, ...]  # containers that nobody read: what is in them is in what is unaccounted for

    @property
    def verdict(self) -> Verdict | None:
        """None where the protocol says no limits: then nothing is judged."""
        if self.limits is None:
            return None
        return judge_computed(self.limits, repr(nominal(self.closure) * 100))


def movements(plan: ContainerPlan, recorded: Mapping[str, Quantity], half_life: Number) -> tuple[Movement, ...]:
    """What the entries say, in the order of their instants. What left with a residue is what was there before."""
    told = [(flow, recorded[flow.reference]) for flow in plan.flows if flow.reference in recorded]
    timed = [(flow, item) for flow, item in told if isinstance(item, Reading)]
    events: dict[str, list[Event]] = {vessel.key: [] for vessel in plan.vessels}
    happened = []
    for flow, item in sorted(timed, key=lambda pair: pair[1].at):
        activity, volume = _amounts(flow, item, recorded)
        if flow.is_reading:
            events[flow.target].append(Event(item.at, Change.READ, activity, volume, flow.reference))
        elif flow.source in events:
            change = Change.LEFT if flow.residue else Change.TAKEN
            events[flow.source].append(Event(item.at, change, activity, volume, flow.reference))
            moved = ledger(_empty(plan, flow.source, item.at), events[flow.source], half_life).entries[-1].moved
            activity, volume = moved.activity, moved.volume
        if not flow.is_reading:
            events[flow.target].append(Event(item.at, Change.ADDED, activity, volume, flow.reference))
        happened.append(Movement(flow, item.at, activity, volume))
    return tuple(happened)


def ledgers(
    plan: ContainerPlan, happened: tuple[Movement, ...], recorded: Mapping[str, Quantity], half_life: Number
) -> dict[str, Ledger]:
    """The ledger of each container of the batch."""
    found = {}
    for vessel in plan.vessels:
        events = [event for movement in happened for event in _events(vessel.key, movement, recorded)]
        opened = min((event.at for event in events), default=None)
        if opened is not None:
            found[vessel.key] = ledger(_empty(plan, vessel.key, opened), events, half_life)
    return found


def balance_of(plan: ContainerPlan, recorded: Mapping[str, Quantity], half_life: Number) -> Balance | None:
    """The balance, once something was brought in and the product is read; None before."""
    happened = movements(plan, recorded, half_life)
    contents = ledgers(plan, happened, recorded, half_life)
    brought = [m for m in happened if not m.flow.is_reading and plan.is_material(m.flow.source) and m.activity]
    measured = {key: known for key, known in contents.items() if _is_measured(key, known, happened)}
    product = measured.get(plan.product)
    if not brought or product is None:
        return None
    at = _read_at(product)
    total = _total(m.activity for m in brought)
    there = _total(Content(m.at, m.activity).later(at, half_life).activity for m in brought)
    held = {key: known.end.later(at, half_life).activity or 0.0 for key, known in measured.items()}
    found = [Line(_part(plan, key), plan.vessel(key).name, amount, amount / total, key) for key, amount in held.items()]
    found.sort(key=lambda line: list(Part).index(line.part))
    residues = _total(line.activity for line in found if line.part is Part.RESIDUE)
    missing = there - _total(held.values())
    closes = (_total(held.values()) - residues) / (there - residues) if nominal(there - residues) > 0 else 0.0
    incoming = [
        Line(Part.BROUGHT_IN, m.flow.source or "", m.activity or 0.0, (m.activity or 0.0) / total, at=m.at)
        for m in brought
    ]
    found.append(Line(Part.DECAY, "Decayed meanwhile", total - there, (total - there) / total))
    unmeasured = tuple(v.name for v in plan.vessels if v.key in contents and v.key not in measured)
    stated = not any(item.unstated for item in recorded.values() if item.unit.dimension.power_of("activity"))
    if nominal(missing) >= 0:
        name = f"{', '.join(unmeasured)}: not measured" if unmeasured else "Not accounted for"
        found.append(Line(Part.UNACCOUNTED, name, missing, missing / total))
    else:
        incoming.append(Line(Part.SURPLUS, "Found beyond what came in", -missing, -missing / total))
    return Balance(at, tuple(incoming), tuple(found), closes, plan.limits, plan.limits_from, stated, unmeasured)


def _amounts(flow: Flow, item: Quantity, recorded: Mapping[str, Quantity]) -> tuple[Number | None, Number | None]:
    if item.unit.dimension.power_of("activity"):
        beside = recorded.get(flow.volume or "")
        return item.amount, beside.amount if beside else None
    return None, item.amount


def _events(key: str, movement: Movement, recorded: Mapping[str, Quantity]) -> list[Event]:
    flow, at, name = movement.flow, movement.at, movement.flow.reference
    if flow.is_reading:
        return [Event(at, Change.READ, movement.activity, movement.volume, name)] if flow.target == key else []
    if flow.target == key:
        return [Event(at, Change.ADDED, movement.activity, movement.volume, name)]
    if flow.source != key:
        return []
    if flow.residue:
        activity, volume = _amounts(flow, recorded[name], recorded)
        return [Event(at, Change.LEFT, activity, volume, name)]
    return [Event(at, Change.TAKEN, movement.activity, movement.volume, name)]


def _empty(plan: ContainerPlan, key: str, at: datetime) -> Content:
    """A container is opened empty; the volume of a suspension is that of its cells, which nobody has stated."""
    return Content(at, 0.0, None if plan.vessel(key).kind == "suspension" else 0.0)


def _is_measured(key: str, known: Ledger, happened: tuple[Movement, ...]) -> bool:
    """Whether the content stands on a reading of it, or on what was measured on its way in, and not on a difference."""
    changes = [
        e.event.change for e in known.entries if e.event.change is not Change.READ or e.event.activity is not None
    ]
    if not changes:
        return False
    by_difference = any(m.flow.target == key and m.flow.residue for m in happened)
    return changes[-1] in (Change.READ, Change.LEFT) or (set(changes) == {Change.ADDED} and not by_difference)


def _read_at(product: Ledger) -> datetime:
    return next(e.event.at for e in reversed(product.entries) if e.event.activity is not None)


def _part(plan: ContainerPlan, key: str) -> Part:
    vessel = plan.vessel(key)
    if vessel.product:
        return Part.PRODUCT
    if vessel.kind in WASTE_KINDS:
        return Part.WASTE
    return Part.SAMPLE if vessel.kind == "sample" else Part.RESIDUE


def _total(amounts: Iterable[Number | None]) -> Number:
    total: Number = 0.0
    for amount in amounts:
        total = total if amount is None else total + amount
    return total
