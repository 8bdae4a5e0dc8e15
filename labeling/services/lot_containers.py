"""The vial of a radioactive lot."""

from __future__ import annotations

from typing import Any

from labeling.domain.quantities import parse_instant, parse_nonnegative
from labeling.domain.uncertainty import nominal, standard_uncertainty
from labeling.domain.units import unit
from labeling.models import Container, ContainerEvent, Lot, ProtocolVersion
from labeling.selectors.nuclides import nuclide_in_use
from labeling.services.container_events import add_event, refresh
from lims.audit.models import Operation


def open_lot_container(op: Operation, lot: Lot, nuclide: str = "") -> Container:
    """The container of `lot`: opened with what was read on arrival, or else with what the supplier states.

    A lot that arrives before any protocol says what is in it gets its nuclide from the first batch that draws on it.
    """
    nuclide = nuclide or _nuclide_of_material(lot.material)
    known = Container.objects.filter(lot=lot).first()
    if known is None:
        return _opened(op, lot, _half_life(nuclide))
    if known.half_life is None and nuclide:
        for column, value in _half_life(nuclide).items():
            setattr(known, column, value)
        known.save(update_fields=list(_half_life(nuclide)))
    return known


def _opened(op: Operation, lot: Lot, half_life: dict[str, Any]) -> Container:
    taken = Container.objects.filter(code=lot.number).exists()
    row = Container.objects.create(
        code=f"{lot.number} (lot)" if taken else lot.number,
        kind=Container.Kind.VIAL,
        name=lot.name or lot.material,
        lot=lot,
        opened_by=op.actor,
        **half_life,
    )
    reading = lot.received or lot.stated
    if reading:
        add_event(
            op,
            kind=ContainerEvent.Kind.OPENING,
            target=row,
            measured_at=parse_instant(reading["at"]),
            activity=_in(reading, "MBq"),
            volume=_in(lot.volume, "mL") if lot.volume else None,
            typed=f"{reading['value']} {reading['unit']}",
            equipment=lot.received_on if lot.received else None,
        )
    refresh(row)
    return row


def _in(quantity: dict[str, str], wanted: str) -> str:
    number = parse_nonnegative(quantity["value"], field="value")
    return str(unit(wanted).from_canonical(unit(quantity["unit"]).to_canonical(number)))


def _half_life(code: str) -> dict[str, Any]:
    if not code:
        return {"nuclide": "", "half_life": None, "half_life_u": None}
    found = nuclide_in_use(code)
    return {
        "nuclide": found.code,
        "half_life": nominal(found.half_life),
        "half_life_u": standard_uncertainty(found.half_life) or None,
    }


def _nuclide_of_material(material: str) -> str:
    """The nuclide of the newest protocol that takes such a material."""
    for version in ProtocolVersion.objects.order_by("-id"):
        found = version.document.material(material)
        if found is not None and found.kind == "radioactive":
            return version.nuclide
    return ""
