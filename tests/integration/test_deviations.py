"""Deviations: reported by hand, found by the worker, classed, and closed by what their class demands."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from labeling.domain.deviations import Assessed, Cause, Conclusion, DeviationClass
from labeling.models import Batch, Deviation
from labeling.selectors.clock import database_now
from labeling.services.deviations import assess_deviation, report_deviation
from labeling.services.recording import Reading, record_entry
from labeling.services.timers import record_timer, report_missed_timers
from lims.errors import InvalidInput, NotReleasable, PermissionRefused, SegregationOfDuties
from lims.oversight.models import Alarm
from qc.services.disposition import release_batch
from tests import factories
from tests.factories import People, credential
from tests.integration.rest import Rest

WHOLE: dict[str, Any] = {
    "impact": "One batch; the product was assayed again.",
    "cause": Cause.METHOD,
    "root_cause": "The instruction names no order of the syringes.",
}


def _reported(who: People, batch: Batch, severity: str = "major") -> Deviation:
    return report_deviation(actor=who.analyst, number=batch.number, text="The vial was dropped.", severity=severity)


def _assess(who: People, deviation: Deviation, assessed: Assessed, role: str = "reviewer") -> Deviation:
    return assess_deviation(
        actor=getattr(who, role),
        number=deviation.batch.number,
        deviation_id=deviation.pk,
        assessed=assessed,
        credential=credential(role),
    )


def _blockers(who: People, batch: Batch) -> set[str]:
    factories.review_trail(who, batch.number)
    with pytest.raises(NotReleasable) as refusal:
        release_batch(actor=who.releaser, number=batch.number, credential=credential("releaser"))
    return {blocker["code"] for blocker in refusal.value.details["blockers"]}


@pytest.mark.requirement("QMS-5")
@pytest.mark.parametrize("severity", list(DeviationClass))
def test_one_reported_by_hand_blocks_release_whatever_its_class(
    laboratory: People, ready: Batch, severity: DeviationClass
) -> None:
    _reported(laboratory, ready, severity)
    assert _blockers(laboratory, ready) == {"open_deviation"}


def test_a_major_one_asks_for_impact_and_root_cause(laboratory: People, ready: Batch) -> None:
    deviation = _reported(laboratory, ready)
    with pytest.raises(InvalidInput, match="A major deviation needs its impact"):
        _assess(laboratory, deviation, Assessed("No harm.", DeviationClass.MAJOR))
    with pytest.raises(InvalidInput, match="needs its root cause"):
        _assess(laboratory, deviation, Assessed("No harm.", DeviationClass.MAJOR, impact="None."))
    closed = _assess(laboratory, deviation, Assessed("No harm.", DeviationClass.MAJOR, **WHOLE))
    assert (closed.current_class, closed.conclusion, closed.cause) == ("major", "unaffected", "method")
    factories.review_trail(laboratory, ready.number)
    released = release_batch(actor=laboratory.releaser, number=ready.number, credential=credential("releaser"))
    assert released.status == "released"


def test_lowering_the_class_does_not_spare_what_the_graver_one_asks(laboratory: People, ready: Batch) -> None:
    deviation = _reported(laboratory, ready)
    with pytest.raises(InvalidInput, match="A major deviation needs its impact"):
        _assess(laboratory, deviation, Assessed("Trifling.", DeviationClass.MINOR))


def test_a_critical_one_is_for_quality_alone_and_so_is_making_it_less(laboratory: People, ready: Batch) -> None:
    deviation = _reported(laboratory, ready, "critical")
    for severity in (DeviationClass.CRITICAL, DeviationClass.MINOR):
        with pytest.raises(PermissionRefused):
            _assess(laboratory, deviation, Assessed("No harm.", severity, **WHOLE))
    closed = _assess(laboratory, deviation, Assessed("No harm.", DeviationClass.MAJOR, **WHOLE), "quality")
    assert (closed.severity, closed.current_class) == ("critical", "major")


def test_an_affected_product_stays_blocked_after_the_assessment(laboratory: People, ready: Batch) -> None:
    deviation = _reported(laboratory, ready)
    _assess(laboratory, deviation, Assessed("Sterility is lost.", DeviationClass.MAJOR, Conclusion.AFFECTED, **WHOLE))
    assert _blockers(laboratory, ready) == {"product_affected"}


def test_nobody_assesses_what_arose_in_their_own_work(laboratory: People, ready: Batch) -> None:
    deviation = report_deviation(actor=laboratory.reviewer, number=ready.number, text="Seen late.", severity="minor")
    with pytest.raises(SegregationOfDuties):
        _assess(laboratory, deviation, Assessed("No harm.", DeviationClass.MINOR))


@pytest.mark.parametrize("role", ["administrator", "inspector"])
def test_who_only_looks_reports_nothing(laboratory: People, ready: Batch, role: str) -> None:
    with pytest.raises(PermissionRefused):
        report_deviation(actor=getattr(laboratory, role), number=ready.number, text="Seen.", severity="minor")


def test_a_timer_that_nobody_stops_is_found_and_told_once(laboratory: People) -> None:
    batch = factories.started(laboratory, factories.campaign()["synthesis"], factories.shift())
    record_timer(actor=laboratory.operator, number=batch.number, step="react", event="start")
    assert report_missed_timers(now=database_now() + timedelta(minutes=14)) == []
    found = report_missed_timers(now=database_now() + timedelta(minutes=16))
    assert [(d.kind, d.step, d.opened_by.username) for d in found] == [("timer", "react", "system")]
    assert "not stopped after 15 min" in found[0].text
    assert report_missed_timers(now=database_now() + timedelta(minutes=30)) == []
    assert "the timer was not stopped after" in Alarm.objects.get(kind="timer_missed").text
    record_timer(actor=laboratory.operator, number=batch.number, step="react", event="stop")
    assert Deviation.objects.filter(batch=batch).count() == 1


def test_a_reading_of_a_later_step_taken_while_a_timer_runs_says_so(laboratory: People) -> None:
    batch = factories.started(laboratory, factories.campaign()["synthesis"], factories.shift())
    began = database_now() - timedelta(minutes=10)
    record_timer(
        actor=laboratory.operator, number=batch.number, step="react", event="start", at=began, reason=factories.LATE
    )
    during, after = began + timedelta(minutes=2), began + timedelta(minutes=9)
    record_timer(
        actor=laboratory.operator, number=batch.number, step="react", event="stop", at=began + timedelta(minutes=6)
    )
    for field, value, unit, at in (("product", "63.41", "MBq", during), ("volume", "1.2", "mL", after)):
        record_entry(
            actor=laboratory.operator,
            number=batch.number,
            step="product",
            field=field,
            reading=Reading(value=value, unit=unit, at=at, equipment="DC-1" if field == "product" else ""),
        )
    steps = Rest("operator").get(f"batches/{batch.number}/").data["steps"]
    fields = {f["key"]: f["entry"] for f in next(s for s in steps if s["key"] == "product")["fields"]}
    assert [w for w in fields["product"]["warnings"] if "React with the kit" in w] != []
    assert not any("timer" in warning for warning in fields["volume"]["warnings"])


def test_over_rest_a_client_reports_lists_and_assesses(laboratory: People, ready: Batch) -> None:
    number = ready.number
    answer = Rest("analyst").post(f"batches/{number}/deviations/", {"text": "Bubbles.", "severity": "major"})
    assert answer.status_code == 201
    opened = answer.data["deviations"][-1]
    assert (opened["kind"], opened["severity"], opened["status"]) == ("by_hand", "major", "open")
    inspector = Rest("inspector")
    listed = inspector.get("deviations/", state="open", severity="major").data["results"]
    assert [(row["id"], row["batch"]) for row in listed] == [(opened["id"], number)]
    assert inspector.get("deviations/", state="shut").data["code"] == "unknown_choice"
    reviewer, path = Rest("reviewer"), f"batches/{number}/deviations/{opened['id']}/assess/"
    owed = reviewer.signed(path, {"assessment": "No harm."})
    assert (owed.status_code, owed.data["errors"][0]["field"]) == (422, "impact")
    given = {"assessment": "No harm.", "impact": "None.", "cause": "person", "root_cause": "Haste."}
    closed = reviewer.signed(path, given).data["deviations"][-1]
    assert (closed["status"], closed["conclusion"], closed["root_cause"]) == ("assessed", "unaffected", "Haste.")
