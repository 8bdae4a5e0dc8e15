"""A protocol of two steps and its specification: everything a journey needs, and nothing that makes it long."""

from __future__ import annotations

from labeling.models import Batch, ProtocolVersion, SpecificationVersion
from labeling.services.completion import complete_batch
from labeling.services.planning import plan_batch, start_batch
from labeling.services.recording import Reading, record_entry
from labeling.services.verification import verify_step
from labeling.services.versions import import_protocol, import_specification
from qc.services.disposition import release_batch
from tests.factories import People, adopt, credential, give_results, instrument, lot, people, review_trail

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


def laboratory(*, timer: str = "") -> People:
    """People, the small protocol in use, a checked instrument and an accepted lot; a timer with that minimum."""
    who = people()
    version, _ = import_specification(actor=who.operator, text=SPECIFICATION)
    adopt(who, SpecificationVersion, version.code, version.number)
    protocol, _ = import_protocol(actor=who.operator, text=_with_timer(timer) if timer else PROTOCOL)
    adopt(who, ProtocolVersion, protocol.code, protocol.number)
    instrument(who, "DC-1", "dose_calibrator")
    lot(who, "KIT-1", "kit")
    return who


def _with_timer(minutes: str) -> str:
    title = "    title: Assay the product\n"
    return PROTOCOL.replace(title, f'{title}    timer: {{min_minutes: "{minutes}"}}\n')


def released_with_growth(who: People) -> str:
    """A batch whose sterility failed after its release."""
    batch = in_quarantine(who)
    release_batch(actor=who.releaser, number=batch.number, credential=credential("releaser"))
    give_results(who, batch.number, {"sterility": "growth"}, reviewed=False)
    return batch.number


def in_progress(who: People) -> Batch:
    return start_batch(actor=who.operator, number=plan_batch(actor=who.operator, protocol="small").number)


def recorded(who: People, *, volume: str = "3.0") -> Batch:
    batch = in_progress(who)
    for step, field, value, unit in (*VALUES, ("product", "volume", volume, "mL")):
        equipment = "DC-1" if field == "activity" else ""
        reading = Reading(value=value, unit=unit, equipment=equipment)
        record_entry(actor=who.operator, number=batch.number, step=step, field=field, reading=reading)
    return batch


def in_quarantine(who: People, *, purity: str = "98.2", reviewed: bool = True) -> Batch:
    batch = recorded(who)
    finish(who, batch)
    give_results(who, batch.number, {"appearance": "clear", "purity": purity}, reviewed=reviewed)
    if reviewed:
        review_trail(who, batch.number)
    return batch


def finish(who: People, batch: Batch) -> None:
    """Verified and completed."""
    for step in ("clearance", "product"):
        verify_step(actor=who.verifier, number=batch.number, step=step, credential=credential("verifier"))
    complete_batch(actor=who.operator, number=batch.number, credential=credential("operator"))
