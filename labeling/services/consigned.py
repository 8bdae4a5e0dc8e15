"""What leaves the site with a handing over: from which container, and how much of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils import timezone

from labeling.domain.containers import Ledger
from labeling.domain.uncertainty import nominal
from labeling.models import Batch, Container, ContainerEvent, Dispatch
from labeling.selectors.bench import product_containers
from labeling.selectors.ledgers import events_of, ledger_of
from labeling.services.container_events import (
    Quantity,
    add_event,
    columns_of,
    lock_container,
    measured_columns,
    refresh,
    refuse_before_it_was_there,
    refuse_unless_in_use,
)
from labeling.services.containers import reckoned
from lims.audit.models import Operation
from lims.errors import Conflict, InvalidInput

NOTHING = "0"


@dataclass(frozen=True, slots=True)
class Parcel:
    """What goes: the columns of the event that takes it from the container. Without a container it is everything."""

    vessel: Container | None
    columns: dict[str, Any]
    whole: bool

    @property
    def stated(self) -> dict[str, object]:
        """For the signature."""
        amounts = {name: self.columns.get(name) for name in ("activity", "volume")}  # MBq, mL
        return {"from_container": self.vessel.code if self.vessel else None, "whole": self.whole, **amounts}


def parcel_of(batch: Batch, *, code: str, activity: Quantity | None, volume: Quantity | None, at: datetime) -> Parcel:
    """What is to be handed over, under a lock; everything where no amount is given. Refused where nothing is left."""
    vessel = _vessel(batch, code)
    if vessel is None:
        refuse_a_second_time(Dispatch.objects.filter(batch=batch), what=f"The product of {batch.number}")
        return Parcel(None, {}, whole=True)
    refuse_a_second_time(Dispatch.objects.filter(vessel=vessel, whole=True), what=vessel.code)
    refuse_unless_in_use(vessel)
    refuse_before_it_was_there(vessel, at)
    book = ledger_of(vessel, events_of([vessel]))
    _refuse_what_came_after(vessel, book, at)
    _refuse_empty(batch, vessel, book)
    columns: dict[str, Any] = {"measured_at": at, **_held(book, at)}
    if not activity and not volume:
        return Parcel(vessel, columns | {"rest": NOTHING}, whole=True)
    part = reckoned(vessel, measured_columns(activity, volume, at=at))
    if _is_all(part, columns):
        return Parcel(vessel, columns | {"rest": NOTHING}, whole=True)
    return Parcel(vessel, part, whole=False)


def take(op: Operation, parcel: Parcel, *, recipient: str) -> ContainerEvent | None:
    """The event by which it leaves the site."""
    if parcel.vessel is None:
        return None
    says = f"Handed over to {recipient}"
    return add_event(op, kind=ContainerEvent.Kind.REMOVAL, source=parcel.vessel, reason=says, **parcel.columns)


def settle(parcel: Parcel) -> None:
    """Bring the container up to it, once the signed row is there: the database asks for that."""
    if parcel.vessel is None:
        return
    refresh(parcel.vessel)
    if parcel.whole:
        parcel.vessel.status = Container.Status.DISPATCHED
        parcel.vessel.save(update_fields=["status"])


def refuse_a_second_time(earlier: Any, *, what: str) -> None:
    """Raises Conflict (`handed_over`) with to whom, when and by whom."""
    sent = earlier.select_related("signature").order_by("-pk").first()
    if sent is not None:
        raise Conflict(
            f"{what} was handed over to {sent.recipient} at {timezone.localtime(sent.at):%H:%M %Z on %d %b %Y} by "
            f"{sent.signature.full_name}. What came back is received as a lot; a mistake is reported as a deviation.",
            code="handed_over",
            handed_over_at=sent.at.isoformat(),
            handed_over_by=sent.signature.full_name,
            recipient=sent.recipient,
        )


def _vessel(batch: Batch, code: str) -> Container | None:
    """The container that is named, or else that of the product; None where the protocol keeps none."""
    own = {row.code: row for row in product_containers(batch)}
    if code:
        if code not in own:
            raise InvalidInput(
                f"{code} holds nothing of {batch.number} as far as is recorded. Handed over is its product, or a "
                "container that was filled from it.",
                code="unknown_container",
                field="from_container",
            )
        return lock_container(own[code].pk)
    product = next((row for row in own.values() if row.product), None)
    return lock_container(product.pk) if product else None


def _held(book: Ledger, at: datetime) -> dict[str, str | None]:
    """What is there, the volume without the dust of binary fractions: 1.2 mL less 0.4 mL is 0.8 mL."""
    columns = columns_of(book.at(at))
    volume = columns["volume"]
    return columns | {"volume": None if volume is None else f"{float(volume):.12g}"}


def _refuse_what_came_after(vessel: Container, book: Ledger, at: datetime) -> None:
    later = [entry.event.at for entry in book.entries if entry.event.at > at]
    if later:
        raise Conflict(
            f"{vessel.code} was read, filled or drawn on at {timezone.localtime(max(later)):%H:%M %Z}, after this "
            "handing over. Leave the time out.",
            code="before_start",
            field="at",
        )


def _refuse_empty(batch: Batch, vessel: Container, book: Ledger) -> None:
    activity = book.end.activity
    if activity is None or nominal(activity):
        return
    full = [row.code for row in product_containers(batch) if row.status == Container.Status.IN_USE and row.content]
    raise Conflict(
        f"Nothing is left in {vessel.code}. "
        + (f"Name the container that is handed over: {', '.join(full)}." if full else "There is nothing to hand over."),
        code="nothing_left",
        field="from_container",
    )


def _is_all(part: dict[str, Any], held: dict[str, Any]) -> bool:
    """To a millionth; of a volume where one is known, since the activity of a part is read anew."""
    name = "volume" if held["volume"] is not None and part["volume"] is not None else "activity"
    return held[name] is not None and float(part[name]) >= float(held[name]) * (1 - 1e-6)
