"""The register of instruments and their daily checks."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from django.db import IntegrityError, transaction

from labeling.models import Equipment, EquipmentCheck
from labeling.selectors.clock import database_now
from labeling.selectors.instruments import condition_of, faults_of
from labeling.services.codes import refuse_bad_code, refuse_known
from labeling.services.times import recorded_late
from lims.accounts.actors import Actor
from lims.accounts.roles import Permission, require
from lims.audit.models import Operation
from lims.audit.operations import operation
from lims.errors import Conflict, InvalidInput
from lims.oversight.models import Alarm
from lims.oversight.services import raise_alarm

MOST_OFFSET_SECONDS = 86_400
OLDEST_CHECK = timedelta(days=5 * 366)  # what is older than this is a slip of the year

DESCRIBED = ("name", "maker", "model", "location")


def register_equipment(
    *,
    actor: Actor,
    code: str,
    kind: str,
    name: str = "",
    serial: str = "",
    maker: str = "",
    model: str = "",
    location: str = "",
) -> Equipment:
    require(actor.user, Permission.KEEP_EQUIPMENT)
    refuse_bad_code(code)
    refuse_known(code, besides="instrument", field="code")
    with operation(actor=actor, action="equipment.register", subject=code):
        try:
            with transaction.atomic():
                return Equipment.objects.create(
                    code=code,
                    kind=kind,
                    name=name,
                    serial=serial,
                    maker=maker,
                    model=model,
                    location=location,
                    registered_by=actor.user,
                )
        except IntegrityError:
            refuse_known(code, besides="instrument", field="code")
            raise Conflict(
                f"An instrument {code} is registered already.", code="already_exists", field="code"
            ) from None


def describe_equipment(*, actor: Actor, code: str, description: Mapping[str, str], reason: str) -> Equipment:
    """Another name, maker, model or location of an instrument. Its code, kind and serial number are what it is."""
    require(actor.user, Permission.KEEP_EQUIPMENT)
    if not reason.strip():
        raise InvalidInput("Say why the register is changed.", code="reason_missing", field="reason")
    changed = {name: text.strip() for name, text in description.items() if name in DESCRIBED}
    with operation(actor=actor, action="equipment.describe", subject=code, reason=reason.strip()):
        equipment = Equipment.objects.select_for_update().get(pk=find_equipment(code).pk)
        for name, text in changed.items():
            setattr(equipment, name, text)
        equipment.save(update_fields=list(changed))
        return equipment


def record_check(
    *,
    actor: Actor,
    code: str,
    at: datetime | None,
    outcome: str,
    note: str = "",
    reason: str = "",
    clock_offset_seconds: int | None = None,
) -> EquipmentCheck:
    """A check of an instrument, passed or failed, at the time it was made, with the offset of its own clock.

    One that is recorded late says why and is marked as late. A failed check, and a clock that is off by more
    than a minute, raise an alarm.
    """
    require(actor.user, Permission.KEEP_EQUIPMENT)
    equipment = find_equipment(code)
    with operation(actor=actor, action="equipment.check", subject=equipment.code, reason=reason) as op:
        moment, late = time_of_check(at, reason=reason)
        if outcome not in EquipmentCheck.Outcome.values:
            raise InvalidInput(
                f"The outcome is {outcome!r}; it is pass or fail.", code="unknown_choice", field="outcome"
            )
        check = EquipmentCheck.objects.create(
            equipment=equipment,
            at=moment,
            outcome=outcome,
            note=note,
            late=late,
            reason=reason.strip(),
            clock_offset_seconds=clock_offset(clock_offset_seconds),
            recorded_by=actor.user,
        )
        raise_alarms(op, check)
        return check


def time_of_check(at: datetime | None, *, reason: str) -> tuple[datetime, bool]:
    """When a check was made, and whether it is recorded late: now, unless it says an earlier time that can be."""
    now = database_now()
    if at is None:
        return now, False
    refuse_time_of_check(at, now=now)
    return at, recorded_late(at, now=now, reason=reason, done="made")


def refuse_time_of_check(at: datetime, *, now: datetime) -> None:
    if at > now:
        raise InvalidInput("The check lies in the future; give the time it was made.", code="future_time", field="at")
    if at < now - OLDEST_CHECK:
        raise InvalidInput(
            f"{at:%Y-%m-%d} is more than five years ago; give the time at which the check was made.",
            code="out_of_range",
            field="at",
        )


def clock_offset(seconds: int | None) -> int | None:
    if seconds is not None and abs(seconds) > MOST_OFFSET_SECONDS:
        raise InvalidInput(
            f"The clock offset is {seconds} s, more than a day. Give the seconds by which its clock is ahead.",
            code="out_of_range",
            field="clock_offset_seconds",
        )
    return seconds


def raise_alarms(op: Operation, check: EquipmentCheck) -> None:
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
    """The instrument of a reading: registered, of the kind that is asked for, and in order at that time."""
    equipment = named_instrument(code, kind=kind)
    for fault in faults_of(condition_of(equipment, at=at)):
        raise Conflict(fault.text, code=fault.code, field="equipment")
    return equipment


def named_instrument(code: str, *, kind: str) -> Equipment:
    """The registered instrument of that code and kind, in order or not."""
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
    return equipment
