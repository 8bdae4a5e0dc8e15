"""What was typed and did not fit is kept as a wrong scan is; a reading beside a running timer is an exception."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client

from labeling.models import Deviation, Entry, ProtocolVersion, Scan
from labeling.selectors.clock import database_now
from labeling.selectors.exceptions import Exceptional, exceptions
from labeling.services.planning import plan_batch, start_batch
from labeling.services.recording import Reading, record_entry
from labeling.services.scanning import record_scan
from labeling.services.timers import record_timer
from labeling.services.versions import import_protocol
from lims.audit.models import Operation
from lims.errors import Conflict, DomainError
from lims.oversight.trail import Wanted
from tests import factories
from tests.browser import small_batch
from tests.factories import People
from tests.integration.test_reviewing import signed_in

OURS = "COI-302-1"


def refused(who: People, number: str, step: str, field: str, reading: Reading) -> DomainError:
    with pytest.raises(DomainError) as refusal:
        record_entry(actor=who.operator, number=number, step=step, field=field, reading=reading)
    return refusal.value


@pytest.fixture
def small(who: People) -> str:
    small_batch.adopt_small(who)
    factories.instrument(who, "CC-1", "cell_counter")
    return small_batch.in_progress(who).number


@pytest.mark.requirement("CELL-4")
@pytest.mark.parametrize(
    ("field", "reading", "given"),
    [
        ("kit_lot", Reading(value="KIT-77"), "KIT-77"),
        ("kit_lot", Reading(value="DC-1"), "DC-1"),
        ("activity", Reading(value="42.0", unit="MBq", equipment="CC-1"), "CC-1"),
        ("activity", Reading(value="42.0", unit="MBq", equipment="DC-9"), "DC-9"),
    ],
)
def test_a_wrong_thing_that_is_typed_is_kept_as_a_wrong_scan_is(
    who: People, small: str, field: str, reading: Reading, given: str
) -> None:
    refused(who, small, "product", field, reading)
    kept = Scan.objects.get(batch__number=small)
    assert (kept.step, kept.field, kept.scanned, kept.outcome) == ("product", field, given, "wrong")
    assert f"{given}" in kept.says
    assert "was typed; expected is" in kept.says
    act = Operation.objects.get(subject=small, action="scan.refuse")
    assert act.actor == who.operator.user == kept.recorded_by
    assert not Entry.objects.filter(batch__number=small).exists()
    assert not Deviation.objects.filter(batch__number=small).exists()


@pytest.mark.parametrize(
    ("field", "reading"),
    [
        ("kit_lot", Reading(value=" ")),
        ("activity", Reading(value="4,2", unit="MBq", equipment="DC-1")),
        ("activity", Reading(value="42.0", unit="MBq")),
    ],
)
def test_a_slip_that_is_no_wrong_thing_is_not_kept(who: People, small: str, field: str, reading: Reading) -> None:
    refused(who, small, "product", field, reading)
    assert not Scan.objects.exists()


def test_a_second_value_for_a_field_is_no_wrong_thing(who: People, small: str) -> None:
    kit = Reading(value="KIT-1")
    record_entry(actor=who.operator, number=small, step="product", field="kit_lot", reading=kit)
    assert isinstance(refused(who, small, "product", "kit_lot", Reading(value="KIT-77")), Conflict)
    assert not Scan.objects.exists()


@pytest.mark.requirement("CELL-4")
@pytest.mark.parametrize("field", ["identity", "cell_lot"])
def test_cells_of_others_that_are_typed_open_the_critical_deviation(laboratory: People, field: str) -> None:
    factories.lot(laboratory, "CELLS-OTHER", "cells", identity="COI-302-2")
    number = plan_batch(actor=laboratory.operator, protocol="t-cell-labeling", identity=OURS).number
    start_batch(actor=laboratory.operator, number=number)
    refused(laboratory, number, "receive_cells", field, Reading(value="COI-302-2"))
    kept = Scan.objects.get(batch__number=number)
    assert (kept.field, kept.scanned, kept.outcome) == (field, "COI-302-2", "mismatch")
    deviation = Deviation.objects.get(batch__number=number)
    assert (deviation.kind, deviation.severity, deviation.step) == ("identity", "critical", "receive_cells")


TIMED = small_batch.PROTOCOL.replace("protocol: small", "protocol: timed").replace(
    "    title: Line clearance\n", '    title: Line clearance\n    timer: {min_minutes: "5", max_minutes: "20"}\n'
)


def timed(who: People) -> str:
    """A batch whose first step has a timer that was started six minutes ago and runs."""
    small_batch.adopt_small(who)
    protocol, _ = import_protocol(actor=who.operator, text=TIMED)
    factories.adopt(who, ProtocolVersion, protocol.code, protocol.number)
    number = plan_batch(actor=who.operator, protocol="timed").number
    now = database_now()
    start_batch(actor=who.operator, number=number, started_at=now - timedelta(minutes=8), reason=factories.LATE)
    at = now - timedelta(minutes=6)
    record_timer(actor=who.operator, number=number, step="clearance", event="start", at=at)
    return number


def test_a_reading_beside_a_running_timer_is_an_exception(who: People) -> None:
    number = timed(who)
    at = database_now() - timedelta(minutes=4)
    for field, reading in (
        ("kit_lot", Reading(value="KIT-1", at=at)),
        ("volume", Reading(value="3.0", unit="mL", at=at)),
    ):
        record_entry(actor=who.operator, number=number, step="product", field=field, reading=reading)
    record_timer(actor=who.operator, number=number, step="clearance", event="stop")
    after = Reading(value="42.0", unit="MBq", equipment="DC-1")
    record_entry(actor=who.operator, number=number, step="product", field="activity", reading=after)
    (found,) = exceptions(Wanted(subject=number), kinds=[Exceptional.OUT_OF_ORDER]).rows
    assert found["id"] == Entry.objects.get(field="volume").operation_id
    assert found["labels"] == ["Read while a timer ran"]
    assert not exceptions(Wanted(subject="other"), kinds=[Exceptional.OUT_OF_ORDER]).rows


def test_a_scan_that_belongs_to_another_step_says_to_which(laboratory: People) -> None:
    number = plan_batch(actor=laboratory.operator, protocol="t-cell-labeling", identity=OURS).number
    start_batch(actor=laboratory.operator, number=number)
    found = [
        record_scan(actor=laboratory.operator, number=number, code="PBS-302", step="receive_cells", field=field).says
        for field in ("cell_lot", "viable_before")
    ]
    place = "It belongs to “Incubate”: "
    assert [place in says for says in found] == [True, True], found
    assert all(says.startswith("Lot PBS-302 was scanned; expected is") for says in found)


def test_a_later_step_warns_while_the_timer_of_an_earlier_one_runs(laboratory: People, client: Client) -> None:
    batch = factories.started(laboratory, factories.campaign()["synthesis"], factories.shift())
    page = signed_in(client, "operator")
    warning = "The timer of “React with the kit” still runs."

    def warned() -> list[str]:
        steps = page.get(f"/batches/{batch.number}/").content.decode().split('class="step ')[1:]
        return [step.split('id="', 1)[1].split('"', 1)[0] for step in steps if warning in step]

    assert warned() == []
    record_timer(actor=laboratory.operator, number=batch.number, step="react", event="start")
    later = warned()
    assert "react" not in later
    assert "product" in later
    record_timer(actor=laboratory.operator, number=batch.number, step="react", event="stop")
    assert warned() == []
