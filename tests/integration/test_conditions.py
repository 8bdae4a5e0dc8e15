"""Alarms of what lasts: above the licence, instruments overdue or failed, timers and lots that ran out. Once each."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from labeling.models import Lot
from labeling.selectors.clock import database_now
from labeling.selectors.today import open_alarms
from labeling.services.conditions import watch_conditions
from labeling.services.containers import open_container
from labeling.services.equipment import record_check
from labeling.services.instrument_rules import set_rules, set_service_status
from labeling.services.materials import receive_lot
from labeling.services.receipts import Delivery
from lims.audit.operations import operation
from lims.oversight.models import Alarm
from lims.oversight.services import acknowledge_alarm
from tests import factories
from tests.browser import small_batch
from tests.factories import People, credential


def received(who: People, number: str, activity: str) -> Lot:
    now = database_now()
    return receive_lot(
        actor=who.operator,
        number=number,
        material="oxalate",
        delivery=Delivery(nuclide="Zr-89"),
        expires_at=now + timedelta(days=9),
        received={"value": activity, "unit": "MBq", "at": now.isoformat(), "equipment": "DC-1"},
    )


@pytest.mark.requirement("RAD-11")
def test_a_receipt_above_the_licence_is_kept_and_alarmed_once(who: People, settings: Any) -> None:
    settings.LICENCE_LIMITS = {"Zr-89": "150 MBq"}
    factories.instrument(who, "DC-1", "dose_calibrator")
    received(who, "V-1", "100")
    assert not Alarm.objects.exists()
    received(who, "V-2", "100")
    alarm = Alarm.objects.get()
    assert (alarm.kind, alarm.severity, alarm.subject) == ("licence_exceeded", "critical", "Zr-89")
    assert "more than the 150" in alarm.text
    assert alarm.operation.action == "lot.receive"
    open_container(actor=who.operator, kind="vial", nuclide="Zr-89", code="V-3", activity={"value": "9", "unit": "MBq"})
    watch_conditions()
    watch_conditions()
    assert Alarm.objects.count() == 1
    assert [row["kind"] for row in open_alarms()] == ["licence_exceeded"]
    acknowledge_alarm(actor=who.quality, alarm_id=alarm.pk, comment="One vial goes back tomorrow.")
    assert watch_conditions() == []  # they know; after a day it is said again


@pytest.mark.requirement("RAD-11")
def test_opening_a_container_above_the_licence_is_alarmed_too(who: People, settings: Any) -> None:
    settings.LICENCE_LIMITS = {"Zr-89": "150 MBq"}
    activity = {"value": "200", "unit": "MBq"}
    open_container(actor=who.operator, kind="vial", nuclide="Zr-89", code="V-3", activity=activity)
    assert Alarm.objects.get().operation.action == "container.open"


@pytest.mark.requirement("A11D-8")
def test_an_instrument_that_is_overdue_in_service_is_alarmed_once(who: People) -> None:
    factories.instrument(who, "DC-1", "dose_calibrator")
    factories.instrument(who, "DC-2", "dose_calibrator", checked=False)
    assert watch_conditions() == []  # not checked today is what the gate refuses, and no alarm
    for code in ("DC-1", "DC-2"):
        set_rules(
            actor=who.quality,
            code=code,
            credential=credential("quality"),
            reason="the site's rules",
            service_days=365,
        )
    set_service_status(
        actor=who.operator, code="DC-2", in_service=False, credential=credential("operator"), reason="broken"
    )
    (alarm,) = watch_conditions()
    assert (alarm.kind, alarm.subject) == ("instrument_due", "DC-1")
    assert "due for service and has none on record" in alarm.text
    assert watch_conditions() == []


@pytest.mark.requirement("A11D-8")
def test_a_failed_check_is_told_once_and_not_again_as_a_condition(who: People) -> None:
    factories.instrument(who, "DC-1", "dose_calibrator")
    record_check(actor=who.operator, code="DC-1", at=None, outcome="fail", note="background high")
    watch_conditions()
    assert [alarm.kind for alarm in Alarm.objects.all()] == ["check_failed"]


@pytest.mark.requirement("A11D-8")
def test_a_lot_that_expires_in_use_is_alarmed(who: People) -> None:
    small_batch.adopt_small(who)
    number = small_batch.recorded(who).number
    assert watch_conditions() == []
    with operation(actor=who.operator, action="test"):
        Lot.objects.filter(number="KIT-1").update(expires_at=database_now() - timedelta(minutes=1))
    (alarm,) = watch_conditions()
    assert (alarm.kind, alarm.subject) == ("expired_in_use", "KIT-1")
    assert number in alarm.text
    assert watch_conditions() == []
