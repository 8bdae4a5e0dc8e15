"""Handing over a released product: to whom, how, and with the identity read from the container (CELL-4, PET-90)."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from labeling.domain.lifecycle import BatchStatus
from labeling.models import Batch, Deviation, Dispatch
from labeling.selectors.batch import find_batch
from labeling.selectors.bench import expected_on_container, product_containers
from labeling.selectors.clock import database_now
from labeling.services.consigned import parcel_of, settle, take
from labeling.services.container_events import Quantity
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
    """What is handed over, and to whom (21 CFR 212.90(b)). `container` is the packaging, in words.

    `from_container` is the code of what holds it, the product's own where it is empty; without an amount it is all.
    """

    scanned: str
    recipient: str
    address: str
    phone: str
    carrier: str
    quantity: str
    container: str = ""
    from_container: str = ""
    activity: Quantity | None = None
    volume: Quantity | None = None

    @property
    def words(self) -> dict[str, str]:
        said: dict[str, Any] = asdict(self)
        return {name: value for name, value in said.items() if name not in ("from_container", "activity", "volume")}


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
    _refuse_another_identity(attestation.actor, number, consignment.scanned, revision)
    with operation(actor=attestation.actor, action="batch.dispatch", subject=number) as op:
        batch = lock_batch(number)
        refuse_stale(op, batch, revision)
        moment = at or database_now()
        _refuse_unfit(batch, consignment, moment)
        parcel = parcel_of(
            batch,
            code=_named(batch, consignment),
            activity=consignment.activity,
            volume=consignment.volume,
            at=moment,
        )
        signature = sign(
            op,
            attestation,
            meaning=Meaning.HANDED_OVER,
            permission=Permission.DISPATCH_BATCH,
            covers=f"handing over of {number}",
            manifest={"batch": number, **consignment.words, **parcel.stated, "at": moment.isoformat()},
        )
        sent = Dispatch.objects.create(
            batch=batch,
            at=moment,
            signature=signature,
            vessel=parcel.vessel,
            event=take(op, parcel, recipient=consignment.recipient),
            whole=parcel.whole,
            **consignment.words,
        )
        settle(parcel)
        return sent


def expected_in_words(batch: Batch) -> str:
    if batch.identity:
        return "the identity of the cells, as it stands at the head of this page"
    return f"the batch number {batch.number}, as this batch is not bound to a person"


def blocked(batch: Batch) -> tuple[str, Deviation | None] | None:
    """Why nothing of a released batch is handed over now, with the deviation that is in the way; None if nothing is."""
    try:
        _refuse_in_doubt(batch)
        _refuse_expired(batch, database_now())
    except Conflict as refusal:
        found = Deviation.objects.filter(pk=refusal.details.get("deviation", 0)).first()
        return refusal.message, found
    return None


def _named(batch: Batch, consignment: Consignment) -> str:
    """The container: as chosen, or the one whose own code was scanned."""
    own = [row.code for row in product_containers(batch)]
    scanned = consignment.scanned.strip()
    return consignment.from_container.strip() or (scanned if scanned in own else "")


def _refuse_another_identity(actor: Actor, number: str, scanned: str, revision: int | None) -> None:
    """In an operation of its own: what was scanned stays, whatever becomes of the handing over.

    The refusal says the revision that the record has after it: one's own scan is no change by somebody else.
    """
    batch = find_batch(number)
    scanned = scanned.strip()
    if not scanned or len(scanned) > LONGEST_SCANNED:
        raise InvalidInput(
            "Scan the identity on the container that is handed over.", code="missing_value", field="scanned"
        )
    if scanned == expected_on_container(batch) or batch.status != BatchStatus.RELEASED:
        return
    if scanned in [row.code for row in product_containers(batch)]:
        if not batch.identity:
            return
        raise InvalidInput(
            f"{scanned} is the code of the container. Scan the identity of the cells on it.",
            code="not_an_identity",
            field="scanned",
        )
    says = f"{scanned} was read from the container; it is not that of {number}. Stop and find out what is in it."
    with operation(actor=actor, action="identity.refused", subject=number) as op:
        keep_mismatch(op, lock_batch(number), step=STEP, field="", scanned=scanned, says=says)
    known = {} if revision is None else {"revision": revision + 1}
    raise InvalidInput(says, code=IDENTITY_MISMATCH, field="scanned", **known)


def _refuse_unfit(batch: Batch, consignment: Consignment, moment: datetime) -> None:
    for field, sentence in WANTED.items():
        if not getattr(consignment, field).strip():
            raise InvalidInput(sentence, code="missing_value", field=field)
    if batch.status != BatchStatus.RELEASED:
        label = BatchStatus(batch.status).label.lower()
        raise Conflict(f"{batch.number} is {label}; only a released batch is handed over.", code="batch_not_released")
    _refuse_in_doubt(batch)
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
    _refuse_expired(batch, moment)


def _refuse_in_doubt(batch: Batch) -> None:
    if stops_of(batch):
        stopping = Deviation.objects.filter(batch=batch, kind=Deviation.Kind.IDENTITY, assessment_signature=None)
        raise Conflict(
            f"Another identity was scanned in {batch.number}. It is handed over when quality has assessed the critical "
            "deviation.",
            code="step_stopped",
            deviation=stopping.values_list("pk", flat=True).first(),
        )
    refuse_unsound(batch)


def _refuse_expired(batch: Batch, moment: datetime) -> None:
    if batch.expires_at is not None and batch.expires_at <= moment:
        raise Conflict(
            f"{batch.number} expired at {batch.expires_at:%Y-%m-%d %H:%M} UTC.", code="batch_expired", field="at"
        )
