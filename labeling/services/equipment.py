"""The register of instruments, their checks and calibrations."""

from __future__ import annotations

import re
from datetime import datetime

from django.db import IntegrityError, transaction

from labeling.domain.quantities import parse_nonnegative
from labeling.models import Calibration, Equipment, EquipmentCheck
from labeling.selectors.clock import database_now
from labeling.selectors.stock import passed_check_on_day_of
from lims.accounts.actors import Actor
from lims.accounts.roles import Permission, require
from lims.audit.models import Operation
from lims.audit.operations import operation
from lims.errors import Conflict, InvalidInput
from lims.oversight.models import Alarm
from lims.oversight.services import raise_alarm

MOST_OFFSET_SECONDS = 86_400

CODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")  # it stands in addresses


def register_equipment(*, actor: Actor, code: str, kind: str, name: str = "", serial: str = "") -> Equipment:
    require(actor.user, Permission.KEEP_EQUIPMENT)
    if not CODE.fullmatch(code):
        raise InvalidInput(
            f"“{code}” cannot be a code: it has letters, digits, points, dashes and underscores.",
            code="bad_name",
            field="code",
        )
    with operation(actor=actor, action="equipment.register", subject=code):
        try:
            with transaction.atomic():
                return Equipment.objects.create(
                    code=code, kind=kind, name=name, serial=serial, registered_by=actor.user
                )
        except IntegrityError:
            raise Conflict(
                f"An instrument {code} is registered already.", code="already_exists", field="code"
            ) from None


def record_check(
    *,
    actor: Actor,
    code: str,
    at: datetime | None,
    outcome: str,
    note: str = "",
    clock_offset_seconds: int | None = None,
) -> EquipmentCheck:
    """A check of an instrument, passed or failed, at the time it was made, with the offset of its own clock.

    A failed check and a clock that is off by more than a minute raise an alarm.
    """
    require(actor.user, Permission.KEEP_EQUIPMENT)
    equipment = find_equipment(code)
    with operation(actor=actor, action="equipment.check", subject=equipment.code) as op:
        now = database_now()
        moment = at or now
        if moment > now:
            raise InvalidInput(
                "The check lies in the future; give the time it was made.", code="future_time", field="at"
            )
        if outcome not in EquipmentCheck.Outcome.values:
            raise InvalidInput(
                f"The outcome is {outcome!r}; it is pass or fail.", code="unknown_choice", field="outcome"
            )
        check = EquipmentCheck.objects.create(
            equipment=equipment,
            at=moment,
            outcome=outcome,
            note=note,
            clock_offset_seconds=_offset(clock_offset_seconds),
            recorded_by=actor.user,
        )
        _raise_alarms(op, check)
        return check


def _offset(seconds: int | None) -> int | None:
    if seconds is not None and abs(seconds) > MOST_OFFSET_SECONDS:
        raise InvalidInput(
            f"The clock offset is {seconds} s, more than a day. Give the seconds by which its clock is ahead.",
            code="out_of_range",
            field="clock_offset_seconds",
        )
    return seconds


def _raise_alarms(op: Operation, check: EquipmentCheck) -> None:
    code = check.equipment.code
    if check.outcome == EquipmentCheck.Outcome.FAIL:
        note = f": {check.note}" if check.note else "."
        raise_alarm(op, kind=Alarm.Kind.CHECK_FAILED, subject=code, text=f"The check of {code} failed{note}")
    if check.clock_is_off:
        raise_alarm(
            op,
            kind=Alarm.Kind.INSTRUMENT_CLOCK,
            subject=code,
            text=f"The clock of {code} is {check.clock_offset_seconds:+d} s off; times it prints are wrong by as much.",
        )


def record_calibration(
    *,
    actor: Actor,
    code: str,
    valid_from: datetime,
    relative_u_percent: str,
    repeatability_percent: str = "",
    certificate: str = "",
) -> Calibration:
    """The relative standard uncertainties of an instrument: of its calibration factor, and of a single reading."""
    require(actor.user, Permission.KEEP_EQUIPMENT)
    equipment = find_equipment(code)
    parse_nonnegative(relative_u_percent, field="relative_u_percent")
    if repeatability_percent.strip():
        parse_nonnegative(repeatability_percent, field="repeatability_percent")
    with operation(actor=actor, action="equipment.calibrate", subject=equipment.code):
        return Calibration.objects.create(
            equipment=equipment,
            valid_from=valid_from,
            relative_u_percent=relative_u_percent.strip(),
            repeatability_percent=repeatability_percent.strip(),
            certificate=certificate,
            recorded_by=actor.user,
        )


def find_equipment(code: str, *, field: str = "equipment") -> Equipment:
    equipment = Equipment.objects.filter(code=code).first()
    if equipment is None:
        raise InvalidInput(
            f"There is no instrument {code} in the register. Register it, or correct its code.",
            code="unknown_instrument",
            field=field,
        )
    return equipment


def instrument_for(code: str, *, kind: str, at: datetime) -> Equipment:
    """The instrument of a reading: registered, of the kind the protocol asks for, checked on the reading's day."""
    if not code:
        raise InvalidInput(
            f"Say on which {kind.replace('_', ' ')} this was measured.", code="instrument_missing", field="equipment"
        )
    equipment = find_equipment(code)
    if kind and equipment.kind != kind:
        raise InvalidInput(
            f"{code} is a {equipment.kind.replace('_', ' ')}; this value is measured on a {kind.replace('_', ' ')}.",
            code="wrong_instrument",
            field="equipment",
        )
    if not passed_check_on_day_of(equipment, at):
        raise Conflict(
            f"{code} has no passed check on the day of this reading. Check it and record the check first.",
            code="instrument_not_checked",
            field="equipment",
        )
    return equipment
