"""Whether an instrument is in order: its checks, calibrations, what is due, and what stands against a reading on it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any

from django.utils import timezone

from labeling.models import Calibration, Equipment, EquipmentCheck, EquipmentRules, ServiceStatus
from labeling.selectors.calibrations import Calibrations

Kind = EquipmentCheck.Kind
DAILY = (Kind.DAILY, Kind.CONSTANCY)
INTERVALS = {Kind.LINEARITY: "linearity_days", Kind.ACCURACY: "accuracy_days", Kind.SERVICE: "service_days"}
SOON = timedelta(days=14)


@dataclass(frozen=True, slots=True)
class Fault:
    """What stands against a reading. An `allowable` one a second person may sign for, where the protocol says so."""

    code: str
    text: str
    allowable: bool = True


@dataclass(frozen=True, slots=True)
class Due:
    """When something has to be done again; `state` is `ok`, `soon`, `overdue` or `never`."""

    kind: str
    at: datetime | None
    state: str


@dataclass(frozen=True, slots=True)
class Condition:
    """An instrument as it stood at an instant."""

    equipment: Equipment
    at: datetime
    rules: EquipmentRules
    status: ServiceStatus | None
    today: Sequence[EquipmentCheck]  # of the site's day, oldest first
    newest: Mapping[str, EquipmentCheck]  # by kind
    calibrations: Calibrations

    @property
    def in_service(self) -> bool:
        return self.status is None or self.status.in_service

    @property
    def checked_today(self) -> bool:
        return not any(fault.code == "instrument_not_checked" for fault in _daily(self))

    @property
    def dues(self) -> tuple[Due, ...]:
        return tuple(_dues(self))


def conditions(
    equipment: Sequence[Equipment], *, at: datetime | None = None, nuclide: str = ""
) -> dict[int, Condition]:
    """The condition of each instrument by its number: five queries, however many there are."""
    moment = at or timezone.now()
    start, end = _day_of(moment)
    known: dict[str, dict[int, Any]] = {
        "rules": _newest(EquipmentRules.objects.filter(equipment__in=equipment).select_related("daily_source")),
        "status": _newest(
            ServiceStatus.objects.filter(equipment__in=equipment, recorded_at__lte=moment).select_related("signature")
        ),
    }
    today: dict[int, list[EquipmentCheck]] = {}
    on_day = EquipmentCheck.objects.filter(equipment__in=equipment, kind__in=DAILY, at__gte=start, at__lt=end)
    for check in on_day.order_by("at", "id"):
        today.setdefault(check.equipment_id, []).append(check)
    newest: dict[int, dict[str, EquipmentCheck]] = {}
    checks = EquipmentCheck.objects.filter(equipment__in=equipment, at__lt=end)
    for check in checks.order_by("equipment_id", "kind", "-at", "-id").distinct("equipment_id", "kind"):
        newest.setdefault(check.equipment_id, {})[check.kind] = check
    periods: dict[int, list[Calibration]] = {}
    for period in Calibration.objects.filter(equipment__in=equipment).select_related("certificate_kept"):
        periods.setdefault(period.equipment_id, []).append(period)
    return {
        row.pk: Condition(
            row,
            moment,
            rules=known["rules"].get(row.pk) or EquipmentRules(equipment=row),
            status=known["status"].get(row.pk),
            today=today.get(row.pk, []),
            newest=newest.get(row.pk, {}),
            calibrations=Calibrations(nuclide, periods.get(row.pk, []), []),
        )
        for row in equipment
    }


def condition_of(equipment: Equipment, *, at: datetime | None = None, nuclide: str = "") -> Condition:
    return conditions([equipment], at=at, nuclide=nuclide)[equipment.pk]


def faults_of(condition: Condition, *, geometry: str | None = None) -> tuple[Fault, ...]:
    """Everything that stands against a reading at the instant of the condition, the gravest first.

    With a `geometry` the calibration of that nuclide and geometry has to be in force; without, all of them.
    """
    return (*_service(condition), *_overdue(condition, geometry), *_periodic(condition), *_daily(condition))


def checked_afterwards(condition: Condition) -> str:
    """A sentence where the check that a reading rests on was recorded late, after the reading; else nothing."""
    counting = {check.source_id: check for check in condition.today}.values()
    late = [check for check in counting if check.late and check.recorded_at > condition.at]
    if not late:
        return ""
    check = late[-1]
    recorded = timezone.localtime(check.recorded_at).strftime("%H:%M on %-d %b %Y")
    return f"The check of {condition.equipment.code} was recorded after this reading, at {recorded}: {check.reason}"


def _service(condition: Condition) -> Iterator[Fault]:
    if not condition.in_service and condition.status is not None:
        why = condition.status.signature.reason
        yield Fault(
            "instrument_out_of_service",
            f"{condition.equipment.code} is out of service: {why.rstrip('.')}. Take another one, or put it back first.",
            allowable=False,
        )


def _overdue(condition: Condition, geometry: str | None) -> Iterator[Fault]:
    code = condition.equipment.code
    for period in periods_in_force(condition, geometry):
        if period.valid_until is not None and period.valid_until <= condition.at:
            what = " ".join(filter(None, (period.nuclide, period.geometry)))
            yield Fault(
                "instrument_overdue",
                f"The calibration of {code}{f' for {what}' if what else ''} ended on {_date(period.valid_until)}."
                " Record the new one first.",
            )
    days, newest = condition.rules.calibration_days, newest_period(condition)
    if days and (newest is None or newest.valid_from + timedelta(days=days) <= condition.at):
        since = f"since {_date(newest.valid_from + timedelta(days=days))}" if newest else "and has none on record"
        yield Fault("instrument_overdue", f"{code} is due for calibration {since}. Record the new one first.")


def _periodic(condition: Condition) -> Iterator[Fault]:
    code = condition.equipment.code
    for kind, name in INTERVALS.items():
        newest, days = condition.newest.get(kind), getattr(condition.rules, name)
        word = kind.label.lower()
        if newest is not None and newest.outcome == EquipmentCheck.Outcome.FAIL:
            yield Fault("instrument_failed", f"The newest {word} of {code} failed, on {_date(newest.at)}.")
        elif days and newest is None:
            yield Fault("instrument_overdue", f"{code} is due for {word} and has none on record.")
        elif days and newest is not None and newest.at + timedelta(days=days) <= condition.at:
            yield Fault(
                "instrument_overdue", f"{code} is due for {word} since {_date(newest.at + timedelta(days=days))}."
            )


def _daily(condition: Condition) -> Iterator[Fault]:
    """Of the day's checks the newest counts, of each source by itself: one that passes does not make good another."""
    code = condition.equipment.code
    newest = {check.source_id: check for check in condition.today}
    if not newest:
        yield Fault(
            "instrument_not_checked",
            f"{code} has no passed check on the day of this reading. Check it and record the check first.",
        )
    for check in newest.values():
        if check.outcome == EquipmentCheck.Outcome.FAIL:
            told = f" ({check.deviation_percent} %)" if check.deviation_percent else ""
            yield Fault(
                "instrument_not_checked",
                f"{code} failed its check on the day of this reading{told}. Find out why, and check it again.",
            )
    wanted = condition.rules.daily_source
    if newest and wanted is not None and wanted.pk not in newest:
        yield Fault(
            "instrument_not_checked",
            f"{code} is checked every day against {wanted.code}, and was not on the day of this reading.",
        )


def periods_in_force(condition: Condition, geometry: str | None) -> Iterable[Calibration]:
    """The calibrations that hold: the one for a geometry, or without it the newest for each nuclide and geometry."""
    if geometry is not None:
        found = condition.calibrations.period_of(condition.equipment.pk, at=condition.at, geometry=geometry)
        return [found] if found else []
    begun = [period for period in condition.calibrations.periods if period.valid_from <= condition.at]
    newest = {(p.nuclide, p.geometry): p for p in sorted(begun, key=lambda p: (p.valid_from, p.pk))}
    return newest.values()


def newest_period(condition: Condition) -> Calibration | None:
    begun = [period for period in condition.calibrations.periods if period.valid_from <= condition.at]
    return max(begun, key=lambda period: (period.valid_from, period.pk), default=None)


def _dues(condition: Condition) -> Iterator[Due]:
    ends = [period.valid_until for period in periods_in_force(condition, None) if period.valid_until is not None]
    days, newest = condition.rules.calibration_days, newest_period(condition)
    if days:
        ends += [newest.valid_from + timedelta(days=days)] if newest else []
    if ends or days:
        yield _due("calibration", min(ends) if ends else None, condition.at)
    for kind, name in INTERVALS.items():
        if interval := getattr(condition.rules, name):
            done = condition.newest.get(kind)
            yield _due(kind.value, done.at + timedelta(days=interval) if done else None, condition.at)


def _due(kind: str, at: datetime | None, now: datetime) -> Due:
    if at is None:
        return Due(kind, None, "never")
    return Due(kind, at, "overdue" if at <= now else "soon" if at - now <= SOON else "ok")


def _newest(rows: Any) -> dict[int, Any]:
    return {row.equipment_id: row for row in rows.order_by("equipment_id", "-id").distinct("equipment_id")}


def _day_of(moment: datetime) -> tuple[datetime, datetime]:
    """From midnight to midnight at the site, which is not always 24 hours."""
    day, zone = timezone.localtime(moment).date(), timezone.get_current_timezone()
    return datetime.combine(day, time(), tzinfo=zone), datetime.combine(day + timedelta(days=1), time(), tzinfo=zone)


def _date(moment: datetime) -> str:
    return timezone.localtime(moment).strftime("%-d %b %Y")
