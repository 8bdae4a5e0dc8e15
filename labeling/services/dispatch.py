"""Handing over a released product: to whom, how, and with the identity read from the container (CELL-4, PET-90)."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime

from labeling.domain.lifecycle import BatchStatus
from labeling.models import Batch, Dispatch
from labeling.selectors.batch import find_batch
from labeling.selectors.clock import database_now
from labeling.services.gates import keep_mismatch, refuse_unsound, stops_of
from labeling.services.lifecycle import lock_batch, refuse_stale
from labeling.services.materials import IDENTITY_MISMATCH
from labeling.services.times import LATE_AFTER
from lims.accounts.actors import Actor
from lims.accounts.attestation import Credential, attest
from lims.accounts.roles import Permission
from lims.audit.operations import operation
from lims.errors import Conflict, InvalidInput
from lims.signatures.meanings import Meaning
from lims.signatures.signing import sign

STEP = "dispatch"
LONGEST_SCANNED = 64
WANTED = {
    "recipient": "Say who receives it.",
    "address": "Give the address of the receiver.",
    "phone": "Give a phone number of the receiver: a recall has to reach them.",
    "carrier": "Say who carries it: the courier, or the person of the ward.",
    "quantity": "Say what is handed over: how many containers, with which activity or volume.",
}


@dataclass(frozen=True, slots=True)
class Consignment:
    """What is handed over, and to whom (21 CFR 212.90(b))."""

    scanned: str
    recipient: str
    address: str
    phone: str
    carrier: str
    quantity: str
    container: str = ""


def dispatch_batch(
    *,
    actor: Actor,
    number: str,
    consignment: Consignment,
    credential: Credential,
    at: datetime | None = None,
    revision: int | None = None,
) -> Dispatch:
    """Hand over a released batch that is not expired. Another identity on the container opens a critical deviation."""
    attestation = attest(actor, credential, purpose="batch.dispatch")
    attestation.require(Permission.DISPATCH_BATCH)
    _refuse_another_identity(attestation.actor, number, consignment.scanned)
    with operation(actor=attestation.actor, action="batch.dispatch", subject=number) as op:
        batch = lock_batch(number)
        refuse_stale(op, batch, revision)
        moment = at or database_now()
        _refuse_unfit(batch, consignment, moment)
        signature = sign(
            op,
            attestation,
            meaning=Meaning.HANDED_OVER,
            permission=Permission.DISPATCH_BATCH,
            covers=f"handing over of {number}",
            manifest={"batch": number, **asdict(consignment), "at": moment.isoformat()},
        )
        return Dispatch.objects.create(batch=batch, at=moment, signature=signature, **asdict(consignment))


def expected_on_container(batch: Batch) -> str:
    """What the label of the container carries: the identity of the cells, else the number of the batch."""
    return batch.identity or batch.number


def _refuse_another_identity(actor: Actor, number: str, scanned: str) -> None:
    """In an operation of its own: what was scanned stays, whatever becomes of the handing over."""
    batch = find_batch(number)
    scanned = scanned.strip()
    if not scanned or len(scanned) > LONGEST_SCANNED:
        raise InvalidInput(
            "Scan the identity on the container that is handed over.", code="missing_value", field="scanned"
        )
    if scanned == expected_on_container(batch) or batch.status != BatchStatus.RELEASED:
        return
    says = f"{scanned} was read from the container; it is not that of {number}. Stop and find out what is in it."
    with operation(actor=actor, action="identity.refused", subject=number) as op:
        keep_mismatch(op, lock_batch(number), step=STEP, field="", scanned=scanned, says=says)
    raise InvalidInput(says, code=IDENTITY_MISMATCH, field="scanned")


def _refuse_unfit(batch: Batch, consignment: Consignment, moment: datetime) -> None:
    for field, sentence in WANTED.items():
        if not getattr(consignment, field).strip():
            raise InvalidInput(sentence, code="missing_value", field=field)
    if batch.status != BatchStatus.RELEASED:
        label = BatchStatus(batch.status).label.lower()
        raise Conflict(f"{batch.number} is {label}; only a released batch is handed over.", code="batch_not_released")
    if stops_of(batch):
        raise Conflict(
            f"Another identity was scanned in {batch.number}. It is handed over when quality has assessed the critical "
            "deviation.",
            code="step_stopped",
        )
    refuse_unsound(batch)
    now = database_now()
    if moment > now:
        raise InvalidInput(
            "Give the time at which it was handed over, not one to come.", code="future_time", field="at"
        )
    if now - moment > LATE_AFTER:
        # A time of one's own choosing would hand over what has expired meanwhile, or was spoken against.
        raise InvalidInput(
            f"{moment:%Y-%m-%d %H:%M %Z} is past; a handing over is signed when it happens. Leave the time out, and if "
            "it left earlier report a deviation that says when.",
            code="too_far_back",
            field="at",
        )
    released = batch.disposition_signature
    if released is not None and moment < released.at:
        raise InvalidInput(f"{batch.number} was not released yet at that time.", code="before_release", field="at")
    if batch.expires_at is not None and batch.expires_at <= moment:
        raise Conflict(
            f"{batch.number} expired at {batch.expires_at:%Y-%m-%d %H:%M} UTC.", code="batch_expired", field="at"
        )
