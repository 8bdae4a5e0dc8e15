"""What a protocol may say of its containers: which there are, and what of a value is read in or moved between them."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from labeling.domain.criteria import Criterion
from labeling.domain.documents import Section
from lims.errors import InvalidInput

VESSEL_KINDS = ("vial", "syringe", "suspension", "supernatant", "wash", "waste", "filter", "sample")
MEASURED_IN_CONTAINERS = ("activity", "volume")


@dataclass(frozen=True, slots=True)
class Vessel:
    """A container that a batch brings into being when it is started."""

    key: str
    name: str
    kind: str
    product: bool = False


@dataclass(frozen=True, slots=True)
class Transfer:
    """What a field says of a movement. With `residue` its value is what stayed behind; all else went over."""

    source: str
    target: str
    residue: bool = False


def read_vessels(document: Section) -> tuple[Vessel, ...]:
    """The `containers` of a protocol; exactly one of them holds the product."""
    vessels = tuple(_vessel(section) for section in document.sections("containers", "The container"))
    if vessels and sum(vessel.product for vessel in vessels) != 1:
        document.fault("containers", 'Exactly one container holds the product: give that one "product: true".')
    return vessels


def read_balance(document: Section) -> Criterion | None:
    """The limits of the activity balance in %, where the protocol has some."""
    section = document.section("balance", "The balance")
    if section is None:
        return None
    section.only(["min", "max"])
    lower, upper = section.limits()
    try:
        return Criterion(min=lower, max=upper)
    except InvalidInput as refusal:
        section.fault(None, refusal.message)
        return None


def read_container(field: Section, field_type: str, vessels: Collection[str]) -> str | None:
    """The container that the field is a reading of."""
    named = field.optional_text("container")
    if named and named not in vessels:
        field.fault("container", f'The container "{named}" is not among the containers.')
    if named and field_type not in MEASURED_IN_CONTAINERS:
        field.fault("container", "An activity or a volume is read in a container, nothing else.")
    return named


def read_transfer(
    field: Section, field_type: str, vessels: Collection[str], materials: Collection[str]
) -> Transfer | None:
    """The movement that the field measures: from a material or a container into a container."""
    section = field.section("transfer", "The transfer")
    if section is None:
        return None
    section.only(["from", "to", "residue"])
    source, target = section.text("from", required=True), section.text("to", required=True)
    if source and source not in vessels and source not in materials:
        section.fault("from", f'"{source}" is neither a container nor a material.')
    if target and target not in vessels:
        section.fault("to", f'The container "{target}" is not among the containers.')
    if source and source == target:
        section.fault("to", "A transfer leads from one container into another.")
    residue = section.flag("residue")
    if residue and source in materials:
        section.fault("from", "What stayed behind is read in a container of the batch, not in a material.")
    if field_type not in MEASURED_IN_CONTAINERS:
        section.fault(None, "An activity or a volume is transferred, nothing else.")
    return Transfer(source, target, residue)


def _vessel(section: Section) -> Vessel:
    section.only(["key", "name", "kind", "product"])
    return Vessel(
        section.key(),
        section.text("name", required=True),
        section.choice("kind", VESSEL_KINDS),
        section.flag("product"),
    )
