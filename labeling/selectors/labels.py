"""What a printed label says of a lot, an instrument, a container, a batch or a dose: out of the rows that pages show.

Its code is what a scan of that thing has to read: the worksheet, the register of containers and the handing over take
it as it stands.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db.models import QuerySet

from labeling.domain.labels import LabelKind, Line
from labeling.domain.lifecycle import BatchStatus
from labeling.models import Batch, Container, ContainerEvent
from labeling.selectors.batch import find_batch, summary_of
from labeling.selectors.bench import expected_on_container, product_containers
from labeling.selectors.containers import container_row, find_container
from labeling.selectors.instrument_rows import find_instrument, instrument_row
from labeling.selectors.stock import find_lot, lot_row
from lims.errors import NotFound
from lims.records.models import Document
from lims.records.selectors import document_row
from lims.records.templatetags.record_format import date_at, moment, zone_at

Json = dict[str, Any]
NOT_KNOWN = "activity not measured"


@dataclass(frozen=True, slots=True)
class Label:
    """`subject` is what its print is kept under: the number of the batch it belongs to, else its own code."""

    kind: LabelKind
    key: str
    code: str
    what: str
    lines: tuple[Line, ...]
    caution: bool
    subject: str
    of_batch: bool

    @property
    def row(self) -> Json:
        return {**asdict(self), "kind": self.kind.value}


def label_of(kind: LabelKind, key: str, *, at: datetime) -> Label:
    """The label of what `key` names: its row in the register, the code of an instrument, the number of a batch."""
    return _MAKERS[kind](key, at)


def prints_of(label: Label) -> QuerySet[Document]:
    """What was printed of it so far, the newest first."""
    rows = Document.objects.filter(kind=Document.Kind.LABEL, subject=label.subject)
    same = rows.filter(context__label__kind=label.kind.value, context__label__key=label.key)
    return same.select_related("operation__actor").defer("pdf", "attachments").order_by("-pk")


def print_row(document: Document) -> Json:
    op = document.operation
    return {
        **document_row(document),
        "copies": document.context["copies"],
        "printed_by": {"username": op.actor.username, "full_name": op.actor.full_name},
        "reason": op.reason,
    }


def _lot(key: str, at: datetime) -> Label:
    lot = find_lot(_number(key, "lot"))
    row, container = lot_row(lot), getattr(lot, "container", None)
    held = container_row(container, at=at) if container is not None else None
    lines = [
        Line(str(row["status_label"]), bold=True),
        Line(lot.name or lot.material, chemical=True),
        *([Line(f"Identity {lot.identity}", bold=True)] if lot.identity else []),
        *_activity(held),
        *([] if held else _quantity(row["quantity"])),
        Line(f"Exp. {said(row['expires_at'])}"),
        *([Line(lot.material, rank=2)] if lot.name else []),
        *([Line(lot.supplier, rank=3)] if lot.supplier else []),
    ]
    return _label(LabelKind.LOT, key, lot.number, f"lot {lot.number}", lines, caution=_glows(held))


def _instrument(key: str, at: datetime) -> Label:
    row = instrument_row(find_instrument(key))
    built = " ".join(filter(None, (row["maker"], row["model"])))
    lines = [
        Line(str(row["kind"]).replace("_", " ").capitalize()),
        *([Line(row["name"], rank=1)] if row["name"] else []),
        *([Line(built, rank=2)] if built else []),
        *([Line(f"Serial {row['serial']}", rank=1)] if row["serial"] else []),
        *([Line(row["location"], rank=3)] if row["location"] else []),
    ]
    return _label(LabelKind.INSTRUMENT, key, row["code"], f"instrument {row['code']}", lines)


def _container(key: str, at: datetime) -> Label:
    container = find_container(_number(key, "container"))
    row, batch, lot = container_row(container, at=at), container.batch, container.lot
    about = [
        Line(row["kind_label"], rank=1 if container.product else 0),
        *([Line(row["name"], rank=2, chemical=True)] if row["name"] else []),
    ]
    lines = [*about, *_origin(batch)] if batch is not None else about
    if batch is not None and container.product:
        lines = [*_of_batch(batch), *about]
    if lot is not None:
        lot_says = lot_row(lot)
        lines += [Line(f"Lot {lot.number}"), Line(f"Exp. {said(lot_says['expires_at'])}")]
        lines.insert(0, Line(str(lot_says["status_label"]), bold=True))
    lines += _activity(row)
    if container.status != Container.Status.IN_USE:
        lines.insert(0, Line(row["status_label"], bold=True))
    if row["earliest_release_at"] and container.status == Container.Status.DECAY_STORAGE:
        lines.append(Line(f"Survey from {said(row['earliest_release_at'])}"))
    what = f"container {container.code}"
    return _label(LabelKind.CONTAINER, key, container.code, what, lines, caution=_glows(row), batch=batch)


def _batch(key: str, at: datetime) -> Label:
    """The cells, or what is made where they belong to nobody: its code is what the handing over asks for."""
    batch = find_batch(key)
    vessel = Container.objects.filter(batch=batch, product=True).select_related("batch", "lot").first()
    held = container_row(vessel, at=at) if vessel is not None else None
    lines = [*_of_batch(batch), *_activity(held)]
    what = f"batch {batch.number}"
    return _label(LabelKind.BATCH, key, expected_on_container(batch), what, lines, caution=True, batch=batch)


def _dose(key: str, at: datetime) -> Label:
    """A container with a product that is handed over, under the code that the handing over asks for.

    Raises NotFound where the container holds no product.
    """
    container = find_container(_number(key, "container"))
    batch = product_in(container)
    if batch is None:
        raise NotFound(f"{container.code} holds no product of a batch; print the label of the container.")
    row = container_row(container, at=at)
    holder = Line(f"{row['kind_label']} {container.code}", rank=1)
    lines = [*_of_batch(batch), *_activity(row), holder]
    code, what = expected_on_container(batch), f"dose {container.code}"
    return _label(LabelKind.DOSE, key, code, what, lines, caution=_glows(row), batch=batch)


def product_in(container: Container) -> Batch | None:
    """The batch whose product is in it, to be handed over."""
    if container.product:
        return container.batch
    drawn = ContainerEvent.objects.filter(target=container, source__product=True, corrected_by=None)
    for event in drawn.select_related("source__batch").order_by("pk"):
        batch = event.source.batch if event.source else None
        if batch is not None and product_containers(batch).filter(pk=container.pk).exists():
            return batch
    return None


def said(instant: object) -> str:
    """`14:05 CET, 3 Mar 2026`: on a label an instant has its zone."""
    zone = settings.TIME_ZONE
    local = moment(instant, zone)
    return f"{local:%H:%M} {zone_at(instant, zone)}, {date_at(instant, zone)}" if local else ""


def _of_batch(batch: Batch) -> list[Line]:
    row = summary_of(batch)
    return [
        Line(_standing(batch), bold=True),
        Line(row["product"], chemical=True),
        *_origin(batch),
        Line(f"Exp. {said(row['expires_at'])}" if row["expires_at"] else "Expiry not set yet"),
    ]


def _origin(batch: Batch) -> list[Line]:
    identity = [Line(f"Identity {batch.identity}", bold=True)] if batch.identity else []
    return [Line(f"Batch {batch.number}"), *identity]


def _standing(batch: Batch) -> str:
    """Whether it may be used, in plain words."""
    status = BatchStatus(batch.status)
    if status in (BatchStatus.RELEASED, BatchStatus.REJECTED):
        return status.label
    return f"{status.label}: not released"


def _activity(held: Mapping[str, Any] | None) -> list[Line]:
    if held is None or not held["nuclide"]:
        return []
    reference, volume = held["reference"], held["volume"]
    if reference is None:
        return [Line(f"{held['nuclide']}, {NOT_KNOWN}", bold=True, chemical=True)]
    inside = f" in {volume['value']} {volume['unit']}" if volume else ""
    activity = Line(f"{held['nuclide']} {reference['display']}{inside}", bold=True, chemical=True)
    return [activity, Line(f"at {said(reference['at'])}")]


def _quantity(amount: Any) -> list[Line]:
    return [Line(f"{amount['value']} {amount['unit']}", rank=1)] if amount else []


def _glows(held: Mapping[str, Any] | None) -> bool:
    """Whether it is to be marked as radioactive: what was cleared is not (10 CFR 20.1904)."""
    return held is not None and bool(held["nuclide"]) and held["status"] != Container.Status.CLEARED


def _number(key: str, kind: str) -> int:
    if not (key.isascii() and key.isdigit() and len(key) < 10):
        raise NotFound(f"There is no such {kind}.")
    return int(key)


def _label(
    kind: LabelKind,
    key: str,
    code: str,
    what: str,
    lines: list[Line],
    *,
    caution: bool = False,
    batch: Batch | None = None,
) -> Label:
    demo = [Line("DEMONSTRATION ONLY", bold=True)] if settings.DEMO else []
    told = {code, f"Identity {code}", f"Lot {code}"} | (
        {f"Batch {batch.number}"} if batch and _names(code, batch) else set()
    )
    shown = [line for line in lines if line.text not in told]  # the code says it
    return Label(
        kind=kind,
        key=key,
        code=code,
        what=what,
        lines=(*shown[:1], *demo, *shown[1:], Line(str(settings.SITE_NAME), rank=4)),
        caution=caution,
        subject=batch.number if batch is not None else code,
        of_batch=batch is not None,
    )


def _names(code: str, batch: Batch) -> bool:
    """Whether who reads the code reads the number of the batch."""
    return code == batch.number or code.startswith(f"{batch.number}-")


_MAKERS: Mapping[LabelKind, Callable[[str, datetime], Label]] = {
    LabelKind.LOT: _lot,
    LabelKind.INSTRUMENT: _instrument,
    LabelKind.CONTAINER: _container,
    LabelKind.BATCH: _batch,
    LabelKind.DOSE: _dose,
}
