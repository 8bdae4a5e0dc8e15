"""Checks that are recorded long after they were made: marked as late, with a reason, and never silently made good."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError
from django.test import Client

from labeling.models import Entry, EquipmentCheck
from labeling.selectors.clock import database_now
from labeling.selectors.exceptions import Exceptional, exceptions
from labeling.selectors.logbook import logbook
from labeling.services.equipment import find_equipment, record_check, register_equipment
from labeling.services.instrument_checks import record_service
from labeling.services.planning import plan_batch, start_batch
from labeling.services.recording import Reading, record_entry
from lims.audit.operations import operation
from lims.errors import InvalidInput
from lims.oversight.trail import Wanted
from tests import factories
from tests.browser import small_batch
from tests.factories import People
from tests.integration.rest import Rest

HOURS = timedelta(hours=3)


@pytest.fixture
def meter(who: People) -> str:
    register_equipment(actor=who.operator, code="DC-5", kind="dose_calibrator")
    return "DC-5"


@pytest.mark.requirement("DI-12")
def test_a_check_recorded_late_says_why_and_is_shown_as_late(who: People, meter: str) -> None:
    at = database_now() - HOURS
    with pytest.raises(InvalidInput, match=r"recorded 3 h 00 min after it was made. Say why") as refusal:
        record_check(actor=who.operator, code=meter, at=at, outcome="pass")
    assert (refusal.value.code, refusal.value.details["field"]) == ("late_needs_reason", "reason")
    check = record_check(actor=who.operator, code=meter, at=at, outcome="pass", reason="Hands were at the hot cell")
    assert (check.late, check.reason) == (True, "Hands were at the hot cell")
    record_check(actor=who.operator, code=meter, at=None, outcome="pass", reason="said for nothing")
    rows, _ = logbook(find_equipment(meter), before=None)
    assert [row["check"]["late"] for row in rows if row["what"] == "check"] == [False, True]
    (found,) = exceptions(Wanted(), kinds=[Exceptional.LATE]).rows
    assert (found["subject"], found["labels"], found["reason"]) == (meter, ["Recorded late"], check.reason)
    with (
        pytest.raises(IntegrityError, match="late_check_says_why"),
        operation(actor=who.operator, action="attack"),
    ):
        EquipmentCheck.objects.create(
            equipment=find_equipment(meter), at=at, outcome="pass", late=True, recorded_by=who.operator.user
        )


@pytest.mark.requirement("DI-12")
@pytest.mark.parametrize("kind", ["constancy", "linearity", "accuracy", "service", "checks"])
def test_every_kind_of_check_asks_for_it(who: People, meter: str, kind: str) -> None:
    rest, then = Rest("operator"), database_now() - timedelta(days=900)
    stated = {"code": "CS-5", "nuclide": "Zr-89", "activity": "10", "unit": "MBq", "certificate": "C-1"}
    source = stated | {"reference_at": then.isoformat()}
    assert rest.post("sources/", source).status_code == 201
    reading = {"value": "10", "unit": "MBq", "source": "CS-5", "at": then.isoformat()}
    series = [reading | {"at": (then - timedelta(hours=n)).isoformat()} for n in (4, 3, 2)]
    bodies: dict[str, dict[str, Any]] = {
        "constancy": reading,
        "linearity": {"nuclide": "Zr-89", "readings": series},
        "accuracy": {"readings": [reading]},
        "service": {"note": "Fan cleaned.", "at": then.isoformat()},
        "checks": {"outcome": "pass", "at": then.isoformat()},
    }
    body = bodies[kind]
    refused = rest.post(f"equipment/{meter}/{kind}/", body)
    assert (refused.status_code, refused.data["code"]) == (422, "late_needs_reason"), refused.data
    answer = rest.post(f"equipment/{meter}/{kind}/", body | {"reason": "Found in the paper log book"})
    assert answer.status_code == 201, answer.data
    assert EquipmentCheck.objects.get().late


def test_a_service_of_this_minute_needs_no_reason(who: People, meter: str) -> None:
    assert not record_service(actor=who.operator, code=meter, note="Fan cleaned.").late


@pytest.mark.requirement("DI-12")
def test_the_page_asks_for_the_reason_and_loses_nothing(who: People, meter: str) -> None:
    page = Client()
    page.force_login(who.operator.user)
    at = (database_now() - HOURS).isoformat()
    typed = {"outcome": "pass", "at": at, "note": "Linear feet, 12 kBq off"}
    answer = page.post(f"/instruments/{meter}/checks/", typed)
    shown = answer.content.decode()
    assert answer.status_code == 422
    assert "after it was made. Say why." in shown
    assert "Linear feet, 12 kBq off" in shown
    assert not EquipmentCheck.objects.exists()
    again = page.post(f"/instruments/{meter}/checks/", typed | {"reason_code": "forgotten", "reason": ""})
    assert again.status_code == 302
    assert EquipmentCheck.objects.get().reason == "Forgotten at the time"
    shown = (
        page.get(f"/instruments/{meter}/").content.decode() + page.get(f"/instruments/{meter}/log/").content.decode()
    )
    assert shown.count("Recorded late") == 2


@pytest.mark.requirement("DI-12")
def test_a_check_of_afterwards_makes_no_reading_good_in_silence(who: People) -> None:
    """It counts, because the work on paper would have no other way; the reading says that it was recorded after it."""
    small_batch.adopt_small(who)
    number = plan_batch(actor=who.operator, protocol="small").number
    start_batch(
        actor=who.operator, number=number, started_at=database_now() - timedelta(hours=1), reason=factories.LATE
    )
    register_equipment(actor=who.operator, code="DC-6", kind="dose_calibrator")
    now = database_now()
    reading = Reading("42.0", "MBq", at=now - timedelta(minutes=20), equipment="DC-6", reason=factories.LATE)
    record_check(
        actor=who.operator, code="DC-6", at=now - timedelta(minutes=30), outcome="pass", reason="forgotten that morning"
    )
    record_entry(actor=who.operator, number=number, step="product", field="activity", reading=reading)
    (said,) = Entry.objects.get(field="activity").warnings
    assert said.startswith("The check of DC-6 was recorded after this reading, at ")
    assert said.endswith(": forgotten that morning")
