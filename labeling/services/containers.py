"""Containers: opened, read, filled and emptied. Nothing is taken that is not there."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils import timezone

from labeling.domain.containers import Change, Event
from labeling.domain.uncertainty import nominal, standard_uncertainty, variable
from labeling.models import Container, ContainerEvent
from labeling.selectors.clock import database_now
from labeling.selectors.ledgers import MBQ, ML, events_of, ledger_of
from labeling.selectors.nuclides import nuclide_in_use
from labeling.services.codes import free_number, refuse_bad_code, refuse_known
from labeling.services.conditions import raise_for_licence
from labeling.services.container_events import (
    Quantity,
    add_event,
    code_of,
    columns_of,
    lock_container,
    measured_columns,
    overdraft,
    refresh,
    refuse_before_it_was_there,
    refuse_unless_in_use,
)
from lims.accounts.actors import Actor
from lims.accounts.roles import Permission, require
from lims.audit.operations import operation
from lims.errors import Conflict, InvalidInput, NotFound

Kind = ContainerEvent.Kind


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
    if code.strip():
        refuse_bad_code(code.strip())
        refuse_known(code.strip(), besides="container", field="code")
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
            refuse_known(code, besides="container", field="code")
            raise Conflict(f"There is a container {code} already.", code="already_exists", field="code") from None
        measured = measured_columns(activity, volume, at=database_now())
        given = measured if activity or volume else measured | {"activity": "0", "volume": "0"}
        add_event(op, kind=Kind.OPENING, target=row, **given)
        refresh(row)
        raise_for_licence(op)
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
    code = code_of(container_id)
    with operation(actor=actor, action="container.read", subject=code, reason=reason) as op:
        row = lock_container(container_id)
        refuse_unless_in_use(row)
        measured = measured_columns(activity, volume, at=database_now())
        refuse_before_it_was_there(row, measured["measured_at"])
        event = add_event(op, kind=Kind.READING, target=row, reason=reason.strip(), **measured)
        refresh(row)
        raise_for_licence(op)
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
    code = code_of(container_id)
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
                f"{target.code} holds {target.nuclide}, {source.code} {source.nuclide}: one container, one nuclide.",
                code="another_nuclide",
                field="to",
            )
        now = database_now()
        measured = measured_columns(activity, volume, at=at or now)
        if measured["measured_at"] > now:
            raise InvalidInput("A transfer cannot lie in the future.", code="future_time", field="at")
        for row in locked.values():
            refuse_before_it_was_there(row, measured["measured_at"])
        event = add_event(
            op,
            kind=Kind.TRANSFER if target else Kind.REMOVAL,
            source=source,
            target=target,
            reason=reason.strip(),
            **reckoned(source, measured),
        )
        for row in locked.values():
            refresh(row)
    return event


def use_up(*, actor: Actor, container_id: int, reason: str = "") -> Container:
    """Say that nothing more is taken from a container, though a rest may be in it. Its next event takes that back."""
    require(actor.user, Permission.KEEP_CONTAINERS)
    code = code_of(container_id)
    with operation(actor=actor, action="container.use_up", subject=code, reason=reason.strip()):
        row = lock_container(container_id)
        refuse_unless_in_use(row)
        if row.status == Container.Status.USED_UP:
            raise Conflict(f"{code} is used up already.", code="already_recorded")
        row.status = Container.Status.USED_UP
        row.save(update_fields=["status"])
    return row


def correct_event(
    *,
    actor: Actor,
    container_id: int,
    event_id: int,
    activity: Quantity | None = None,
    volume: Quantity | None = None,
    reason: str = "",
) -> ContainerEvent:
    """A new event beside a misread one, with the reason; its instant stays unless another is given.

    What was recorded in a batch is corrected there. A transfer that would then take more than is there is refused.
    """
    require(actor.user, Permission.KEEP_CONTAINERS)
    if not reason.strip():
        raise InvalidInput("Say why the value is corrected.", code="reason_missing", field="reason")
    if not activity and not volume:
        raise InvalidInput("Give the activity or the volume as it was.", code="missing_value", field="activity")
    with operation(actor=actor, action="container.correct", subject=code_of(container_id), reason=reason) as op:
        old = _correctable(container_id, event_id)
        locked = [lock_container(pk) for pk in sorted({pk for pk in (old.source_id, old.target_id) if pk})]
        for row in locked:
            refuse_unless_in_use(row)
        measured = measured_columns(activity, volume, at=old.measured_at)
        for row in locked if measured["measured_at"] != old.measured_at and old.kind != Kind.OPENING else ():
            refuse_before_it_was_there(row, measured["measured_at"])
        event = add_event(
            op,
            kind=Kind(old.kind),
            source=old.source,
            target=old.target,
            corrects=old,
            reason=reason.strip(),
            **({"activity": old.activity, "u": old.u, "volume": old.volume} | measured),
        )
        for row in locked:
            book = refresh(row)
            if row.pk == old.source_id and book.overdrafts:
                line = book.overdrafts[0]
                raise overdraft(row, line, book.before(line))
    return event


def _correctable(container_id: int, event_id: int) -> ContainerEvent:
    found = ContainerEvent.objects.filter(Q(source=container_id) | Q(target=container_id), pk=event_id)
    event = found.select_related("source", "target", "batch").first()
    if event is None:
        raise NotFound(f"This container has no event {event_id}.")
    if event.batch is not None:
        raise Conflict(
            f"This was recorded in {event.batch.number}; correct it there, and the container follows.",
            code="recorded_in_batch",
            batch=event.batch.number,
        )
    if hasattr(event, "dispatch"):
        raise Conflict(
            f"{event.dispatch.signature.full_name} signed that this was handed over to {event.dispatch.recipient}; it "
            "is not corrected here. Report a deviation of the batch that says what was handed over.",
            code="signed_for",
        )
    if hasattr(event, "corrected_by"):
        raise Conflict("This was corrected already. Correct the newest one.", code="stale", event=event.corrected_by.pk)
    return event


def reckoned(source: Container, measured: dict[str, Any]) -> dict[str, Any]:
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
        raise overdraft(source, after.overdrafts[-1], after.before(after.overdrafts[-1]))
    moved = line.moved
    if moved.activity is None:
        raise Conflict(
            f"Nobody knows what {source.code} holds: read its activity first, or give that of the transfer.",
            code="content_unknown",
            field="activity",
        )
    return measured | columns_of(moved)


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
    return free_number(prefix, last)
