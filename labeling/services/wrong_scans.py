"""What was scanned or typed against what the field waits for. What did not fit is refused and kept (CELL-4)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from labeling.domain.protocol import Field
from labeling.models import Batch, Container, Entry, Equipment, Lot, Scan
from labeling.selectors.batch import find_batch
from labeling.selectors.clock import database_now
from labeling.selectors.containers import scanned_container
from labeling.services.gates import IDENTITY_EXPECTED, LONGEST_SCAN, keep_mismatch
from labeling.services.lifecycle import lock_batch
from labeling.services.materials import IDENTITY_MISMATCH
from labeling.services.values import read_value
from lims.accounts.actors import Actor
from lims.audit.models import Operation
from lims.audit.operations import operation
from lims.errors import DomainError, InvalidInput

Outcome = Scan.Outcome
ACTIONS = {Outcome.MATCHED: "scan.match", Outcome.WRONG: "scan.refuse", Outcome.MISMATCH: "identity.refused"}
TYPES_OF_LABELS = ("lot", "identity")
NOTHING = "no scan is expected"
# Refusals that name the input of the thing and say nothing of it: there is a value already, or none was given.
NOT_ABOUT_THE_THING = frozenset({"already_recorded", "stale", "missing_value", "instrument_missing"})


@dataclass(frozen=True, slots=True)
class Judgment:
    """What a code is, against what was expected of it."""

    outcome: Outcome
    expected: str
    says: str


def judge(batch: Batch, definition: Field | None, code: str, *, how: str = "scanned") -> Judgment:
    """Whether `code` is what the field waits for. The sentence says what came, what was expected, and where it fits."""
    expected = _expected(batch, definition)
    if _carried_by_others(batch, code):
        says = f"{code} belongs to another identity than this batch. Stop and find out whose cells these are."
        return Judgment(Outcome.MISMATCH, expected, says)
    refusal = _refusal(batch, definition, code)
    if refusal is None:
        return Judgment(Outcome.MATCHED, expected, "")
    if refusal.code == IDENTITY_MISMATCH:
        return Judgment(Outcome.MISMATCH, expected, refusal.message)
    wanted = expected if expected.startswith(NOTHING) else f"expected is {expected}"
    more = _place(batch, code, definition) or refusal.message
    return Judgment(Outcome.WRONG, expected, f"{_what(code)} was {how}; {wanted}. {more}".strip())


def _refusal(batch: Batch, definition: Field | None, code: str) -> DomainError | None:
    """Why the field does not take the code; None where it does."""
    protocol = batch.protocol_version.document
    if definition is None:
        return InvalidInput("")
    if definition.type == "identity":
        return _another_identity(batch, code)
    if definition.equipment:
        kind = protocol.equipment_kind(definition.equipment) or ""
        return None if Equipment.objects.filter(code=code, kind=kind).exists() else InvalidInput("")
    if definition.type not in TYPES_OF_LABELS:
        return InvalidInput("")
    try:
        read_value(
            definition, scanned_container(code)["value"], "", protocol=protocol, batch=batch, measured_at=database_now()
        )
    except DomainError as refusal:
        return refusal
    return None


def _another_identity(batch: Batch, code: str) -> DomainError | None:
    if code == batch.identity:
        return None
    if _what(code) != f"“{code}”":  # a thing of ours with no other identity: the wrong label, not the wrong cells
        return InvalidInput("")
    says = f"{code} is not the identity of this batch. Stop and find out whose cells these are."
    return InvalidInput(says, code=IDENTITY_MISMATCH)


def keep(op: Operation, batch: Batch, judged: Judgment, *, step: str, field: str, given: str, at: datetime) -> Scan:
    """The scan and what it was; another identity opens a critical deviation beside it."""
    if judged.outcome is Outcome.MISMATCH:
        return keep_mismatch(op, batch, step=step, field=field, scanned=given, says=judged.says)
    return Scan.objects.create(
        batch=batch,
        step=step,
        field=field,
        scanned=given.strip()[:LONGEST_SCAN],
        expected=judged.expected,
        outcome=judged.outcome,
        says=judged.says,
        measured_at=at,
        recorded_by=op.actor,
    )


@contextmanager
def wrong_kept(actor: Actor, number: str, step: str, field: str, *, value: str, equipment: str) -> Iterator[None]:
    """What was typed and refused because it is another thing than the field waits for is kept as a wrong scan is.

    The entry is rolled back with its own operation; the refusal stays, in one of its own.
    """
    try:
        yield
    except DomainError as refusal:
        if not field or refusal.code in NOT_ABOUT_THE_THING:
            raise
        batch = find_batch(number)
        definition = batch.protocol_version.document.field(step, field)
        given = (equipment if definition.equipment else value).strip()
        about = refusal.details.get("field") == ("equipment" if definition.equipment else "value")
        if about and given and (definition.equipment or definition.type in TYPES_OF_LABELS):
            judged = judge(batch, definition, given[:LONGEST_SCAN], how="typed")
            if refusal.code == IDENTITY_MISMATCH:
                judged = Judgment(Outcome.MISMATCH, IDENTITY_EXPECTED, refusal.message)
            if judged.outcome is not Outcome.MATCHED:
                with operation(actor=actor, action=ACTIONS[judged.outcome], subject=number) as op:
                    batch = lock_batch(number)
                    keep(op, batch, judged, step=step, field=field, given=given, at=database_now())
        raise


def _place(batch: Batch, code: str, asked: Field | None) -> str:
    """Where else in the batch the code is waited for: a sentence, or nothing."""
    protocol = batch.protocol_version.document
    material = Lot.objects.filter(number=code).values_list("material", flat=True).first()
    kind = Equipment.objects.filter(code=code).values_list("kind", flat=True).first()
    filled = set(Entry.objects.filter(batch=batch).values_list("step", "field"))
    for step in protocol.steps:
        for field in step.fields:
            wanted = protocol.material(field.material or "") if field.type == "lot" else None
            takes_lot = material is not None and wanted is not None and wanted.key == material
            takes_instrument = kind is not None and protocol.equipment_kind(field.equipment or "") == kind
            if (takes_lot or takes_instrument) and field != asked and (step.key, field.key) not in filled:
                return f"It belongs to “{step.title}”: {field.label}."
    return ""


def _carried_by_others(batch: Batch, code: str) -> bool:
    """Whether the code is the identity of other cells, or names a lot or a batch of theirs."""
    if not batch.identity or code == batch.identity:
        return False
    if Batch.objects.filter(identity=code).exists() or Lot.objects.filter(identity=code).exists():
        return True
    carried = [
        *Lot.objects.filter(number=code).values_list("identity", flat=True),
        *Batch.objects.filter(number=code).values_list("identity", flat=True),
        *Container.objects.filter(code=code).values_list("batch__identity", flat=True),
        *Container.objects.filter(code=code).values_list("lot__identity", flat=True),
    ]
    return any(identity not in (None, "", batch.identity) for identity in carried)


def _what(code: str) -> str:
    """What is known of a code: an instrument, a lot, a batch, a container; else the code itself."""
    if Equipment.objects.filter(code=code).exists():
        return f"The instrument {code}"
    if Lot.objects.filter(number=code).exists():
        return f"Lot {code}"
    if Batch.objects.filter(number=code).exists():
        return f"Batch {code}"
    if Container.objects.filter(code=code).exists():
        return f"The container {code}"
    return f"“{code}”"


def _expected(batch: Batch, definition: Field | None) -> str:
    if definition is None:
        return NOTHING
    protocol = batch.protocol_version.document
    if definition.type == "identity":
        return IDENTITY_EXPECTED
    if definition.type == "lot":
        material = protocol.material(definition.material or "")
        return f"a lot of {material.name}" if material else "a lot"
    if definition.equipment:
        return f"a {(protocol.equipment_kind(definition.equipment) or 'instrument').replace('_', ' ')}"
    return f"{NOTHING} for {definition.label}"
