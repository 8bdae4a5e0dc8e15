"""Lots: received into quarantine, accepted by another person's signature, judged again at each use."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from django.db import IntegrityError, transaction

from labeling.domain.criteria import Verdict
from labeling.domain.display import display
from labeling.domain.lifecycle import BatchStatus
from labeling.domain.protocol import Material
from labeling.domain.quantities import parse_instant, parse_nonnegative
from labeling.domain.stock import amount_text, read_amount
from labeling.domain.units import dimension_of, unit, wrong_unit
from labeling.models import Batch, Equipment, Lot
from labeling.selectors.clock import database_now
from labeling.services.arrivals import arrival_of, nuclide_of_lot
from labeling.services.codes import refuse_known
from labeling.services.conditions import raise_for_licence
from labeling.services.equipment import instrument_for
from labeling.services.gates import refuse_unsound
from labeling.services.lot_containers import open_lot_container
from labeling.services.receipts import NOTHING_ELSE, Delivery, keep_certificate, keep_survey
from lims.accounts.actors import Actor
from lims.accounts.attestation import Credential, attest
from lims.accounts.roles import Permission, require
from lims.audit.operations import operation
from lims.errors import Conflict, InvalidInput, NotFound, SegregationOfDuties
from lims.signatures.meanings import Meaning
from lims.signatures.signing import sign

IDENTITY_MISMATCH = "identity_mismatch"
STATED_AHEAD = timedelta(days=60)  # a year that was mistyped is none of the calibration times that suppliers state


def receive_lot(
    *,
    actor: Actor,
    number: str,
    material: str,
    expires_at: datetime,
    kind: str = "",
    name: str = "",
    identity: str = "",
    stated: Mapping[str, str] | None = None,
    volume: Mapping[str, str] | None = None,
    received: Mapping[str, str] | None = None,
    delivery: Delivery = NOTHING_ELSE,
) -> Lot:
    """Put a lot into quarantine, with what the supplier states, what was read on arrival and what else came with it.

    `stated` and `received` are readings {"value", "unit", "at", "u"?}, `received` with its "equipment"; `volume` has
    no time. A supplier may state an activity for an instant to come.
    """
    require(actor.user, Permission.RECEIVE_LOT)
    received_on = _instrument_of(received)
    quantity = read_amount(delivery.quantity, field="quantity") if delivery.quantity else None
    nuclide = nuclide_of_lot(delivery.nuclide, material)
    stated_kept = _quantity(stated, field="stated", timed=True)
    refuse_known(number, besides="lot", field="number")
    received_kept = _quantity(received, field="received", timed=True)
    lot = Lot(
        number=number,
        material=material,
        kind=kind,
        name=name,
        identity=identity,
        expires_at=expires_at,
        supplier=delivery.supplier.strip(),
        order_number=delivery.order_number.strip(),
        chemical_form=delivery.chemical_form.strip(),
        nuclide=nuclide,
        stated=stated_kept,
        volume=_quantity(volume, field="volume", timed=False),
        received=received_kept,
        received_on=received_on,
        arrival=arrival_of(nuclide, stated=stated_kept, received=received_kept, instrument=received_on),
        quantity=quantity.value if quantity else None,
        quantity_unit=quantity.unit if quantity else "",
        received_by=actor.user,
    )
    with operation(actor=actor, action="lot.receive", subject=number) as op:
        try:
            with transaction.atomic():
                lot.save(force_insert=True)
        except IntegrityError:
            refuse_known(number, besides="lot", field="number")
            raise Conflict(f"A lot {number} was received already.", code="already_exists", field="number") from None
        if stated or received:
            open_lot_container(op, lot, nuclide)
            raise_for_licence(op)
        if delivery.certificate is not None:
            keep_certificate(op, lot, delivery.certificate)
        if delivery.survey is not None:
            keep_survey(op, lot, delivery.survey)
    return lot


def decide_lot(*, actor: Actor, lot_id: int, credential: Credential, accept: bool, reason: str = "") -> Lot:
    """Accept a lot for use, or reject it. Raises SegregationOfDuties for the person who received it."""
    action = "lot.accept" if accept else "lot.reject"
    attestation = attest(actor, credential, purpose=action)
    attestation.require(Permission.ACCEPT_LOT)
    number = Lot.objects.filter(pk=lot_id).values_list("number", flat=True).first()
    if number is None:
        raise NotFound("There is no such lot.")
    with operation(actor=attestation.actor, action=action, subject=number, reason=reason) as op:
        lot = Lot.objects.select_for_update().get(pk=lot_id)
        if lot.status != Lot.Status.QUARANTINE:
            raise Conflict(
                f"Lot {lot.number} is {lot.status} already.", code="illegal_transition", lot_status=lot.status
            )
        if attestation.user.pk == lot.received_by_id:
            raise SegregationOfDuties(f"You received lot {lot.number}; another person has to examine it.")
        if not accept and not reason.strip():
            raise InvalidInput("Say why the lot is rejected.", code="reason_missing", field="reason")
        concerns = acceptance_concerns(lot)
        if accept and concerns and not reason.strip():
            raise InvalidInput(
                f"{' '.join(concerns)} Say why the lot is accepted nevertheless.", code="reason_missing", field="reason"
            )
        lot.disposition_signature = sign(
            op,
            attestation,
            meaning=Meaning.ACCEPTED if accept else Meaning.REJECTED,
            permission=Permission.ACCEPT_LOT,
            covers=f"lot {lot.number}",
            manifest=lot_manifest(lot),
        )
        lot.status = Lot.Status.ACCEPTED if accept else Lot.Status.REJECTED
        lot.save(update_fields=["status", "disposition_signature"])
        return lot


def acceptance_concerns(lot: Lot) -> list[str]:
    """What an acceptance has to answer with a reason, each in a sentence."""
    concerns = []
    if lot.kind == "radioactive" and not lot.certificates.exists():
        concerns.append("There is no certificate for this activity.")
    if lot.arrival and lot.arrival["verdict"] == Verdict.FAIL:
        difference = display(lot.arrival["difference_percent"], lot.arrival["u_percent"], "%")
        limit = lot.arrival["limit_percent"]
        concerns.append(f"What was measured on arrival differs by {difference} from what was stated, beyond {limit} %.")
    survey = lot.surveys.order_by("-pk").first()
    if survey is not None and (survey.condition != survey.Condition.INTACT or survey.wipe == survey.Wipe.CONTAMINATED):
        found = [survey.get_condition_display().lower()] if survey.condition != survey.Condition.INTACT else []
        found += ["contaminated"] if survey.wipe == survey.Wipe.CONTAMINATED else []
        concerns.append(f"The package was found {' and '.join(found)}.")
    return concerns


def lot_manifest(lot: Lot) -> dict[str, object]:
    return {**_received_manifest(lot), **_delivery_manifest(lot)}


def _delivery_manifest(lot: Lot) -> dict[str, object]:
    """What came with the lot; what did not come is not named, so that a plain receipt is signed as it always was."""
    told: dict[str, object] = {
        "supplier": lot.supplier,
        "order_number": lot.order_number,
        "chemical_form": lot.chemical_form,
        "nuclide": lot.nuclide,
        "arrival": lot.arrival,
        "quantity": {"value": amount_text(lot.quantity), "unit": lot.quantity_unit} if lot.quantity else None,
        "certificates": [
            {"number": certificate.number, "issuer": certificate.issuer, "sha256": certificate.file_id}
            for certificate in lot.certificates.order_by("pk")
        ],
        "surveys": [
            {
                "surface": survey.surface,
                "one_meter": survey.one_meter,
                "wipe": survey.wipe,
                "wipe_reading": survey.wipe_reading,
                "condition": survey.condition,
                "at": survey.surveyed_at.isoformat(),
            }
            for survey in lot.surveys.order_by("pk")
        ],
    }
    return {name: content for name, content in told.items() if content}


def _received_manifest(lot: Lot) -> dict[str, object]:
    return {
        "lot": lot.number,
        "material": lot.material,
        "name": lot.name,
        "identity": lot.identity,
        "expires_at": lot.expires_at.isoformat(),
        "stated": lot.stated,
        "volume": lot.volume,
        "received": lot.received,
    }


def usable_lot(number: str, *, material: Material, at: datetime, identity: str) -> Lot:
    """The lot named at a step, if it may be used there: accepted by now, of the right material, not expired at `at`."""
    lot = Lot.objects.filter(number=number).first()
    if lot is None:
        raise InvalidInput(
            f"There is no lot {number}. Receive it first, or correct its number.", code="unknown_lot", field="value"
        )
    if lot.material != material.key:
        raise InvalidInput(
            f"Lot {number} is {lot.name or lot.material}; this step takes {material.name} ({material.key}).",
            code="wrong_material",
            field="value",
        )
    if lot.status != Lot.Status.ACCEPTED:
        raise Conflict(
            f"Lot {number} is {lot.get_status_display().lower()}; only an accepted lot may be used.",
            code="lot_not_accepted",
            field="value",
        )
    if lot.expires_at <= at:
        raise Conflict(
            f"Lot {number} expired at {lot.expires_at:%Y-%m-%d %H:%M} UTC.", code="lot_expired", field="value"
        )
    if identity and lot.identity != identity and (lot.identity or material.kind == "cells"):
        carried = f"the identity {lot.identity}" if lot.identity else "no identity"
        raise InvalidInput(
            f"Lot {number} carries {carried}, not that of this batch. Stop and find out whose cells these are.",
            code=IDENTITY_MISMATCH,
            field="value",
        )
    return lot


def usable_batch(number: str, *, material: Material, at: datetime) -> Batch:
    """The batch named as a material, if it may be used: of the right kind, released by now, not expired at `at`."""
    source = Batch.objects.select_related("protocol_version").filter(number=number).first()
    if source is None:
        raise InvalidInput(f"There is no batch {number}.", code="unknown_batch", field="value")
    if source.protocol_version.kind != material.protocol_kind:
        raise InvalidInput(
            f"Batch {number} is a {source.protocol_version.kind}; this step takes a {material.protocol_kind} batch.",
            code="wrong_material",
            field="value",
        )
    if source.status != BatchStatus.RELEASED:
        label = BatchStatus(source.status).label.lower()
        raise Conflict(
            f"Batch {number} is {label}; only a released batch may be used.", code="batch_not_released", field="value"
        )
    if source.expires_at is not None and source.expires_at <= at:
        raise Conflict(
            f"Batch {number} expired at {source.expires_at:%Y-%m-%d %H:%M} UTC.", code="batch_expired", field="value"
        )
    refuse_unsound(source)
    return source


def _instrument_of(received: Mapping[str, str] | None) -> Equipment | None:
    if not received or not received.get("equipment"):
        return None
    return instrument_for(
        received["equipment"], kind="dose_calibrator", at=parse_instant(received.get("at"), field="received.at")
    )


def _quantity(given: Mapping[str, str] | None, *, field: str, timed: bool) -> dict[str, str] | None:
    """The quantity as typed, once it is known to be one."""
    if not given:
        return None
    parse_nonnegative(given.get("value", ""), field=f"{field}.value")
    measured_in, kind = unit(given.get("unit", ""), field=f"{field}.unit"), "MBq" if timed else "mL"
    if measured_in.dimension != dimension_of(kind):
        raise wrong_unit(measured_in, dimension_of(kind), field=f"{field}.unit")
    kept = {"value": str(given["value"]).strip(), "unit": given["unit"]}
    if str(given.get("u") or "").strip():
        kept["u"] = str(parse_nonnegative(given["u"], field=f"{field}.u"))
    kept |= {name: given[name].strip() for name in ("zone", "setting", "geometry") if given.get(name, "").strip()}
    if timed:
        at = parse_instant(given.get("at"), field=f"{field}.at")
        if field == "received" and at > database_now():
            raise InvalidInput("The lot cannot have been read in the future.", code="future_time", field=f"{field}.at")
        if field == "stated" and at > database_now() + STATED_AHEAD:
            raise InvalidInput(
                f"{field}.at: {at:%Y-%m-%d} is more than {STATED_AHEAD.days} days ahead; that cannot be right.",
                code="out_of_range",
                field=f"{field}.at",
            )
        kept["at"] = at.isoformat()
    return kept
