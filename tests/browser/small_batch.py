"""A protocol of two steps and its specification: everything a journey needs, and nothing that makes it long."""

from __future__ import annotations

from datetime import timedelta

from labeling.domain.deviations import Assessed, Cause, DeviationClass
from labeling.models import Batch, Deviation, ProtocolVersion, SpecificationVersion, TimerEvent
from labeling.selectors.clock import database_now
from labeling.services.completion import complete_batch
from labeling.services.deviations import assess_deviation
from labeling.services.planning import plan_batch, start_batch
from labeling.services.recording import Reading, record_entry
from labeling.services.timers import record_timer
from labeling.services.verification import verify_step
from labeling.services.versions import import_protocol, import_specification
from lims.accounts.actors import Actor
from qc.services.disposition import release_batch
from tests.factories import (
    LATE,
    People,
    adopt,
    another,
    credential,
    give_results,
    instrument,
    lot,
    people,
    review_trail,
)

SPECIFICATION = """\
specification: small
title: Small product
tests:
  - {key: appearance, title: Appearance, type: choice, accept: [clear], required_before: release}
  - {key: purity, title: Radiochemical purity, unit: "%", min: "95", required_before: release}
  - {key: concentration, title: Activity concentration, unit: MBq/mL, min: "1", max: "50", required_before: release,
     from_result: concentration}
  - {key: sterility, title: Sterility, type: choice, accept: [no growth], required_before: final, days: "14"}
"""
PROTOCOL = """\
protocol: small
title: Small synthesis
kind: synthesis
nuclide: Zr-89
product: "[89Zr]Zr-small"
materials:
  - {key: kit, name: Kit vial, kind: reagent}
equipment:
  - {key: calibrator, kind: dose_calibrator}
steps:
  - key: clearance
    title: Line clearance
    verified_by_second_person: true
    fields:
      - {key: clear, label: Work area clear, type: check, critical: true}
  - key: product
    title: Assay the product
    instruction: Measure the product in the dose calibrator.
    fields:
      - {key: kit_lot, label: Kit lot, type: lot, material: kit}
      - {key: activity, label: Product activity, type: activity, unit: MBq, equipment: calibrator, min: "1", max: "100",
         critical: true}
      - {key: volume, label: Product volume, type: volume, unit: mL, min: "0.5", max: "10"}
results:
  - {key: concentration, title: Activity concentration, expression: product.activity / product.volume, unit: MBq/mL}
specification: small
expires: {from: product.activity, hours: "6"}
"""
VALUES = (
    ("clearance", "clear", "true", ""),
    ("product", "kit_lot", "KIT-1", ""),
    ("product", "activity", "42.0", "MBq"),
)


def laboratory(*, timer: str = "", longest: str = "", more: str = "") -> People:
    """People, the small protocol in use, a checked instrument and an accepted lot; a timer with that minimum."""
    who = people()
    adopt_small(who, timer=timer, longest=longest, more=more)
    return who


def adopt_small(who: People, *, timer: str = "", longest: str = "", more: str = "") -> None:
    """The small protocol, with `more` lines at its end, its specification, instrument and lot."""
    version, _ = import_specification(actor=who.operator, text=SPECIFICATION)
    adopt(who, SpecificationVersion, version.code, version.number)
    protocol, _ = import_protocol(actor=who.operator, text=_with_timer(timer, longest) + more)
    adopt(who, ProtocolVersion, protocol.code, protocol.number)
    instrument(who, "DC-1", "dose_calibrator")
    lot(who, "KIT-1", "kit")


def _with_timer(minutes: str, longest: str) -> str:
    limits = [f'{key}: "{given}"' for key, given in (("min_minutes", minutes), ("max_minutes", longest)) if given]
    if not limits:
        return PROTOCOL
    title = "    title: Assay the product\n"
    return PROTOCOL.replace(title, f"{title}    timer: {{{', '.join(limits)}}}\n")


def timer_started(who: People, number: str, *, seconds_ago: float) -> TimerEvent:
    at = database_now() - timedelta(seconds=seconds_ago)
    return record_timer(actor=who.operator, number=number, step="product", event="start", at=at)


def released_with_growth(who: People) -> str:
    """A batch whose sterility failed after its release."""
    batch = in_quarantine(who)
    release_batch(actor=who.releaser, number=batch.number, credential=credential("releaser"))
    give_results(who, batch.number, {"sterility": "growth"}, reviewed=False)
    return batch.number


def in_progress(who: People, *, minutes_ago: float = 0) -> Batch:
    number = plan_batch(actor=who.operator, protocol="small").number
    if not minutes_ago:
        return start_batch(actor=who.operator, number=number)
    at = database_now() - timedelta(minutes=minutes_ago)
    return start_batch(actor=who.operator, number=number, started_at=at, reason=LATE)


def operator_too() -> Actor:
    """A colleague of the operator, at another workstation."""
    return another("operator_too", "operator")


def recorded(who: People, *, volume: str = "3.0") -> Batch:
    batch = in_progress(who)
    for step, field, value, unit in (*VALUES, ("product", "volume", volume, "mL")):
        equipment = "DC-1" if field == "activity" else ""
        reading = Reading(value=value, unit=unit, equipment=equipment)
        record_entry(actor=who.operator, number=batch.number, step=step, field=field, reading=reading)
    return batch


def in_quarantine(who: People, *, purity: str = "98.2", reviewed: bool = True) -> Batch:
    batch = recorded(who)
    for step in ("clearance", "product"):
        verify_step(actor=who.verifier, number=batch.number, step=step, credential=credential("verifier"))
    complete_batch(actor=who.operator, number=batch.number, credential=credential("operator"))
    give_results(who, batch.number, {"appearance": "clear", "purity": purity}, reviewed=reviewed)
    if reviewed:
        review_trail(who, batch.number)
    return batch


def settle(who: People, number: str) -> None:
    """Quality assesses the critical deviation that stopped a step."""
    assess_deviation(
        actor=who.quality,
        number=number,
        deviation_id=Deviation.objects.get(batch__number=number, kind=Deviation.Kind.IDENTITY).pk,
        assessed=Assessed(
            "A label of the next patient lay on the bench; it was removed.",
            DeviationClass.CRITICAL,
            impact="None: the cells were not touched before the right label was scanned.",
            cause=Cause.METHOD,
            root_cause="Labels of two patients were printed at once.",
        ),
        credential=credential("quality"),
    )
