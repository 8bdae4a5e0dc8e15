"""On which instrument a reading was made, and whether it counts: in order, or allowed by a second person."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from labeling.domain.instruments import parse_setting
from labeling.domain.protocol import EquipmentNeed, Field
from labeling.models import Batch, Calibration, Equipment, UncheckedUse
from labeling.selectors.clock import database_now
from labeling.selectors.instruments import Condition, Fault, checked_afterwards, condition_of, faults_of
from labeling.services.equipment import named_instrument
from labeling.services.lifecycle import lock_batch
from lims.accounts.actors import Actor
from lims.accounts.attestation import Credential, attest
from lims.accounts.roles import Permission
from lims.audit.operations import operation
from lims.errors import Conflict, InvalidInput, SegregationOfDuties
from lims.signatures.meanings import Meaning
from lims.signatures.signing import sign

SIGNED_REASON = "signed_reason"


@dataclass(frozen=True, slots=True)
class Gauged:
    """An instrument with the setting and geometry of one reading; `allowed` says what was allowed in spite of it,
    `warning` what a reviewer has to know of its check."""

    equipment: Equipment
    setting: str
    geometry: str
    allowed: str = ""
    warning: str = ""


def instrument_of_reading(
    batch: Batch, step: str, definition: Field, *, code: str, setting: str, geometry: str, at: datetime, by: int
) -> Gauged:
    """The instrument that a field asks for. Raises Conflict or InvalidInput for what stands against the reading."""
    need = _need(batch, definition)
    equipment = named_instrument(code, kind=need.kind)
    condition = condition_of(equipment, at=at, nuclide=batch.protocol_version.nuclide)
    geometry, typed = geometry.strip(), parse_setting(setting)
    if definition.is_quantity:
        _refuse_other_setting(condition, _period(condition, geometry), typed)
    faults = faults_of(condition, geometry=geometry)
    if not faults:
        return Gauged(equipment, typed, geometry, warning=checked_afterwards(condition))
    use = UncheckedUse.objects.select_related("signature").filter(
        batch=batch, step=step, field=definition.key, equipment=equipment
    )
    allowed = use.exclude(signature__signer=by).order_by("-id").first()
    if allowed is None and use.exists():
        raise SegregationOfDuties("You allowed this reading yourself; another person has to record it.")
    if allowed is None or need.unchecked != SIGNED_REASON or not all(fault.allowable for fault in faults):
        raise _refusal(faults[0])
    unsigned = [fault for fault in faults if fault.text not in allowed.why]
    if unsigned:  # something else went wrong since the second person signed
        raise _refusal(unsigned[0])
    told = " ".join(fault.text for fault in faults)
    signature = allowed.signature
    return Gauged(
        equipment,
        typed,
        geometry,
        allowed=f"{definition.label} was read on an instrument that was not in order. {told} Allowed by"
        f" {signature.full_name}: {signature.reason}",
    )


def allow_unchecked(
    *, actor: Actor, number: str, step: str, field: str, equipment: str, reason: str, credential: Credential
) -> UncheckedUse:
    """A second person lets one reading count although its instrument is not in order, where the protocol says so.

    Whoever signs here cannot record that reading themselves. It opens a deviation when it is recorded.
    """
    attestation = attest(actor, credential, purpose="equipment.allow")
    attestation.require(Permission.ALLOW_UNCHECKED)
    if not reason.strip():
        raise InvalidInput("Say why this reading may count.", code="reason_missing", field="reason")
    with operation(actor=attestation.actor, action="equipment.allow", subject=number, reason=reason.strip()) as op:
        batch = lock_batch(number)
        definition = batch.protocol_version.document.field(step, field)
        need = _need(batch, definition)
        used = named_instrument(equipment, kind=need.kind)
        nuclide = batch.protocol_version.nuclide
        faults = faults_of(condition_of(used, at=database_now(), nuclide=nuclide))
        if not faults:
            raise Conflict(f"{equipment} is in order; nothing has to be allowed.", code="nothing_to_allow")
        if need.unchecked != SIGNED_REASON or not all(fault.allowable for fault in faults):
            raise _refusal(faults[0])
        why = " ".join(fault.text for fault in faults)
        manifest = {"batch": number, "step": step, "field": field, "equipment": equipment, "why": why}
        signature = sign(
            op,
            attestation,
            meaning=Meaning.ALLOWED,
            permission=Permission.ALLOW_UNCHECKED,
            covers=f"{step}.{field} of {number} on {equipment}",
            manifest=manifest,
        )
        return UncheckedUse.objects.create(
            batch=batch, step=step, field=field, equipment=used, why=why, signature=signature
        )


def _need(batch: Batch, definition: Field) -> EquipmentNeed:
    need = batch.protocol_version.document.equipment_need(definition.equipment or "")
    if need is None:
        raise InvalidInput(
            f"{definition.label} is not read on an instrument.", code="instrument_not_expected", field="equipment"
        )
    return need


def _period(condition: Condition, geometry: str) -> Calibration | None:
    """The calibration for this reading. Where there are some for certain geometries only, one is to be named."""
    known = condition.calibrations
    period = known.period_of(condition.equipment.pk, at=condition.at, geometry=geometry)
    if period is not None:
        return period
    begun = [p for p in known.periods if p.valid_from <= condition.at and p.nuclide in ("", known.nuclide)]
    geometries = sorted({p.geometry for p in begun})
    if geometries:
        code, offered = condition.equipment.code, ", ".join(geometries)
        raise InvalidInput(
            f"{code} is calibrated for {known.nuclide} in these geometries: {offered}. Say in which one this was read."
            if not geometry
            else f"{code} is not calibrated for {known.nuclide} in “{geometry}”, but in: {offered}.",
            code="geometry_missing" if not geometry else "wrong_geometry",
            field="geometry",
        )
    return None


def _refuse_other_setting(condition: Condition, period: Calibration | None, setting: str) -> None:
    """A wrong dial setting biases every reading alike (Beattie 2014: 10 % for Zr-89), and no one sees it in them."""
    if period is None or not period.setting:
        return
    code = condition.equipment.code
    if not setting:
        raise InvalidInput(
            f"Say at which setting of {code} this was read; it is calibrated for {period.nuclide} at {period.setting}.",
            code="setting_missing",
            field="setting",
        )
    if Decimal(setting) != Decimal(period.setting):
        raise InvalidInput(
            f"{code} is calibrated for {period.nuclide} at setting {period.setting}; this was read at {setting}."
            f" Set it to {period.setting} and read again.",
            code="wrong_setting",
            field="setting",
        )


def _refusal(fault: Fault) -> Conflict:
    return Conflict(fault.text, code=fault.code, field="equipment")
