"""Calibrations of instruments: what a reading is multiplied by, for which nuclide, setting and geometry, until when."""

from __future__ import annotations

import hashlib
import re
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal

from labeling.domain.instruments import parse_factor, parse_setting
from labeling.domain.nuclides import nuclide as known_nuclide
from labeling.domain.quantities import parse_nonnegative
from labeling.models import Calibration, Entry, Equipment
from labeling.selectors.calibrations import calibrations_for
from labeling.selectors.clock import database_now
from labeling.services.calibration_certificates import keep_calibration_file
from labeling.services.equipment import find_equipment
from lims.accounts.actors import Actor
from lims.accounts.roles import Permission, require
from lims.audit.operations import operation
from lims.errors import Conflict, InvalidInput

LARGEST_PERCENT = 100
FURTHEST_BACK = timedelta(days=20 * 366)
FURTHEST_AHEAD = timedelta(days=366)
LONGEST_VALIDITY = timedelta(days=20 * 366)
SHA256 = re.compile(r"[0-9a-f]{64}")


def record_calibration(
    *,
    actor: Actor,
    code: str,
    valid_from: datetime,
    relative_u_percent: str,
    repeatability_percent: str = "",
    factor: str = "1",
    nuclide: str = "",
    setting: str = "",
    geometry: str = "",
    valid_until: datetime | None = None,
    certificate: str = "",
    certificate_sha256: str = "",
    certificate_file: bytes = b"",
    certificate_name: str = "",
    traceability: str = "",
) -> Calibration:
    """What is known of an instrument's readings from then on: a factor, and relative standard uncertainties in %.

    A factor or setting that would move readings which are recorded already is refused: those are restated, with a
    signature that has seen what moves.
    """
    require(actor.user, Permission.KEEP_EQUIPMENT)
    equipment = find_equipment(code)
    if nuclide:
        known_nuclide(nuclide, field="nuclide")
    elif setting.strip():
        raise InvalidInput("setting: say for which nuclide this setting is.", code="missing_value", field="nuclide")
    calibration = Calibration(
        equipment=equipment,
        valid_from=valid_from,
        valid_until=valid_until,
        relative_u_percent=percent(relative_u_percent, field="relative_u_percent"),
        repeatability_percent=percent(repeatability_percent, field="repeatability_percent", required=False),
        factor=str(parse_factor(factor.strip() or "1")),
        nuclide=nuclide,
        setting=parse_setting(setting),
        geometry=geometry.strip(),
        certificate=certificate.strip(),
        certificate_sha256=certificate_digest(certificate_sha256) or digest_of(certificate_file),
        traceability=traceability.strip(),
        recorded_by=actor.user,
    )
    with operation(actor=actor, action="equipment.calibrate", subject=equipment.code) as op:
        Equipment.objects.select_for_update().get(pk=equipment.pk)
        _refuse_absurd_times(calibration, now=database_now())
        _refuse_what_moves_readings(calibration)
        calibration.save(force_insert=True)
        if certificate_file:
            keep_calibration_file(op, calibration, certificate_file, certificate_name)
    return calibration


def percent(text: str, *, field: str, required: bool = True) -> str:
    """A relative uncertainty in %, as typed; more than the whole of the value is a slip."""
    typed = text.strip()
    if not typed and not required:
        return ""
    if parse_nonnegative(typed, field=field) > LARGEST_PERCENT:
        raise InvalidInput(f"{field}: {typed} % is more than the value itself.", code="out_of_range", field=field)
    return typed


def digest_of(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest() if content else ""


def certificate_digest(text: str) -> str:
    digest = text.strip().lower()
    if digest and not SHA256.fullmatch(digest):
        raise InvalidInput(
            "certificate_sha256: the SHA-256 of a file has 64 hexadecimal digits.",
            code="bad_digest",
            field="certificate_sha256",
        )
    return digest


def _refuse_absurd_times(calibration: Calibration, *, now: datetime) -> None:
    begins, ends = calibration.valid_from, calibration.valid_until
    if not now - FURTHEST_BACK <= begins <= now + FURTHEST_AHEAD:
        raise InvalidInput(
            f"valid_from: a calibration from {begins:%Y-%m-%d} cannot be right; it begins within the last 20 years,"
            " or the next one.",
            code="out_of_range",
            field="valid_from",
        )
    if ends is not None and not begins < ends <= begins + LONGEST_VALIDITY:
        raise InvalidInput(
            f"valid_until: a calibration from {begins:%Y-%m-%d} cannot end on {ends:%Y-%m-%d}.",
            code="out_of_range",
            field="valid_until",
        )


def _refuse_what_moves_readings(calibration: Calibration) -> None:
    """Neither the factor of an entry nor its setting changes behind the back of those who signed for it."""
    equipment = calibration.equipment
    entries = Entry.objects.filter(equipment=equipment, measured_at__gte=calibration.valid_from).exclude(unit="")
    if calibration.geometry:
        entries = entries.filter(geometry=calibration.geometry)
    if calibration.nuclide:
        entries = entries.filter(batch__protocol_version__nuclide=calibration.nuclide)
    periods = calibrations_for([equipment.pk], nuclide="")
    for entry in entries.select_related("batch__protocol_version").order_by("id"):
        known = replace(periods, nuclide=entry.batch.protocol_version.nuclide)
        period = known.period_of(equipment.pk, at=entry.measured_at, geometry=entry.geometry)
        moved = Decimal(period.factor if period else "1") != Decimal(calibration.factor)
        if moved or (calibration.setting and entry.setting not in ("", calibration.setting)):
            raise Conflict(
                f"{equipment.code} has readings since then, the first of them in {entry.batch.number}, that stand on"
                " another factor or setting. Restate them: that shows every batch which would move, and is signed."
                " Record this calibration from now on.",
                code="restatement_needed",
                field="valid_from",
                batch=entry.batch.number,
            )
