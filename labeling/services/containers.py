"""Containers: opened, read, filled and emptied. Nothing is taken that is not there."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone

from labeling.domain.containers import Change, Content, Entry, Event, Ledger
from labeling.domain.display import display
from labeling.domain.quantities import parse_instant, parse_nonnegative
from labeling.domain.uncertainty import Number, nominal, standard_uncertainty, variable
from labeling.domain.units import dimension_of, unit, wrong_unit
from labeling.models import Container, ContainerEvent
from labeling.selectors.clock import database_now
from labeling.selectors.ledgers import MBQ, ML, events_of, ledger_of
from labeling.selectors.nuclides import nuclide_in_use
from labeling.services.equipment import instrument_for
from lims.accounts.actors import Actor
from lims.accounts.roles import Permission, require
from lims.audit.models import Operation
from lims.audit.operations import operation
from lims.errors import Conflict, InvalidInput, NotFound

Kind = ContainerEvent.Kind
Quantity = Mapping[str, str]


def open_container(
    *,
    actor: Actor,
    kind: str,
    nuclide: str,
    code: str = "",
    name: str = "",
    activity: Quantity | None = None,
    volume: Quantity | None = None,
) -> Container:
    """A container outside any batch, such as a waste bin: empty, unless its first content is given."""
    require(actor.user, Permission.KEEP_CONTAINERS)
    if kind not in Container.Kind.values:
        raise InvalidInput(
            f"“{kind}” is no kind of container; there are {', '.join(Container.Kind.values)}.",
            code="unknown_choice",
            field="kind",
        )
    known = nuclide_in_use(nuclide)
    code = code.strip() or _next_code()
    with operation(actor=actor, action="container.open", subject=code) as op:
        row = Container(
            code=code,
            kind=kind,
            name=name.strip(),
            nuclide=known.code,
            half_life=nominal(known.half_life),
            half_life_u=standard_uncertainty(known.half_life) or None,
            opened_by=op.actor,
        )
        try:
            with transaction.atomic():
                row.save(force_insert=True)
        except IntegrityError:
            raise Conflict(f"There is a container {code} already.", code="already_exists", field="code") from None
        measured = _measured(activity, volume, at=database_now())
        given = measured if activity or volume else measured | {"activity": "0", "volume": "0"}
        add_event(op, kind=Kind.OPENING, target=row, **given)
        refresh(row)
    return row


def read_container(
    *,
    actor: Actor,
    container_id: int,
    activity: Quantity | None = None,
    volume: Quantity | None = None,
    reason: str = "",
) -> ContainerEvent:
    """What is in a container by measurement, outside a batch. It counts from its instant on, whatever was reckoned."""
    require(actor.user, Permission.KEEP_CONTAINERS)
    if not activity and not volume:
        raise InvalidInput("Give the activity or the volume that was read.", code="missing_value", field="activity")
    code = _code_of(container_id)
    with operation(actor=actor, action="container.read", subject=code, reason=reason) as op:
        row = lock_container(container_id)
        refuse_unless_in_use(row)
        measured = _measured(activity, volume, at=database_now())
        event = add_event(op, kind=Kind.READING, target=row, reason=reason.strip(), **measured)
        refresh(row)
    return event


def transfer(
    *,
    actor: Actor,
    container_id: int,
    to: str = "",
    activity: Quantity | None = None,
    volume: Quantity | None = None,
    at: datetime | None = None,
    reason: str = "",
) -> ContainerEvent:
    """Move an amount, or everything where none is given, into another container; or, without one, off the site.

    Raises Conflict (`overdrawn`) for more than is there, with what is.
    """
    require(actor.user, Permission.KEEP_CONTAINERS)
    if not to and not reason.strip():
        raise InvalidInput("Say where it went: it leaves the site.", code="reason_missing", field="reason")
    code = _code_of(container_id)
    target_id = _id_of(to) if to else None
    if target_id == container_id:
        raise InvalidInput("A transfer leads from one container into another.", code="same_container", field="to")
    with operation(actor=actor, action="container.transfer", subject=code, reason=reason) as op:
        locked = {pk: lock_container(pk) for pk in sorted({container_id, target_id or container_id})}
        source, target = locked[container_id], locked[target_id] if target_id else None
        for row in locked.values():
            refuse_unless_in_use(row)
        if target is not None and target.nuclide and source.nuclide and target.nuclide != source.nuclide:
            raise Conflict(
                f"{target.code} holds {target.nuclide}, and {source.code} {source.nuclide}: one container, one nuclide.",
                code="another_nuclide",
                field="to",
            )
        now = database_now()
        measured = _measured(activity, volume, at=at or now)
        if measured["measured_at"] > now:
            raise InvalidInput("A transfer cannot lie in the future.", code="future_time", field="at")
        event = add_event(
            op,
            kind=Kind.TRANSFER if target else Kind.REMOVAL,
            source=source,
            target=target,
            reason=reason.strip(),
            **_reckoned(source, measured),
        )
        for row in locked.values():
            refresh(row)
    return event


def lock_container(container_id: int) -> Container:
    """The container, locked until the operation ends: what it holds is read and changed by one at a time."""
    row = Container.objects.select_for_update(of=("self",)).filter(pk=container_id).first()
    if row is None:
        raise NotFound("There is no such container.")
    return row


def refuse_unless_in_use(container: Container) -> None:
    if container.status != Container.Status.IN_USE:
        raise Conflict(
            f"{container.code} is {container.get_status_display().lower()}; nothing goes in or out of it any more.",
            code="container_closed",
            container_status=container.status,
        )


def add_event(op: Operation, *, kind: ContainerEvent.Kind, measured_at: datetime, **columns: Any) -> ContainerEvent:
    return ContainerEvent.objects.create(
        kind=kind, measured_at=measured_at, recorded_by=op.actor, operation=op, **columns
    )


def refresh(container: Container) -> Ledger:
    """Bring the content that the row keeps up to its events."""
    book = ledger_of(container, events_of([container]))
    end = book.end
    container.content = None if end.activity is None else nominal(end.activity)
    container.content_u = None if end.activity is None else standard_uncertainty(end.activity) or None
    container.content_volume = None if end.volume is None else nominal(end.volume)
    container.content_at = end.at
    container.save(update_fields=["content", "content_u", "content_volume", "content_at"])
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


def _reckoned(source: Container, measured: dict[str, Any]) -> dict[str, Any]:
    """What goes over: as measured, by its volume's share, or everything; refused where it is not there."""
    activity, volume = measured.get("activity"), measured.get("volume")
    change = Change.TAKEN if activity is not None or volume is not None else Change.EMPTIED
    u = measured.get("u")
    event = Event(
        measured["measured_at"],
        change,
        None if activity is None else variable(float(activity) * MBQ, float(u) * MBQ if u else None, "taken"),
        None if volume is None else float(volume) * ML,
        "this transfer",
    )
    book = ledger_of(source, events_of([source]))
    after = book.and_then(event)
    line = after.entry("this transfer")
    if after.overdrafts and len(after.overdrafts) > len(book.overdrafts):
        raise overdraft(source, after.overdrafts[-1], book.at(event.at))
    moved = line.moved
    if moved.activity is None:
        raise Conflict(
            f"Nobody knows what {source.code} holds: read its activity first, or give that of the transfer.",
            code="content_unknown",
            field="activity",
        )
    return measured | columns_of(moved)


def columns_of(moved: Content) -> dict[str, str | None]:
    """An amount as an event keeps it: decimal text in MBq and mL."""
    u = 0.0 if moved.activity is None else standard_uncertainty(moved.activity) / MBQ
    return {
        "activity": None if moved.activity is None else repr(nominal(moved.activity) / MBQ),
        "u": repr(u) if u else None,
        "volume": None if moved.volume is None else repr(nominal(moved.volume) / ML),
    }


def _measured(activity: Quantity | None, volume: Quantity | None, *, at: datetime) -> dict[str, Any]:
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


def _code_of(container_id: int) -> str:
    code = Container.objects.filter(pk=container_id).values_list("code", flat=True).first()
    if code is None:
        raise NotFound("There is no such container.")
    return code


def _id_of(code: str) -> int:
    pk = Container.objects.filter(code=code).values_list("pk", flat=True).first()
    if pk is None:
        raise InvalidInput(f"There is no container {code}.", code="unknown_container", field="to")
    return pk


def _next_code() -> str:
    """`C-2026-0001`; the year is the site's."""
    prefix = f"C-{timezone.localdate().year}-"
    codes = Container.objects.filter(code__startswith=prefix)
    last = codes.order_by("-code").values_list("code", flat=True).first()
    number = last.removeprefix(prefix) if last else "0"
    return f"{prefix}{int(number) + 1 if number.isdigit() else 1:04d}"
