"""The document of a protocol, as a site wrote it down: read whole, or refused with its lines."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from types import MappingProxyType

from labeling.domain.documents import Findings, Scalar, Section, read_document
from labeling.domain.field_types import FIELD_TYPES, QUANTITY_TYPES
from labeling.domain.kinds import Kind, kind_of_reading
from labeling.domain.nuclides import library
from labeling.domain.protocol import (
    KINDS,
    MATERIAL_KINDS,
    UNCHECKED,
    Clearance,
    EquipmentNeed,
    Expiry,
    Field,
    Material,
    Protocol,
    Step,
    Timer,
)
from labeling.domain.protocol_containers import read_balance, read_container, read_transfer, read_vessels
from labeling.domain.protocol_results import read_results
from labeling.domain.stock import read_consumption
from labeling.domain.units import dimension_of, unit
from lims.errors import InvalidInput

CODE = re.compile(r"[a-z0-9][a-z0-9-]{1,62}")
KEYS = ("protocol", "title", "kind", "nuclide", "product", "source", "differences", "materials", "equipment", "steps",
        "results", "containers", "balance", "specification", "expires", "label",
        "line_clearance")  # fmt: skip
FIELD_KEYS = ("key", "label", "type", "unit", "min", "max", "material", "equipment", "options", "critical", "basis",
              "container", "transfer", "consumes", "example")  # fmt: skip
LONGEST_EXPIRY_HOURS = 366 * 24


@lru_cache(maxsize=64)
def parse_protocol(text: str) -> Protocol:
    """The protocol that a YAML document describes. `InvalidInput` (`document_invalid`) names every line at fault."""
    findings = Findings()
    document = Section(read_document(text), findings, "The protocol")
    document.only(KEYS)
    materials = tuple(_material(section) for section in document.sections("materials", "The material"))
    equipment = tuple(_equipment(section) for section in document.sections("equipment", "The equipment"))
    vessels = read_vessels(document)
    known = _Known({m.key for m in materials}, {need.key for need in equipment}, {vessel.key for vessel in vessels})
    steps = tuple(_step(section, known) for section in document.sections("steps", "The step"))
    if not steps:
        document.fault("steps", 'The protocol needs at least one step under "steps".')
    kinds = _field_kinds(steps)
    results, result_kinds = read_results(document, kinds)
    parsed = Protocol(
        code=code(document, "protocol"),
        title=document.text("title", required=True),
        kind=document.choice("kind", KINDS),
        nuclide=document.choice("nuclide", sorted(library())),
        product=document.text("product", required=True),
        source=_source(document),
        differences=document.texts("differences"),
        materials=materials,
        equipment=equipment,
        steps=steps,
        results=results,
        specification=code(document, "specification") if "specification" in document.mapping.items else None,
        expires=_expires(document, kinds),
        label=document.optional_text("label"),
        line_clearance=_clearance(document),
        containers=vessels,
        balance=read_balance(document),
        kinds=MappingProxyType(kinds | result_kinds),
    )
    findings.raise_if_any()
    return parsed


def code(document: Section, key: str) -> str:
    text = document.text(key, required=True)
    if text and not CODE.fullmatch(text):
        document.fault(key, f'"{text}" cannot be a code: use lower-case letters, digits and hyphens.')
    return text


@dataclass(frozen=True, slots=True)
class _Known:
    materials: set[str]
    equipment: set[str]
    vessels: set[str]


def _material(section: Section) -> Material:
    section.only(["key", "name", "kind", "protocol_kind"])
    kind = section.choice("kind", MATERIAL_KINDS)
    protocol_kind = section.choice("protocol_kind", KINDS, default="") or None
    if (kind == "batch") != (protocol_kind is not None):
        section.fault(None, 'A material of kind "batch", and no other, says which "protocol_kind" made it.')
    return Material(section.key(), section.text("name", required=True), kind, protocol_kind)


def _equipment(section: Section) -> EquipmentNeed:
    section.only(["key", "kind", "unchecked"])
    unchecked = section.choice("unchecked", UNCHECKED, default="refuse")
    return EquipmentNeed(section.key(), section.key("kind"), unchecked)


def _step(section: Section, known: _Known) -> Step:
    section.only(["key", "title", "instruction", "timer", "verified_by_second_person", "fields"])
    return Step(
        key=section.key(),
        title=section.text("title", required=True),
        instruction=section.text("instruction"),
        timer=_timer(section),
        verified_by_second_person=section.flag("verified_by_second_person"),
        fields=tuple(_field(entry, known) for entry in section.sections("fields", "The field")),
    )


def _timer(step: Section) -> Timer | None:
    section = step.section("timer", "The timer")
    if section is None:
        return None
    section.only(["min_minutes", "max_minutes", "basis"])
    return Timer(*section.limits("min_minutes", "max_minutes"))


def _field(section: Section, known: _Known) -> Field:
    section.only(FIELD_KEYS)
    kind = section.choice("type", FIELD_TYPES)
    lower, upper = section.limits()
    material, equipment = section.optional_text("material"), section.optional_text("equipment")
    if material and material not in known.materials:
        section.fault("material", f'The material "{material}" is not among the materials.')
    if equipment and equipment not in known.equipment:
        section.fault("equipment", f'The equipment "{equipment}" is not among the equipment.')
    if (kind == "lot") != (material is not None):
        section.fault("material", 'A field of type "lot", and no other, names its "material".')
    options = section.texts("options")
    if (kind == "choice") != bool(options):
        section.fault("options", 'A field of type "choice", and no other, has "options".')
    return Field(
        key=section.key(),
        label=section.text("label", required=True),
        type=kind,
        unit=_field_unit(section, kind),
        min=lower,
        max=upper,
        material=material,
        equipment=equipment,
        options=options,
        critical=section.flag("critical"),
        consumes=read_consumption(section, kind),
        container=read_container(section, kind, known.vessels),
        transfer=read_transfer(section, kind, known.vessels, known.materials),
        example=_example(section, kind),
    )


def _example(section: Section, kind: str) -> str | None:
    if "example" in section.mapping.items and kind not in QUANTITY_TYPES:
        section.fault("example", f'A field of type "{kind}" has no "example": only quantities have one.')
        return None
    return section.decimal("example")


def _field_unit(section: Section, kind: str) -> str | None:
    written = section.optional_text("unit")
    if kind not in QUANTITY_TYPES:
        for key in ("unit", "min", "max"):
            if key in section.mapping.items:
                section.fault(key, f'A field of type "{kind}" has no "{key}".')
        return None
    dimensions, usual = QUANTITY_TYPES[kind]
    if not written and not usual:
        section.fault(None, f'A field of type "{kind}" needs its "unit".')
        return None
    try:
        measured_in = unit(written or usual)
    except InvalidInput as refusal:
        section.fault("unit", refusal.message)
        return None
    if dimensions and measured_in.dimension not in dimensions:
        section.fault("unit", f'{written} is a unit of {measured_in.dimension}, not of a field of type "{kind}".')
    return measured_in.symbol


def _field_kinds(steps: tuple[Step, ...]) -> dict[str, Kind]:
    kinds: dict[str, Kind] = {}
    for step in steps:
        for entry in step.fields:
            name = f"{step.key}.{entry.key}"
            if entry.unit is None:
                kinds[name] = Kind(instant=name, is_quantity=False)
            else:
                kinds[name] = kind_of_reading(dimension_of(entry.unit), counts=entry.type == "counts", instant=name)
    return kinds


def _source(document: Section) -> Mapping[str, str]:
    section = document.section("source", "The source")
    if section is None:
        return MappingProxyType({})
    section.only(["title", "doi", "pmcid", "url"])
    return MappingProxyType({key: section.text(key) for key in section.mapping.items})


def _clearance(document: Section) -> Clearance | None:
    """`line_clearance: true`, or a section that says what is looked at and whether a second person does so too."""
    if isinstance(document.mapping.items.get("line_clearance"), Scalar):
        return Clearance(verified_by_second_person=False, text="") if document.flag("line_clearance") else None
    section = document.section("line_clearance", "The line clearance")
    if section is None:
        return None
    section.only(["verified_by_second_person", "text"])
    return Clearance(section.flag("verified_by_second_person"), section.text("text"))


def _expires(document: Section, kinds: Mapping[str, Kind]) -> Expiry | None:
    section = document.section("expires", "The expiry")
    if section is None:
        return None
    section.only(["from", "hours", "basis"])
    start, hours = section.text("from", required=True), section.decimal("hours")
    if start and start not in kinds:
        section.fault("from", f'"{start}" is no step.field of this protocol.')
    if hours is None:
        section.fault("hours", 'The expiry needs its "hours".')
    elif not 0 < Decimal(hours) <= LONGEST_EXPIRY_HOURS:
        section.fault("hours", f"An expiry {hours} hours after its start cannot be: it is above 0, at most a year.")
    return Expiry(start, hours or "0")
