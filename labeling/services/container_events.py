"""The events of containers: read from what was given, added under a lock, refused where nothing is left."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.utils import timezone

from labeling.domain.containers import Content, Entry, Ledger
from labeling.domain.display import display
from labeling.domain.quantities import parse_instant, parse_nonnegative
from labeling.domain.uncertainty import Number, nominal, standard_uncertainty
from labeling.domain.units import dimension_of, unit, wrong_unit
from labeling.models import Container, ContainerEvent
from labeling.selectors.clock import database_now
from labeling.selectors.ledgers import MBQ, ML, events_of, known_since, ledger_of
from labeling.services.equipment import instrument_for
from lims.audit.models import Operation
from lims.errors import Conflict, InvalidInput, NotFound

Quantity = Mapping[str, str]
Status = Container.Status
AT_WORK = (Status.IN_USE, Status.USED_UP)  # what is used up may be read, filled or emptied once more


def lock_container(container_id: int) -> Container:
    """The container, locked until the operation ends: what it holds is read and changed by one at a time."""
    row = Container.objects.select_for_update(of=("self",)).filter(pk=container_id).first()
    if row is None:
        raise NotFound("There is no such container.")
    return row


def refuse_unless_in_use(container: Container) -> None:
    if container.status not in AT_WORK:
        raise Conflict(
            f"{container.code} is {container.get_status_display().lower()}; nothing goes in or out of it any more.",
            code="container_closed",
            container_status=container.status,
        )


def refuse_before_it_was_there(container: Container, at: datetime) -> None:
    there = known_since(container)
    if at < there:
        raise InvalidInput(
            f"{container.code} was not there yet at {timezone.localtime(at):%Y-%m-%d %H:%M %Z}; "
            f"the first that is known of it is of {timezone.localtime(there):%Y-%m-%d %H:%M %Z}.",
            code="before_start",
            field="at",
        )


def add_event(op: Operation, *, kind: ContainerEvent.Kind, measured_at: datetime, **columns: Any) -> ContainerEvent:
    return ContainerEvent.objects.create(
        kind=kind, measured_at=measured_at, recorded_by=op.actor, operation=op, **columns
    )


def refresh(container: Container) -> Ledger:
    """Bring the content that the row keeps up to its events, and whether it is used up: emptied by the last of them.

    A waste bin that was emptied is used on. What a person called used up is in use again with its next event.
    """
    book = ledger_of(container, events_of([container]))
    end = book.end
    if container.status == Container.Status.CLEARED:  # it is final; what was corrected since shows in its events
        return book
    container.content = None if end.activity is None else nominal(end.activity)
    container.content_u = None if end.activity is None else standard_uncertainty(end.activity) or None
    container.content_volume = None if end.volume is None else nominal(end.volume)
    container.content_at = end.at
    if container.status in AT_WORK:
        emptied = book.is_emptied and container.kind != Container.Kind.WASTE
        container.status = Status.USED_UP if emptied else Status.IN_USE
    container.save(update_fields=["content", "content_u", "content_volume", "content_at", "status"])
    return book


def overdraft(container: Container, line: Entry, before: Content) -> Conflict:
    """Why an amount is refused, with what is there and the way out."""
    if line.overdrawn == "volume":
        asked, there = _volume_text(line.event.volume), _volume_text(before.volume)
    else:
        asked, there = activity_text(line.event.activity), activity_text(before.activity)
    at = timezone.localtime(line.event.at)
    return Conflict(
        f"{container.code} holds {there} at {at:%H:%M %Z}; {asked} cannot be taken from it. Read the amount again; "
        f"if it stands, read {container.code} itself and record that first.",
        code="overdrawn",
        field="value",
        container=container.code,
        there=there,
    )


def activity_text(amount: Number | None) -> str:
    """`9.412 ± 0.056 MBq`, or that nobody knows."""
    if amount is None:
        return "an unknown activity"
    u = standard_uncertainty(amount)
    return display(repr(nominal(amount) / MBQ), repr(u / MBQ) if u else None, "MBq")


def _volume_text(volume: Number | None) -> str:
    return "an unknown volume" if volume is None else display(repr(nominal(volume) / ML), None, "mL")


def columns_of(moved: Content) -> dict[str, str | None]:
    """An amount as an event keeps it: decimal text in MBq and mL."""
    u = 0.0 if moved.activity is None else standard_uncertainty(moved.activity) / MBQ
    return {
        "activity": None if moved.activity is None else repr(nominal(moved.activity) / MBQ),
        "u": repr(u) if u else None,
        "volume": None if moved.volume is None else repr(nominal(moved.volume) / ML),
    }


def measured_columns(activity: Quantity | None, volume: Quantity | None, *, at: datetime) -> dict[str, Any]:
    """The columns of an event from what was given; the instant and the instrument are those of the activity."""
    columns: dict[str, Any] = {"measured_at": at}
    if volume:
        columns["volume"] = _converted(volume, "mL", field="volume")
    if activity:
        columns["activity"] = _converted(activity, "MBq", field="activity")
        columns["typed"] = f"{str(activity['value']).strip()} {activity['unit']}"
        if activity.get("u"):
            columns["u"] = _converted({**activity, "value": activity["u"]}, "MBq", field="activity.u")
        if activity.get("at"):
            columns["measured_at"] = parse_instant(activity["at"], field="activity.at")
        if columns["measured_at"] > database_now():
            raise InvalidInput("A reading cannot lie in the future.", code="future_time", field="activity.at")
        if activity.get("equipment"):
            columns["equipment"] = instrument_for(
                activity["equipment"], kind="dose_calibrator", at=columns["measured_at"]
            )
    return columns


def _converted(given: Quantity, wanted: str, *, field: str) -> str:
    number = parse_nonnegative(given.get("value", ""), field=f"{field}.value")
    spelled = unit(given.get("unit", ""), field=f"{field}.unit")
    if spelled.dimension != dimension_of(wanted):
        raise wrong_unit(spelled, dimension_of(wanted), field=f"{field}.unit")
    return str(unit(wanted).from_canonical(spelled.to_canonical(number)))


def code_of(container_id: int) -> str:
    code = Container.objects.filter(pk=container_id).values_list("code", flat=True).first()
    if code is None:
        raise NotFound("There is no such container.")
    return code
