"""The containers of a batch: opened when it is started, and settled with every entry that is recorded of them.

Like a result, an event of a batch follows from the entries: it is a new row where it has become another, and the row
before it stays.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from labeling.domain.balance import Movement, movements
from labeling.domain.container_plan import ContainerPlan, plan_of
from labeling.domain.containers import Content, Ledger
from labeling.domain.measurements import Quantity
from labeling.domain.uncertainty import nominal, standard_uncertainty
from labeling.models import Batch, Container, ContainerEvent, Entry
from labeling.selectors.balance import quantities_of
from labeling.selectors.evaluation import evaluation_inputs, nuclide_of
from labeling.selectors.facts import facts_of
from labeling.services.codes import refuse_any_known
from labeling.services.container_events import (
    add_event,
    columns_of,
    lock_container,
    overdraft,
    refresh,
    refuse_unless_in_use,
)
from labeling.services.lot_containers import open_lot_container
from lims.audit.models import Operation

Kind = ContainerEvent.Kind


def open_batch_containers(op: Operation, batch: Batch) -> None:
    """The containers that the protocol brings into being; none where it moves no activity."""
    plan = plan_of(batch.protocol_version.document)
    if plan is None:
        return
    nuclide = nuclide_of(batch.protocol_version)
    refuse_any_known([f"{batch.number}-{vessel.key}" for vessel in plan.vessels])
    Container.objects.bulk_create(
        Container(
            code=f"{batch.number}-{vessel.key}",
            kind=vessel.kind,
            name=vessel.name,
            batch=batch,
            key=vessel.key,
            product=vessel.product,
            nuclide=nuclide.code,
            half_life=nominal(nuclide.half_life),
            half_life_u=standard_uncertainty(nuclide.half_life) or None,
            opened_by=op.actor,
        )
        for vessel in plan.vessels
    )


def settle_containers(op: Operation, batch: Batch, entry: Entry) -> None:
    """Bring the containers up to the entries, after `entry` was added. Raises Conflict (`overdrawn`) where it takes
    more from a lot or another batch than is there; a value outside its range is kept, with its deviation."""
    plan = plan_of(batch.protocol_version.document)
    if plan is None or entry.reference not in plan.references:
        return
    facts = facts_of(batch)
    recorded = quantities_of(plan, facts.protocol, evaluation_inputs(facts))
    containers = _containers(op, batch)
    newest = ContainerEvent.objects.filter(batch=batch, corrected_by=None).select_related("source")
    known = {event.reference: event for event in newest}
    settling = _Settling(op, batch, plan, facts.current, recorded, containers, known)
    for movement in movements(plan, recorded, nuclide_of(batch.protocol_version).half_life):
        settling.settle(movement)
    for row in settling.changed.values():
        book = refresh(row)
        if row.batch_id != batch.pk and not entry.out_of_range:
            _refuse_overdraft(row, book)


@dataclass(frozen=True, slots=True)
class _Settling:
    op: Operation
    batch: Batch
    plan: ContainerPlan
    entries: Mapping[str, Entry]
    recorded: Mapping[str, Quantity]
    containers: Mapping[str, Container]
    known: Mapping[str, ContainerEvent]
    drawn_on: dict[int, Container] = field(default_factory=dict)  # outside the batch, locked
    changed: dict[int, Container] = field(default_factory=dict)

    def settle(self, movement: Movement) -> None:
        flow, before = movement.flow, self.known.get(movement.flow.reference)
        columns = self._columns(movement)
        if before is not None and all(getattr(before, name) == value for name, value in columns.items()):
            return
        entry, source = self.entries[flow.reference], columns["source"]
        earlier = before.source if before else None
        if source is not None and source != earlier:
            refuse_unless_in_use(source)
        if earlier is not None and earlier.batch_id != self.batch.pk:
            earlier = self._locked(earlier)  # what was drawn from it by mistake is there again
        self.changed.update({row.pk: row for row in (earlier, source, columns["target"]) if row is not None})
        add_event(
            self.op,
            batch=self.batch,
            reference=flow.reference,
            measured_at=columns.pop("measured_at"),
            equipment=entry.equipment,
            typed=f"{entry.typed} {entry.unit}"[:80],
            corrects=before,
            reason=entry.reason,
            **columns,
        )

    def _columns(self, movement: Movement) -> dict[str, Any]:
        flow = movement.flow
        entry = self.entries[flow.reference]
        rest = columns_of(Content(movement.at, self.recorded[flow.reference].amount)) if flow.residue else {}
        kind = Kind.READING if flow.is_reading else Kind.RESIDUE if flow.residue else Kind.TRANSFER
        return {
            "kind": kind,
            "source": self._source(flow.source),
            "target": self.containers[flow.target],
            "measured_at": movement.at,
            "entry": entry,
            "rest": rest.get("activity"),
            "rest_u": rest.get("u"),
            **columns_of(Content(movement.at, movement.activity, movement.volume)),
            **({} if self.states_u else {"u": None, "rest_u": None}),
        }

    @property
    def states_u(self) -> bool:
        """Whether every reading states its uncertainty; what a part of them states would be too small."""
        return not any(item.unstated for item in self.recorded.values() if item.unit.dimension.power_of("activity"))

    def _source(self, name: str | None) -> Container | None:
        """A container of the batch, or that of the lot or batch which the entry beside it names, once it does."""
        if name is None or name in self.containers:
            return self.containers.get(name or "")
        entry = self.entries.get(self.plan.lots.get(name, ""))
        found = None
        if entry is not None and entry.lot is not None:
            found = open_lot_container(self.op, entry.lot, self.containers[self.plan.product].nuclide)
        elif entry is not None and entry.source_batch is not None:
            found = Container.objects.filter(batch=entry.source_batch, product=True).first()
        if found is None:
            return None
        return self._locked(found)

    def _locked(self, container: Container) -> Container:
        if container.pk not in self.drawn_on:
            self.drawn_on[container.pk] = lock_container(container.pk)
        return self.drawn_on[container.pk]


def _refuse_overdraft(row: Container, book: Ledger) -> None:
    """Lines that stand on a value outside its range were kept, and their deviation tells of them."""
    if not book.overdrafts:
        return
    names = [line.event.name for line in book.overdrafts]
    kept = ContainerEvent.objects.filter(pk__in=names, entry__out_of_range=True).values_list("pk", flat=True)
    line = next((line for line in book.overdrafts if int(line.event.name) not in set(kept)), None)
    if line is not None:
        raise overdraft(row, line, book.before(line))


def _containers(op: Operation, batch: Batch) -> dict[str, Container]:
    found = {row.key: row for row in Container.objects.filter(batch=batch)}
    if not found:  # a batch that was started before containers were kept
        open_batch_containers(op, batch)
        found = {row.key: row for row in Container.objects.filter(batch=batch)}
    return found
