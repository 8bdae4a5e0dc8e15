"""Which containers a batch has and how activity moves between them: as its protocol says, or as its results imply.

A protocol without `containers` still says a good deal: the inputs of its labeling efficiency, or of its net activity
and yield, name what was dispensed, what stayed behind, what was washed off and what is the product.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from labeling.domain.criteria import Criterion
from labeling.domain.expressions import Reference
from labeling.domain.protocol import Field, Protocol
from labeling.domain.protocol_containers import Vessel
from labeling.domain.result_definitions import InputNode, ResultDefinition

# Where a protocol names its containers and no limits: a default of this project, to be set by the site.
USUAL_BALANCE = Criterion(min="95", max="105")
WASTE_KINDS = frozenset({"supernatant", "wash", "waste"})


@dataclass(frozen=True, slots=True)
class Flow:
    """What one field says: a reading (`target` alone), an amount that went over, or (`residue`) what stayed behind."""

    reference: str
    target: str
    source: str | None = None
    residue: bool = False
    volume: str | None = None  # the field of the volume that was taken with it

    @property
    def is_reading(self) -> bool:
        return self.source is None


@dataclass(frozen=True, slots=True)
class ContainerPlan:
    vessels: tuple[Vessel, ...]
    flows: tuple[Flow, ...]
    lots: Mapping[str, str]  # material to the field that names its lot or batch
    limits: Criterion | None = None
    limits_from: str = ""  # the result that states them, `balance`, `default`, or nothing

    @property
    def product(self) -> str:
        return next(vessel.key for vessel in self.vessels if vessel.product)

    def vessel(self, key: str) -> Vessel:
        return next(vessel for vessel in self.vessels if vessel.key == key)

    def is_material(self, name: str | None) -> bool:
        return name is not None and name in self.lots

    @property
    def references(self) -> frozenset[str]:
        """Every field that moves something: recording another leaves the containers as they are."""
        volumes = {flow.volume for flow in self.flows if flow.volume}
        return frozenset({flow.reference for flow in self.flows} | volumes | set(self.lots.values()))


def plan_of(protocol: Protocol) -> ContainerPlan | None:
    """The containers of a batch of this protocol, or None where nothing is said from which they could follow."""
    if protocol.containers:
        vessels, flows = protocol.containers, _written(protocol)
        limits, said = (protocol.balance, "balance") if protocol.balance else _limits_of_results(protocol)
        limits, said = (limits, said) if limits else (USUAL_BALANCE, "default")
    else:
        vessels, flows = _of_labeling(protocol) or _of_synthesis(protocol) or _of_product(protocol)
        limits, said = (protocol.balance, "balance") if protocol.balance else _limits_of_results(protocol)
    if not vessels:
        return None
    sources = {flow.source for flow in flows if flow.source and flow.source not in {v.key for v in vessels}}
    return ContainerPlan(vessels, flows, MappingProxyType(_lot_fields(protocol, sources)), limits, said)


def _lot_fields(protocol: Protocol, materials: set[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for step in protocol.steps:
        for field in step.fields:
            if field.type == "lot" and field.material in materials:
                found.setdefault(field.material, f"{step.key}.{field.key}")
    return found


def _limits_of_results(protocol: Protocol) -> tuple[Criterion | None, str]:
    for result in protocol.results:
        if result.output == "mass_balance" and result.action_limit:
            return result.action_limit, result.key
    return None, ""


def _written(protocol: Protocol) -> tuple[Flow, ...]:
    """The flows that the fields of a protocol with `containers` state. A volume goes with the activity it moves."""
    flows: list[Flow] = []
    for step in protocol.steps:
        moved = {f.transfer: f"{step.key}.{f.key}" for f in step.fields if f.transfer and f.type == "volume"}
        active = {f.transfer for f in step.fields if f.transfer and f.type == "activity"}
        for field in step.fields:
            reference = f"{step.key}.{field.key}"
            if field.transfer and not (field.type == "volume" and field.transfer in active):
                volume = moved.get(field.transfer) if field.type == "activity" else None
                way = field.transfer
                flows.append(Flow(reference, way.target, way.source, way.residue, volume))
            if field.container:
                flows.append(Flow(reference, field.container))
    return tuple(flows)


def _of_labeling(protocol: Protocol) -> tuple[tuple[Vessel, ...], tuple[Flow, ...]] | None:
    """Syringe, cell suspension, supernatant and washes, from the inputs of a labeling efficiency."""
    inputs = _inputs(protocol, "labeling-efficiency")
    dispensed, cells = _name(inputs.get("dispensed")), _name(inputs.get("cells"))
    source = _source_of(protocol, dispensed)
    if not dispensed or not cells or source is None:
        return None
    residuals, washes = _names(inputs.get("residuals")), _names(inputs.get("supernatants"))
    syringe = Vessel("syringe", "Dispensing syringe", "syringe")
    suspension = Vessel("cells", _field(protocol, cells).label, "suspension", product=True)
    named = _keys((*washes, *residuals[1:]), taken={"syringe", "cells"})
    flows = {dispensed: Flow(dispensed, "syringe", source, volume=_volume_beside(protocol, dispensed))}
    flows |= {name: Flow(name, "cells", "syringe", residue=True) for name in residuals[:1]}
    flows |= {name: Flow(name, named[name], "cells") for name in (*washes, *residuals[1:])}
    flows[cells] = Flow(cells, "cells")
    if not residuals:  # nothing was read in the empty syringe: what was dispensed counts as added
        flows[dispensed] = Flow(dispensed, "cells", source, volume=_volume_beside(protocol, dispensed))
    washed = tuple(
        Vessel(named[name], _field(protocol, name).label, "wash" if "wash" in name else "supernatant")
        for name in washes
    )
    stayed = tuple(Vessel(named[name], _field(protocol, name).label, "vial") for name in residuals[1:])
    vessels = (*((syringe,) if residuals else ()), suspension, *washed, *stayed)
    return vessels, _in_order(protocol, flows, volume=_volume_beside(protocol, cells), target="cells")


def _of_synthesis(protocol: Protocol) -> tuple[tuple[Vessel, ...], tuple[Flow, ...]] | None:
    """Syringe, reaction vial and product vial, from the inputs of a net activity and a radiochemical yield."""
    net, made = _inputs(protocol, "net-activity"), _inputs(protocol, "radiochemical-yield")
    full, residual, product = _name(net.get("full")), _name(net.get("residual")), _name(made.get("product"))
    source = _source_of(protocol, full)
    if not full or not residual or not product or source is None or "." not in product:
        return None
    vessels = (
        Vessel("syringe", "Dispensing syringe", "syringe"),
        Vessel("reaction", "Reaction vial and filter", "vial"),
        Vessel("product", "Product vial", "vial", product=True),
    )
    flows = {
        full: Flow(full, "syringe", source, volume=_volume_beside(protocol, full)),
        residual: Flow(residual, "reaction", "syringe", residue=True),
        product: Flow(product, "product", "reaction"),
    }
    return vessels, _in_order(protocol, flows, volume=_volume_beside(protocol, product), target="product")


def _of_product(protocol: Protocol) -> tuple[tuple[Vessel, ...], tuple[Flow, ...]]:
    """The product alone, where the protocol says no more than the reading its expiry counts from."""
    read = protocol.expires.from_ if protocol.expires else ""
    if not read or _field(protocol, read).type != "activity":
        return (), ()
    kind = "vial" if protocol.kind == "synthesis" else "suspension"
    vessel = Vessel("product", "Product", kind, product=True)
    return (vessel,), _in_order(
        protocol, {read: Flow(read, "product")}, volume=_volume_beside(protocol, read), target="product"
    )


def _in_order(protocol: Protocol, flows: Mapping[str, Flow], *, volume: str | None, target: str) -> tuple[Flow, ...]:
    """The flows in the order of the protocol's fields, and the reading of the product's volume among them."""
    known = dict(flows) | ({volume: Flow(volume, target)} if volume and volume not in flows else {})
    names = [f"{step.key}.{field.key}" for step in protocol.steps for field in step.fields]
    return tuple(known[name] for name in names if name in known)


def _inputs(protocol: Protocol, formula: str) -> Mapping[str, InputNode]:
    found: ResultDefinition | None = next((r for r in protocol.results if r.formula == formula), None)
    return found.inputs or {} if found else {}


def _name(node: InputNode | None) -> str:
    return node.name if isinstance(node, Reference) and "." in node.name else ""


def _names(node: InputNode | None) -> tuple[str, ...]:
    return tuple(name for item in node if (name := _name(item))) if isinstance(node, tuple) else ()


def _field(protocol: Protocol, reference: str) -> Field:
    step, _, key = reference.partition(".")
    return protocol.field(step, key)


def _source_of(protocol: Protocol, reference: str) -> str | None:
    """The radioactive material or batch that is drawn from: named in the same step, or the only one there is."""
    radioactive = [m.key for m in protocol.materials if m.kind in ("radioactive", "batch")]
    step = protocol.step(reference.partition(".")[0]) if reference else None
    beside = [f.material for f in step.fields if f.material in radioactive] if step else []
    return beside[0] if beside else radioactive[0] if len(radioactive) == 1 else None


def _volume_beside(protocol: Protocol, reference: str) -> str | None:
    step = protocol.step(reference.partition(".")[0])
    volumes = [field.key for field in step.fields if field.type == "volume"]
    return f"{step.key}.{volumes[0]}" if len(volumes) == 1 else None


def _keys(references: tuple[str, ...], *, taken: set[str]) -> dict[str, str]:
    """A short key for each: its field where that is told apart, else its step, else both."""
    fields = [reference.partition(".")[2] for reference in references]
    steps = [reference.partition(".")[0] for reference in references]
    keys = {}
    for reference, step, field in zip(references, steps, fields, strict=True):
        short = field if fields.count(field) == 1 and field not in taken else step
        keys[reference] = (
            short if short not in taken and (short == field or steps.count(step) == 1) else f"{step}_{field}"
        )
    return keys
