"""What a protocol says: how something is made, step by step. Plain values, read from its document elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from labeling.domain.criteria import Criterion
from labeling.domain.field_types import QUANTITY_TYPES
from labeling.domain.kinds import Kind
from labeling.domain.protocol_containers import Transfer, Vessel
from labeling.domain.result_definitions import ResultDefinition
from labeling.domain.stock import Amount
from lims.errors import InvalidInput

KINDS = ("synthesis", "labeling")
UNCHECKED = ("refuse", "signed_reason")
MATERIAL_KINDS = ("radioactive", "reagent", "consumable", "cells", "batch")


@dataclass(frozen=True, slots=True)
class Material:
    key: str
    name: str
    kind: str
    protocol_kind: str | None = None


@dataclass(frozen=True, slots=True)
class EquipmentNeed:
    """`unchecked` says what becomes of a reading on one that is not in order: `refuse`, or `signed_reason`."""

    key: str
    kind: str
    unchecked: str = "refuse"


@dataclass(frozen=True, slots=True)
class Field:
    key: str
    label: str
    type: str
    unit: str | None = None
    min: str | None = None
    max: str | None = None
    material: str | None = None
    equipment: str | None = None
    options: tuple[str, ...] = ()
    critical: bool = False
    consumes: Amount | None = None
    container: str | None = None
    transfer: Transfer | None = None
    example: str | None = None  # in `unit`, for a dry run

    @property
    def is_quantity(self) -> bool:
        return self.type in QUANTITY_TYPES


@dataclass(frozen=True, slots=True)
class Timer:
    min_minutes: str | None
    max_minutes: str | None


@dataclass(frozen=True, slots=True)
class Step:
    key: str
    title: str
    instruction: str = ""
    timer: Timer | None = None
    verified_by_second_person: bool = False
    fields: tuple[Field, ...] = ()

    def field(self, key: str) -> Field | None:
        return next((field for field in self.fields if field.key == key), None)


@dataclass(frozen=True, slots=True)
class Expiry:
    from_: str
    hours: str


@dataclass(frozen=True, slots=True)
class Clearance:
    """The work area is cleared, and signed for, before the first entry; `text` is what is looked at."""

    verified_by_second_person: bool
    text: str


@dataclass(frozen=True, slots=True)
class Protocol:
    code: str
    title: str
    kind: str
    nuclide: str
    product: str
    source: Mapping[str, str]
    differences: tuple[str, ...]
    materials: tuple[Material, ...]
    equipment: tuple[EquipmentNeed, ...]
    steps: tuple[Step, ...]
    results: tuple[ResultDefinition, ...]
    specification: str | None = None
    expires: Expiry | None = None
    label: str | None = None
    line_clearance: Clearance | None = None
    containers: tuple[Vessel, ...] = ()
    balance: Criterion | None = None
    kinds: Mapping[str, Kind] = field(default_factory=dict, repr=False)

    def step(self, key: str) -> Step:
        for step in self.steps:
            if step.key == key:
                return step
        raise InvalidInput(f'The protocol {self.code} has no step "{key}".', code="unknown_step", field="step")

    def field(self, step: str, field: str) -> Field:
        found = self.step(step).field(field)
        if found is None:
            raise InvalidInput(f'The step "{step}" has no field "{field}".', code="unknown_field", field="field")
        return found

    def result(self, key: str) -> ResultDefinition | None:
        return next((result for result in self.results if result.key == key), None)

    def material(self, key: str) -> Material | None:
        return next((material for material in self.materials if material.key == key), None)

    def equipment_need(self, key: str) -> EquipmentNeed | None:
        return next((need for need in self.equipment if need.key == key), None)

    def equipment_kind(self, key: str) -> str | None:
        need = self.equipment_need(key)
        return need.kind if need else None
