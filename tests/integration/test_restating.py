"""Another factor or setting for readings of the past: what would move, what is signed, what stays."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from labeling.domain.deviations import DeviationClass
from labeling.domain.lifecycle import BatchStatus
from labeling.models import Deviation, Entry, Reevaluation, Restatement, Result
from labeling.selectors.batch import find_batch
from labeling.selectors.clock import database_now
from labeling.services import reevaluating, restating
from labeling.services.audit_review import review_audit_trail
from labeling.services.recording import Reading, correct_entry
from lims.oversight.models import Alarm
from lims.oversight.selectors import trail_of
from qc.printouts import batch_record
from qc.selectors import assess
from qc.services.disposition import release_batch
from tests.browser import small_batch
from tests.factories import People, credential, instrument
from tests.integration.rest import Rest

PATH = "equipment/DC-1/restatements/"


@pytest.fixture
def small(db: None) -> People:
    return small_batch.laboratory()


def proposal(**changed: Any) -> dict[str, Any]:
    since = database_now() - timedelta(hours=1)
    return {"since": since.isoformat(), "factor": "1.05", "certificate": "PTB-2026-1", **changed}


def preview(body: dict[str, Any], role: str = "quality") -> Any:
    return Rest(role).post(f"{PATH}preview/", body)


def sign(body: dict[str, Any], role: str = "quality", **more: Any) -> Any:
    return Rest("quality").signed(PATH, {**body, "reason": "The recalibration found it 5 % low.", **more}, role=role)


def signed_with_preview(**changed: Any) -> Any:
    body = proposal(**changed)
    shown = preview(body).data
    answer = sign({**body, "until": shown["manifest"]["until"]}, seen=shown["manifest_sha256"])
    assert answer.status_code == 201, answer.data
    return answer


@pytest.mark.requirement("RAD-7")
def test_the_preview_shows_what_would_move_and_writes_nothing(small: People) -> None:
    kept = small_batch.in_quarantine(small)
    before = Result.objects.count(), Entry.objects.count()
    shown = preview(proposal()).data
    row = shown["results"][0]
    assert (shown["batches"], row["number"], row["verdict_moved"]) == (1, kept.number, False)
    concentration = row["results"][0]
    assert float(concentration["before"]["value"]) == pytest.approx(14.0)
    assert float(concentration["after"]["value"]) == pytest.approx(14.7)
    assert "(42.0 × 1.05) MBq" in concentration["after"]["worked"]
    assert (Result.objects.count(), Entry.objects.count()) == before
    assert not Restatement.objects.exists()


@pytest.mark.requirement("RAD-7")
def test_a_restated_batch_keeps_its_originals_and_shows_both(small: People) -> None:
    kept = small_batch.in_quarantine(small)
    entries = list(Entry.objects.filter(batch=kept).order_by("id").values())
    results = list(Result.objects.filter(batch=kept).order_by("id").values())
    answer = signed_with_preview()
    assert answer.data["waiting"] == []
    assert list(Entry.objects.filter(batch=kept).order_by("id").values()) == entries
    assert list(Result.objects.filter(batch=kept).order_by("id").values()) == results
    document = Rest("inspector").get(f"batches/{kept.number}/").data
    restated = document["restatements"][0]
    assert float(document["results"][0]["value"]) == pytest.approx(14.0)
    assert float(restated["results"][0]["after"]["value"]) == pytest.approx(14.7)
    assert (restated["by"]["username"], restated["verdict_moved"]) == ("quality", False)
    assert all(
        signature["holds"] for signature in document["signatures"] if signature["meaning"] != "audit_trail_reviewed"
    )
    assert not Deviation.objects.filter(batch=kept).exists()
    assert not trail_of(kept.number).reviewed  # the re-evaluation is an event that nobody has reviewed yet
    batch = find_batch(kept.number)
    assert batch_record(batch, gate=assess(batch), document="X")["batch"]["restatements"][0]["factor"] == "1.05"


@pytest.mark.requirement("RAD-7")
def test_a_verdict_that_moves_opens_a_deviation_and_stands_against_release(small: People) -> None:
    """14.0 MBq/mL times 3.8 is above the 50 that the specification allows."""
    kept = small_batch.in_quarantine(small)
    assert signed_with_preview(factor="3.8").data["reevaluations"][0]["verdict_moved"]
    deviation = Deviation.objects.get(batch=kept)
    assert (deviation.kind, deviation.severity) == (Deviation.Kind.RESTATED, DeviationClass.MAJOR)
    gate = Rest("releaser").get(f"batches/{kept.number}/disposition/").data
    codes = {blocker["code"] for blocker in gate["blockers"]}
    assert {"test_failed", "open_deviation", "audit_trail_not_reviewed"} <= codes
    test = next(test for test in gate["tests"] if test["key"] == "concentration")
    assert test["verdict"] == "fail"
    assert "restated" in test["display"]


def test_a_new_factor_rescues_no_batch_that_failed(small: People) -> None:
    """The stricter of the two verdicts counts: 0.4 MBq/mL would pass at twice as much, and stays failed."""
    batch = small_batch.recorded(small, volume="9.9")
    entry = Entry.objects.get(batch=batch, field="activity")
    correct_entry(
        actor=small.operator,
        number=batch.number,
        entry_id=entry.pk,
        reading=Reading(value="4.0", unit="MBq", reason="misread"),
    )
    small_batch.finish(small, batch)
    signed_with_preview(factor="2")
    row = Reevaluation.objects.get(batch=batch)
    assert (row.tests[0]["before"]["verdict"], row.tests[0]["after"]["verdict"]) == ("fail", "pass")
    gate = Rest("releaser").get(f"batches/{batch.number}/disposition/").data
    assert "test_failed" in {blocker["code"] for blocker in gate["blockers"]}


@pytest.mark.requirement("RAD-7")
def test_a_released_batch_whose_verdict_moves_raises_a_critical_alarm(small: People) -> None:
    kept = small_batch.in_quarantine(small)
    release_batch(actor=small.releaser, number=kept.number, credential=credential("releaser"))
    signed_with_preview(factor="3.8")
    alarm = Alarm.objects.get(kind=Alarm.Kind.RESTATED)
    assert (alarm.severity, alarm.subject) == (Alarm.Severity.CRITICAL, kept.number)
    assert Deviation.objects.get(batch=kept).severity == DeviationClass.CRITICAL
    assert find_batch(kept.number).status == BatchStatus.RELEASED


def test_a_batch_in_progress_goes_on_from_the_restated_readings(small: People) -> None:
    batch = small_batch.recorded(small)
    signed_with_preview()
    results = list(Result.objects.filter(batch=batch, key="concentration").order_by("id"))
    assert [float(result.value or 0) for result in results] == pytest.approx([14.0, 14.7])
    assert Reevaluation.objects.get(batch=batch).recomputed
    document = Rest("operator").get(f"batches/{batch.number}/").data
    assert document["steps"][1]["fields"][1]["entry"]["typed"] == "42.0"
    small_batch.finish(small, batch)
    assert float(Rest("operator").get(f"batches/{batch.number}/").data["results"][0]["value"]) == pytest.approx(14.7)


def test_readings_outside_the_period_and_on_other_instruments_stay(small: People) -> None:
    small_batch.in_quarantine(small)
    instrument(small, "DC-2", "dose_calibrator")
    ended = (database_now() - timedelta(minutes=59)).isoformat()
    assert preview(proposal(until=ended)).data["batches"] == 0
    elsewhere = Rest("quality").post("equipment/DC-2/restatements/preview/", proposal())
    assert elsewhere.data["batches"] == 0
    assert preview(proposal(nuclide="In-111")).data["batches"] == 0
    assert preview(proposal(nuclide="Zr-89")).data["batches"] == 1
    empty = sign(proposal(until=ended))
    assert (empty.status_code, empty.data["code"]) == (409, "nothing_to_restate")


@pytest.mark.requirement("RAD-7")
def test_a_wrong_dial_setting_is_corrected_by_the_response_of_the_calibrator(small: People) -> None:
    """Zr-89 at 465 in place of 517 reads 9.4 % high (chemistry: F21)."""
    small_batch.in_quarantine(small)
    body = proposal(factor="1", nuclide="Zr-89", setting_correct="517")
    refused = preview(body)
    assert refused.data["errors"][0]["field"] == "setting_used"
    shown = preview({**body, "setting_used": "465"}).data["results"][0]["results"][0]
    assert 14.0 / float(shown["after"]["value"]) == pytest.approx(1.094, abs=0.001)


@pytest.mark.requirement("SIG-11")
def test_only_quality_signs_and_only_what_was_shown(small: People) -> None:
    small_batch.recorded(small)
    body = proposal()
    shown = preview(body, role="operator").data
    fixed = {**body, "until": shown["manifest"]["until"]}
    assert sign(fixed, role="operator").status_code == 403
    assert sign(fixed, reason=" ").data["code"] == "reason_missing"
    small_batch.recorded(small)
    stale = sign({**body, "until": database_now().isoformat()}, seen=shown["manifest_sha256"])
    assert (stale.status_code, stale.data["code"]) == (409, "stale")
    assert not Restatement.objects.exists()


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"factor": "0"}, "factor"),
        ({"factor": "-1"}, "factor"),
        ({"factor": "11"}, "factor"),
        ({"relative_u_percent": "101"}, "relative_u_percent"),
        ({"since": "2999-01-01T00:00:00Z"}, "since"),
        ({"since": "1950-01-01T00:00:00Z"}, "since"),
        ({"until": "2150-01-01T00:00:00Z"}, "since"),
        ({"setting_used": "465"}, "setting_correct"),
        ({"setting_correct": "517", "setting_used": "465"}, "nuclide"),
        ({"nuclide": "Zr-90"}, "nuclide"),
    ],
)
def test_a_proposal_that_cannot_be_is_refused(small: People, changed: dict[str, str], field: str) -> None:
    answer = preview(proposal(**changed))
    assert (answer.status_code, answer.data["errors"][0]["field"]) == (422, field)


def test_a_calibration_that_would_move_recorded_readings_is_refused(small: People) -> None:
    small_batch.recorded(small)
    body = {"valid_from": (database_now() - timedelta(hours=2)).isoformat(), "relative_u_percent": "2"}
    refused = Rest("operator").post("equipment/DC-1/calibrations/", {**body, "factor": "1.05"})
    assert (refused.status_code, refused.data["code"]) == (409, "restatement_needed")
    assert Rest("operator").post("equipment/DC-1/calibrations/", body).status_code == 201  # its uncertainty alone
    onward = {**body, "valid_from": database_now().isoformat(), "factor": "1.05"}
    assert Rest("operator").post("equipment/DC-1/calibrations/", onward).status_code == 201


def test_a_second_restatement_takes_the_place_of_the_first(small: People) -> None:
    kept = small_batch.in_quarantine(small)
    for factor in ("1.05", "1.10"):
        signed_with_preview(factor=factor)
    rows = Rest("quality").get(f"batches/{kept.number}/").data["restatements"]
    after = [float(row["results"][0]["after"]["value"]) for row in rows]
    assert after == pytest.approx([14.7, 15.4])
    assert all(float(row["results"][0]["before"]["value"]) == pytest.approx(14.0) for row in rows)


@pytest.mark.requirement("DI-7")
def test_what_was_left_undone_goes_on_later_and_nothing_is_done_twice(
    small: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (restating, reevaluating):
        monkeypatch.setattr(module, "AT_ONCE", 2)
    numbers = [small_batch.recorded(small).number for _ in range(5)]
    shown = preview(body := proposal()).data
    assert (shown["batches"], len(shown["results"]), shown["next"]) == (5, 2, numbers[1])
    page = preview({**body, "until": shown["manifest"]["until"], "after": numbers[1]}).data
    assert [row["number"] for row in page["results"]] == numbers[2:4]
    answer = sign({**body, "until": shown["manifest"]["until"]}, seen=shown["manifest_sha256"])
    assert answer.data["waiting"] == numbers[2:]
    pk = answer.data["id"]
    assert reevaluating.unfinished() == [pk]
    assert [reevaluating.carry_on(pk) for _ in range(3)] == [1, 0, 0]
    assert Reevaluation.objects.filter(restatement=pk).count() == 5
    assert reevaluating.unfinished() == []


@pytest.mark.requirement("AUD-4")
def test_a_restatement_and_what_came_of_it_never_change(small: People) -> None:
    small_batch.recorded(small)
    signed_with_preview()
    for model in (Restatement, Reevaluation):
        with pytest.raises(Exception, match=r"append-only|permission denied"), transaction.atomic():
            model.objects.update(recorded_at=database_now())
        with pytest.raises(Exception, match=r"append-only|permission denied"), transaction.atomic():
            model.objects.all()._raw_delete(model.objects.db)
    with pytest.raises(IntegrityError), transaction.atomic():
        Reevaluation.objects.bulk_create([Reevaluation(**Reevaluation.objects.values().get() | {"id": None})])


def test_a_restatement_is_read_over_rest_and_in_the_trail(small: People) -> None:
    kept = small_batch.in_quarantine(small)
    pk = signed_with_preview().data["id"]
    rest = Rest("inspector")
    assert [row["id"] for row in rest.get(PATH).data["results"]] == [pk]
    assert rest.get(f"{PATH}{pk}/").data["reevaluations"][0]["number"] == kept.number
    assert rest.get(f"{PATH}{pk + 1}/").status_code == 404
    told = rest.get(f"batches/{kept.number}/history/").data["results"][-1]
    assert told["sentence"] == "Quality Test re-evaluated the batch with restated readings"
    assert told["reason"] == "The recalibration found it 5 % low."
    review_audit_trail(actor=small.reviewer, number=kept.number, credential=credential("reviewer"))
    assert assess(find_batch(kept.number)).evaluation.decision_possible
