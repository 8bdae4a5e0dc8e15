"""Alarms: what raises them, that only a person with a comment closes them, and that they stay."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from django.db import IntegrityError, ProgrammingError, transaction

from labeling.models import Batch
from lims.accounts.models import AccessEvent
from lims.audit.models import Change
from lims.audit.operations import operation
from lims.errors import Conflict, InvalidInput, PermissionRefused
from lims.oversight.clocks import Clocks, Synchronization, read_clocks, synchronization_state
from lims.oversight.models import Acknowledgement, Alarm
from lims.oversight.services import acknowledge_alarm, alarm_of_lockout, sound_alarm
from lims.oversight.watch import watch, watch_clocks
from lims.records import rendering
from lims.records.models import Document
from tests import factories
from tests.factories import People
from tests.integration.rest import Rest


@pytest.fixture
def alarm(who: People) -> Alarm:
    return sound_alarm(kind=Alarm.Kind.CLOCK, subject="server clock", text="The clock is wrong.")


@pytest.mark.requirement("A11D-8")
def test_an_alarm_is_acknowledged_by_a_person_with_a_comment_and_that_is_audited(who: People, alarm: Alarm) -> None:
    given = acknowledge_alarm(actor=who.quality, alarm_id=alarm.pk, comment="  Time server was down, is back.  ")
    assert (given.by, given.role, given.comment) == (who.quality.user, "quality", "Time server was down, is back.")
    change = Change.objects.get(table_name="oversight_acknowledgement")
    assert (change.operation.actor, change.operation.reason) == (who.quality.user, given.comment)
    with pytest.raises(Conflict, match="Quality Test has acknowledged"):
        acknowledge_alarm(actor=who.operator, alarm_id=alarm.pk, comment="me too")


@pytest.mark.requirement("A11D-8")
@pytest.mark.parametrize("comment", ["", "   ", "ok"])
def test_no_alarm_is_closed_without_a_comment(who: People, alarm: Alarm, comment: str) -> None:
    with pytest.raises(InvalidInput, match="Say what you found"):
        acknowledge_alarm(actor=who.quality, alarm_id=alarm.pk, comment=comment)
    with (
        pytest.raises(IntegrityError, match="acknowledgement_has_a_comment"),
        operation(actor=who.quality, action="attack") as op,
    ):
        Acknowledgement.objects.create(alarm=alarm, by=who.quality.user, role="quality", comment=" ", operation=op)


@pytest.mark.requirement("A11D-8")
def test_an_alarm_is_never_changed_or_deleted(who: People, alarm: Alarm) -> None:
    for attack in (lambda: Alarm.objects.update(text="nothing"), lambda: Alarm.objects.all().delete()):
        with pytest.raises(ProgrammingError, match="permission denied"), transaction.atomic():
            attack()


@pytest.mark.requirement("A11D-8")
@pytest.mark.parametrize("role", ["verifier", "inspector"])
def test_who_only_watches_acknowledges_nothing(who: People, alarm: Alarm, role: str) -> None:
    with pytest.raises(PermissionRefused):
        acknowledge_alarm(actor=getattr(who, role), alarm_id=alarm.pk, comment="seen it")


@pytest.mark.requirement("A11D-8")
def test_a_failed_check_raises_an_alarm(who: People) -> None:
    from labeling.services.equipment import record_check

    factories.instrument(who, "DC-1", "dose_calibrator")
    assert not Alarm.objects.exists()
    record_check(actor=who.operator, code="DC-1", at=None, outcome="fail", note="background high")
    alarm = Alarm.objects.get()
    assert (alarm.kind, alarm.subject, alarm.text) == (
        "check_failed",
        "DC-1",
        "The check of DC-1 failed: background high",
    )
    assert alarm.operation.actor == who.operator.user


@pytest.mark.requirement("TIM-5")
@pytest.mark.parametrize(("seconds", "flagged"), [(None, False), (60, False), (-60, False), (61, True), (-75, True)])
def test_an_instrument_whose_clock_is_a_minute_off_is_flagged(who: People, seconds: int | None, flagged: bool) -> None:
    factories.instrument(who, "DC-1", "dose_calibrator")
    rest = Rest("operator")
    answer = rest.post("equipment/DC-1/checks/", {"outcome": "pass", "clock_offset_seconds": seconds})
    assert answer.status_code == 201, answer.data
    assert answer.data["last_check"]["clock_is_off"] is flagged
    assert Alarm.objects.filter(kind="instrument_clock", subject="DC-1").exists() is flagged


def test_an_offset_of_more_than_a_day_is_a_slip(who: People) -> None:
    factories.instrument(who, "DC-1", "dose_calibrator")
    answer = Rest("operator").post("equipment/DC-1/checks/", {"outcome": "pass", "clock_offset_seconds": 90_000})
    assert (answer.status_code, answer.data["code"]) == (422, "out_of_range")


@pytest.mark.requirement("TIM-2")
@pytest.mark.parametrize(
    ("state", "drift", "raised"),
    [
        (Synchronization.YES, 0.2, False),
        (Synchronization.UNKNOWN, -0.2, False),
        (Synchronization.NO, 0.0, True),
        (Synchronization.YES, 7.5, True),
        (Synchronization.YES, -7.5, True),
    ],
)
def test_a_clock_that_drifts_raises_one_alarm(who: People, state: Synchronization, drift: float, raised: bool) -> None:
    clocks = Clocks(state, "a test", datetime.now(UTC), drift)
    first = watch_clocks(clocks)
    assert len(first) == raised
    assert watch_clocks(clocks) == first
    for alarm in first:
        acknowledge_alarm(actor=who.administrator, alarm_id=alarm.pk, comment="The time server is being restarted.")
    assert watch_clocks(clocks) == [], "whoever acknowledged it knows; it comes again after a day"


@pytest.mark.requirement("PI-9.5")
def test_the_state_of_the_clocks_is_read_and_told_to_the_staff_alone(who: People) -> None:
    assert synchronization_state()[0] in set(Synchronization)
    assert abs(read_clocks().drift_seconds) < 5
    assert Rest("administrator").get("health/details/").data["clock"]["synchronization"] in set(Synchronization)
    from rest_framework.test import APIClient

    assert APIClient().get("/api/v1/health/details/").status_code == 401


@pytest.mark.requirement("A11D-8")
def test_a_lockout_raises_one_alarm_however_often_it_is_told(who: People) -> None:
    event = AccessEvent.objects.create(kind="locked", username="operator", address="192.0.2.7")
    watch()
    alarm = Alarm.objects.get(kind="lockout")
    assert "192.0.2.7" in alarm.text
    assert alarm_of_lockout(username="operator", address="", event=event.pk) == alarm
    watch()
    assert Alarm.objects.filter(kind="lockout").count() == 1


@pytest.mark.requirement("A11D-8")
def test_a_record_that_could_not_be_printed_raises_an_alarm(
    laboratory: People, ready: Batch, monkeypatch: pytest.MonkeyPatch
) -> None:
    from qc.services.disposition import release_batch

    release_batch(actor=laboratory.releaser, number=ready.number, credential=factories.credential("releaser"))
    document = Document.objects.get(subject=ready.number)

    def broken(*args: object, **kwargs: object) -> bytes:
        raise RuntimeError("no paper")

    monkeypatch.setattr(rendering, "typeset", broken)
    for _ in range(rendering.MOST_ATTEMPTS):
        Document.objects.filter(pk=document.pk).update(not_before=None)
        assert not rendering.render_document(document.pk)
    alarm = Alarm.objects.get(kind="not_printed")
    assert (alarm.subject, alarm.severity) == (document.number, "critical")
    assert "no paper" in alarm.text


@pytest.mark.requirement("A11D-8")
def test_alarms_over_rest(who: People, alarm: Alarm) -> None:
    rest = Rest("operator")
    assert [row["id"] for row in rest.get("alarms/", state="open").data["results"]] == [alarm.pk]
    refused = rest.post(f"alarms/{alarm.pk}/acknowledge/", {"comment": " "})
    assert (refused.status_code, refused.data["code"]) == (422, "comment_missing")
    answer = rest.post(f"alarms/{alarm.pk}/acknowledge/", {"comment": "Set by hand."})
    assert (answer.status_code, answer.data["state"]) == (201, "acknowledged")
    assert rest.post(f"alarms/{alarm.pk}/acknowledge/", {"comment": "Again."}).status_code == 409
    assert rest.get("alarms/", state="open").data["results"] == []
    assert Rest("inspector").post("alarms/999/acknowledge/", {"comment": "seen"}).status_code == 403
    assert rest.post("alarms/999/acknowledge/", {"comment": "seen"}).status_code == 404
