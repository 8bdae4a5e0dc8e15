"""Everything that people and devices get wrong: each has a clear answer, and nothing is lost."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any

import pytest
from django import forms
from django.template.loader import render_to_string

from labeling.models import Batch, Deviation, Entry
from labeling.selectors.clock import database_now
from lims.accounts.models import AccessEvent
from lims.audit.models import Operation
from tests import factories
from tests.factories import People
from tests.integration.rest import Rest


@pytest.fixture
def batch(laboratory: People) -> Batch:
    """A synthesis that was started half an hour ago."""
    plan = factories.campaign()["synthesis"]
    moved = database_now() - timedelta(minutes=30) - datetime.fromisoformat(plan["started_at"])
    return factories.started(laboratory, plan, moved)


def entry(batch: Batch, **changed: Any) -> dict[str, Any]:
    """A reading of the starting activity that would be accepted, with some of it changed."""
    at = (database_now() - timedelta(minutes=1)).isoformat()
    body = {"step": "dispense", "field": "starting", "value": "75.44", "unit": "MBq", "at": at, "equipment": "DC-1"}
    return {key: value for key, value in {**body, **changed}.items() if value is not None}


def send(batch: Batch, **changed: Any) -> Any:
    return Rest("operator").post(f"batches/{batch.number}/entries/", entry(batch, **changed))


def hours(batch: Batch, offset: float) -> str:
    return (database_now() + timedelta(hours=offset)).isoformat()


@pytest.mark.parametrize(
    ("changed", "status", "code", "field"),
    [
        ({"at": "2026-03-02T08:00:00"}, 422, "naive_time", "at"),
        ({"at": "yesterday"}, 422, "not_a_time", "at"),
        ({"unit": "MBk"}, 422, "unknown_unit", "unit"),
        ({"unit": "mL"}, 422, "wrong_unit", "unit"),
        ({"unit": None}, 422, "unit_missing", "unit"),
        ({"value": "3,2"}, 422, "ambiguous_number", "value"),
        ({"value": "1,234"}, 422, "ambiguous_number", "value"),
        ({"value": "1.2.3"}, 422, "not_a_number", "value"),
        ({"value": "-3"}, 422, "negative_value", "value"),
        ({"value": "NaN"}, 422, "not_a_number", "value"),
        ({"value": "inf"}, 422, "not_a_number", "value"),
        ({"value": ""}, 422, "missing_value", "value"),
        ({"value": {"number": 3}}, 400, "malformed", "value"),
        ({"step": "wash_9"}, 422, "unknown_step", "step"),
        ({"field": "starting_2"}, 422, "unknown_field", "field"),
        ({"equipment": "DC-9"}, 422, "unknown_instrument", "equipment"),
        ({"equipment": "CC-1"}, 422, "wrong_instrument", "equipment"),
        ({"equipment": None}, 422, "instrument_missing", "equipment"),
        ({"activity": "75"}, 400, "malformed", "activity"),
        ({"step": None}, 400, "malformed", "step"),
    ],
)
def test_a_refusal_names_the_input_and_keeps_nothing(
    batch: Batch, changed: dict[str, Any], status: int, code: str, field: str
) -> None:
    before = set(Operation.objects.values_list("pk", flat=True))
    answer = send(batch, **changed)
    assert (answer.status_code, answer.data["code"]) == (status, code)
    assert answer["Content-Type"] == "application/problem+json"
    assert answer.data["errors"][0]["field"] == field
    assert answer.data["detail"].strip().endswith((".", "?"))
    assert not Entry.objects.filter(batch=batch).exists()
    wrong_thing = code in ("unknown_instrument", "wrong_instrument")  # kept as a scan of it would be
    acts = Operation.objects.exclude(pk__in=before).values_list("action", flat=True)
    assert list(acts) == (["scan.refuse"] if wrong_thing else [])


def test_a_future_time_is_refused(batch: Batch) -> None:
    answer = send(batch, at=hours(batch, 1))
    assert (answer.status_code, answer.data["code"]) == (422, "future_time")


def test_a_time_before_the_start_is_refused(batch: Batch) -> None:
    answer = send(batch, at=hours(batch, -2), reason="late")
    assert (answer.status_code, answer.data["code"]) == (422, "before_start")


@pytest.mark.requirement("TIM-4")
def test_a_late_entry_says_why_and_is_marked(batch: Batch) -> None:
    at = (database_now() - timedelta(minutes=20)).isoformat()
    answer = send(batch, at=at)
    assert (answer.status_code, answer.data["code"]) == (422, "late_needs_reason")
    answer = send(batch, at=at, reason="both hands in the hot cell")
    assert answer.status_code == 201
    assert answer.data["entry"]["late"] is True


@pytest.mark.requirement("DI-12")
def test_an_entry_without_a_time_takes_the_instant_it_is_recorded(batch: Batch) -> None:
    answer = send(batch, at=None)
    row = Entry.objects.get(pk=answer.data["entry"]["id"])
    assert abs(row.measured_at - row.recorded_at) < timedelta(seconds=5)
    assert answer.data["entry"]["late"] is False


@pytest.mark.requirement("A11D-10.1")
def test_mbq_typed_as_millibecquerel_is_warned_about_and_opens_a_deviation(batch: Batch) -> None:
    answer = send(batch, unit="mBq")
    assert answer.status_code == 201
    assert any("thousand million" in warning for warning in answer.data["warnings"])
    assert Deviation.objects.get(batch=batch).kind == "out_of_range"


def test_a_value_out_of_range_is_kept_and_opens_a_deviation(batch: Batch) -> None:
    answer = send(batch, value="450")
    assert answer.status_code == 201
    assert answer.data["entry"]["out_of_range"] is True
    assert "5 to 400 MBq" in Deviation.objects.get(batch=batch).text


def test_another_unit_of_the_same_kind_is_taken_and_kept_as_typed(batch: Batch) -> None:
    answer = send(batch, value="2.04", unit="mCi")
    assert (answer.data["entry"]["typed"], answer.data["entry"]["unit"]) == ("2.04", "mCi")
    assert answer.data["entry"]["out_of_range"] is False


def test_a_value_is_recorded_once_and_then_corrected_with_a_reason(batch: Batch) -> None:
    rest = Rest("operator")
    first = send(batch).data["entry"]
    again = send(batch, value="75.9")
    assert (again.status_code, again.data["code"]) == (409, "already_recorded")
    path = f"batches/{batch.number}/entries/{first['id']}/correct/"
    body = {"value": "74.54", "unit": "MBq", "equipment": "DC-1"}
    unexplained = rest.post(path, body)
    assert (unexplained.status_code, unexplained.data["code"]) == (422, "reason_missing")
    corrected = rest.post(path, {**body, "reason": "digits swapped"})
    assert corrected.data["entry"]["corrects"] == first["id"]
    field = next(
        f
        for s in rest.get(f"batches/{batch.number}/").data["steps"]
        for f in s["fields"]
        if (s["key"], f["key"]) == ("dispense", "starting")
    )
    assert field["entry"]["typed"] == "74.54"
    assert [old["typed"] for old in field["superseded"]] == ["75.44"]
    stale = rest.post(path, {**body, "value": "74.6", "reason": "again"})
    assert (stale.status_code, stale.data["code"]) == (409, "stale")


@pytest.mark.requirement("AUD-10")
def test_the_corrected_entry_is_unchanged_byte_for_byte(batch: Batch) -> None:
    first = send(batch).data["entry"]["id"]
    before = Entry.objects.filter(pk=first).values().get()
    path = f"batches/{batch.number}/entries/{first}/correct/"
    Rest("operator").post(path, {"value": "74", "unit": "MBq", "equipment": "DC-1", "reason": "misread"})
    assert Entry.objects.filter(pk=first).values().get() == before


@pytest.mark.requirement("PET-40")
@pytest.mark.parametrize(
    ("number", "options", "code"),
    [
        ("OX-1", {"accepted": False}, "lot_not_accepted"),
        ("OX-2", {"days": -1}, "lot_expired"),
        ("KIT-302", None, "wrong_material"),
        ("OX-9", None, "unknown_lot"),
    ],
)
def test_a_lot_that_may_not_be_used_is_refused(
    laboratory: People, batch: Batch, number: str, options: dict[str, Any] | None, code: str
) -> None:
    if options is not None:
        factories.lot(laboratory, number, "oxalate", **options)
    answer = send(batch, field="oxalate_lot", value=number, unit=None, equipment=None)
    assert answer.data["code"] == code
    assert not Entry.objects.filter(batch=batch).exists()


@pytest.mark.requirement("P11-10h")
@pytest.mark.requirement("PET-30")
def test_an_instrument_without_a_passed_check_today_is_refused(laboratory: People, batch: Batch) -> None:
    factories.instrument(laboratory, "DC-2", "dose_calibrator", checked=False)
    answer = send(batch, equipment="DC-2")
    assert (answer.status_code, answer.data["code"]) == (409, "instrument_not_checked")
    Rest("operator").post("equipment/DC-2/checks/", {"outcome": "pass"})
    Rest("operator").post("equipment/DC-2/checks/", {"outcome": "fail", "note": "constancy 7 % off"})
    assert send(batch, equipment="DC-2").data["code"] == "instrument_not_checked"


def test_a_list_of_entries_is_answered_row_by_row(batch: Batch) -> None:
    rows = [entry(batch), entry(batch, field="oxalate_volume", value="0,25", unit="mL", equipment=None)]
    answer = Rest("operator").post(f"batches/{batch.number}/entries/", rows)
    assert [row["status"] for row in answer.data["rows"]] == [201, 422]
    assert answer.data["rows"][1]["problem"]["code"] == "ambiguous_number"
    assert Entry.objects.filter(batch=batch).count() == 1


def test_an_entry_after_completion_is_refused(laboratory: People) -> None:
    done = factories.completed(laboratory)
    answer = send(done)
    assert (answer.status_code, answer.data["code"]) == (409, "batch_not_in_progress")


def test_a_test_that_the_specification_lacks_is_refused(laboratory: People) -> None:
    done = factories.completed(laboratory)
    answer = Rest("analyst").post(f"batches/{done.number}/test-results/", {"test": "taste", "value": "good"})
    assert (answer.status_code, answer.data["code"]) == (422, "unknown_test")


def test_a_result_that_the_record_gives_is_never_typed(laboratory: People) -> None:
    done = factories.completed(laboratory)
    body = {"test": "filter_integrity", "value": "60"}
    answer = Rest("analyst").post(f"batches/{done.number}/test-results/", body)
    assert (answer.status_code, answer.data["code"]) == (422, "read_from_record")


def test_a_computed_test_takes_its_raw_data_not_a_value(laboratory: People) -> None:
    done = factories.completed(laboratory)
    body = {"test": "radiochemical_purity", "value": "99.1"}
    answer = Rest("analyst").post(f"batches/{done.number}/test-results/", body)
    assert (answer.status_code, answer.data["code"]) == (422, "inputs_missing")


def test_the_same_submission_sent_twice_is_answered_with_the_first_result(batch: Batch) -> None:
    rest, body = Rest("operator"), entry(batch)
    path = f"batches/{batch.number}/entries/"
    first = rest.post(path, body, key="tablet-7-0001")
    second = rest.post(path, body, key="tablet-7-0001")
    assert (first.status_code, second.status_code) == (201, 201)
    assert second.data == json.loads(json.dumps(first.data))
    assert second["Idempotency-Replayed"] == "true"
    assert Entry.objects.filter(batch=batch).count() == 1
    other = rest.post(path, entry(batch, value="76"), key="tablet-7-0001")
    assert (other.status_code, other.data["code"]) == (422, "idempotency_key_reused")


def test_a_refused_submission_may_be_sent_again_under_its_key(batch: Batch) -> None:
    rest = Rest("operator")
    path = f"batches/{batch.number}/entries/"
    body = entry(batch)
    assert rest.post(path, {**body, "equipment": "DC-9"}, key="k").status_code == 422
    assert rest.post(path, {**body, "equipment": "DC-1"}, key="k").status_code == 201


def test_a_stale_page_is_told_what_changed(batch: Batch) -> None:
    rest = Rest("operator")
    seen = rest.get(f"batches/{batch.number}/").data["revision"]
    assert send(batch).status_code == 201
    body = entry(batch, field="oxalate_volume", value="0.25", unit="mL", equipment=None)
    answer = rest.post(f"batches/{batch.number}/entries/", body, revision=seen)
    assert (answer.status_code, answer.data["code"]) == (409, "stale")
    assert [change["action"] for change in answer.data["changes"]] == ["entry.record"]
    assert rest.post(f"batches/{batch.number}/entries/", body, revision=answer.data["revision"]).status_code == 201


@pytest.mark.requirement("P11-300d")
def test_a_wrong_password_at_signing_signs_nothing_and_is_kept(laboratory: People, batch: Batch) -> None:
    number = send(batch).data["entry"]["id"]
    path = f"batches/{batch.number}/entries/{number}/verify/"
    answer = Rest("verifier").signed(path, password="not the password at all")
    assert (answer.status_code, answer.data["code"]) == (403, "signature_refused")
    assert AccessEvent.objects.filter(kind="signing_refused", username="verifier").count() == 1
    assert Rest("verifier").signed(path).status_code == 201


@pytest.mark.requirement("A11D-13.3")
@pytest.mark.requirement("A11D-11.3")
def test_a_token_alone_never_signs(batch: Batch) -> None:
    answer = Rest("operator").post(f"batches/{batch.number}/complete/")
    assert (answer.status_code, answer.data["errors"][0]["field"]) == (400, "signature")


@pytest.mark.requirement("A11-6")
def test_nobody_verifies_their_own_entry(laboratory: People, batch: Batch) -> None:
    from lims.audit.operations import operation

    user = laboratory.operator.user
    with operation(actor=laboratory.administrator, action="person.roles", subject=user.username):
        user.roles = ["operator", "verifier"]
        user.save(update_fields=["roles"])
    number = send(batch).data["entry"]["id"]
    answer = Rest("operator").signed(f"batches/{batch.number}/entries/{number}/verify/")
    assert (answer.status_code, answer.data["code"]) == (409, "segregation_of_duties")


@pytest.mark.requirement("SIG-5")
def test_the_second_person_signs_at_the_first_ones_workstation(batch: Batch) -> None:
    number = send(batch).data["entry"]["id"]
    answer = Rest("operator").signed(f"batches/{batch.number}/entries/{number}/verify/", role="verifier")
    assert answer.status_code == 201
    assert answer.data["entry"]["verified_by"]["username"] == "verifier"


@pytest.mark.requirement("A11-6")
def test_a_batch_is_not_complete_until_everything_is_there_and_verified(laboratory: People) -> None:
    batch = factories.recorded(laboratory, factories.campaign()["synthesis"])
    answer = Rest("operator").signed(f"batches/{batch.number}/complete/")
    assert (answer.status_code, answer.data["code"]) == (409, "incomplete")
    assert "product.product" in {error["field"] for error in answer.data["errors"]}


@pytest.mark.requirement("A11D-13.8")
@pytest.mark.requirement("P11-70")
def test_a_corrected_value_undoes_the_verification_of_its_step(laboratory: People) -> None:
    batch = factories.recorded(laboratory, factories.campaign()["synthesis"])
    factories.verify_all(laboratory, batch.number)
    old = Entry.objects.get(batch=batch, step="product", field="product")
    body = {
        "value": "63.14",
        "unit": "MBq",
        "equipment": "DC-1",
        "reason": "misread",
        "at": old.measured_at.isoformat(),
    }
    rest = Rest("operator")
    assert rest.post(f"batches/{batch.number}/entries/{old.pk}/correct/", body).status_code == 201
    answer = rest.signed(f"batches/{batch.number}/complete/")
    assert [error["field"] for error in answer.data["errors"]] == ["product.product"]


@pytest.mark.parametrize(
    ("started", "reason", "code"),
    [(1.0, "x", "future_time"), (-25.0, "x", "too_far_back"), (-2.0, "", "late_needs_reason")],
)
def test_a_start_is_recorded_at_most_a_day_later_and_with_a_reason(
    laboratory: People, started: float, reason: str, code: str
) -> None:
    rest = Rest("operator")
    number = rest.post("batches/", {"protocol": "zr89-oxine-kit"}).data["number"]
    at = (database_now() + timedelta(hours=started)).isoformat()
    answer = rest.post(f"batches/{number}/start/", {"started_at": at, "reason": reason})
    assert (answer.status_code, answer.data["code"]) == (422, code)


@pytest.mark.requirement("CELL-4")
def test_another_persons_cells_are_refused(laboratory: People) -> None:
    rest = Rest("operator")
    number = rest.post("batches/", {"protocol": "t-cell-labeling", "identity": "COI-302-1"}).data["number"]
    rest.post(f"batches/{number}/start/")
    for field, value in (("identity", "COI-302-2"), ("cell_lot", "CELLS-302-2")):
        body = {"step": "receive_cells", "field": field, "value": value}
        answer = rest.post(f"batches/{number}/entries/", body)
        assert (answer.status_code, answer.data["code"]) == (422, "identity_mismatch")
        assert "COI-302-1" not in answer.data["detail"]
    kept = Deviation.objects.filter(batch__number=number)
    assert [(deviation.kind, deviation.severity) for deviation in kept] == [("identity", "critical")] * 2


@pytest.mark.requirement("PET-71")
def test_only_a_released_batch_is_used_in_another(laboratory: People) -> None:
    source = factories.completed(laboratory)
    rest = Rest("operator")
    number = rest.post("batches/", {"protocol": "t-cell-labeling", "identity": "COI-302-1"}).data["number"]
    rest.post(f"batches/{number}/start/")
    body = {"step": "dispense", "field": "oxine_batch", "value": source.number}
    answer = rest.post(f"batches/{number}/entries/", body)
    assert (answer.status_code, answer.data["code"]) == (409, "batch_not_released")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("kind: synthesis", "kind: synthesis\nmood: good"),
        ("expression: product.product / product.volume", "expression: concentration * 2"),
        ("expression: product.product / product.volume", "expression: product.product + product.volume"),
        ("inputs: {full: dispense.starting", "inputs: {full: dispense.startled"),
        ('min: "5", max: "400"', 'min: "500", max: "400"'),
    ],
)
def test_a_faulty_protocol_is_refused_with_the_line(laboratory: People, old: str, new: str) -> None:
    text = (factories.ROOT / "library/protocols/zr89-oxine-kit.yaml").read_text()
    assert old in text
    faulty = text.replace(old, new, 1)
    answer = Rest("operator").post("protocols/", {"document": faulty})
    assert (answer.status_code, answer.data["code"]) == (422, "document_invalid")
    pairs = zip(text.split("\n"), faulty.split("\n"), strict=False)
    difference = next(number for number, (before, after) in enumerate(pairs, 1) if before != after)
    lines = [error["line"] for error in answer.data["errors"]]
    assert any(abs(line - difference) <= 2 for line in lines), (lines, difference)


def test_an_unknown_batch_is_not_found(laboratory: People) -> None:
    assert Rest("operator").get("batches/S-1999-0001/").status_code == 404
    assert Rest("operator").post("batches/S-1999-0001/start/").status_code == 404


def test_malformed_json_is_a_400_with_a_sentence(laboratory: People) -> None:
    rest = Rest("operator")
    answer = rest.client.generic("POST", "/api/v1/lots/", "{not json", content_type="application/json")
    assert (answer.status_code, answer["Content-Type"]) == (400, "application/problem+json")


@pytest.mark.requirement("SIG-12")
def test_a_step_that_changed_after_it_was_shown_is_not_signed_for(laboratory: People) -> None:
    batch = factories.recorded(laboratory, factories.campaign()["synthesis"])
    rest = Rest("verifier")
    step = next(s for s in rest.get(f"batches/{batch.number}/").data["steps"] if s["key"] == "line_clearance")
    entry_id = step["fields"][0]["entry"]["id"]
    body = {"value": True, "reason": "looked again"}
    assert Rest("operator").post(f"batches/{batch.number}/entries/{entry_id}/correct/", body).status_code == 201
    path = f"batches/{batch.number}/steps/line_clearance/verify/"
    answer = rest.signed(path, {"seen": step["manifest_sha256"]})
    assert (answer.status_code, answer.data["code"]) == (409, "stale")
    step = next(s for s in rest.get(f"batches/{batch.number}/").data["steps"] if s["key"] == "line_clearance")
    assert rest.signed(path, {"seen": step["manifest_sha256"]}).status_code == 201


def test_a_correction_without_a_time_keeps_the_instant_of_the_reading(batch: Batch) -> None:
    at = (database_now() - timedelta(minutes=25)).isoformat()
    first = send(batch, at=at, value="7.544", reason="both hands in the hot cell").data["entry"]
    body = {"value": "75.44", "unit": "MBq", "reason": "the decimal point was misplaced"}
    answer = Rest("operator").post(f"batches/{batch.number}/entries/{first['id']}/correct/", body)
    assert answer.status_code == 201, answer.data
    assert (answer.data["entry"]["at"], answer.data["entry"]["equipment"]) == (first["at"], "DC-1")


@pytest.mark.parametrize("residual", ["75.44", "90"])
def test_a_result_that_cannot_be_computed_is_a_deviation_and_blocks_release(laboratory: People, residual: str) -> None:
    done = factories.ready_to_decide(laboratory, values={"residue.residual": residual, "dispense.starting": "75.44"})
    gate = Rest("releaser").get(f"batches/{done.number}/disposition/").data
    assert not gate["decision_possible"]
    codes = {blocker["code"] for blocker in gate["blockers"]}
    assert "open_deviation" in codes
    if residual == "90":
        assert "result_not_computed" in codes


def test_more_viable_cells_than_cells_is_no_pass(laboratory: People) -> None:
    source = factories.released(laboratory)
    plan = factories.campaign()["labelings"][0]
    entries = [{**e, "value": source.number} if e["field"] == "oxine_batch" else e for e in plan["entries"]]
    moved = database_now() - datetime.fromisoformat(entries[-1]["at"]) - timedelta(minutes=1)
    values = {"formulate.viable_after": "7.403e+07", "formulate.total_after": "6.885e+07"}
    batch = factories.recorded(laboratory, {**plan, "entries": entries}, moved=moved, values=values)
    tests = {t["key"]: t for t in Rest("inspector").get(f"batches/{batch.number}/test-results/").data["results"]}
    assert tests["viability"]["verdict"] == "inconclusive"


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"test": "endotoxin", "value": "-3"}, "negative_value"),
        ({"test": "radionuclidic_purity", "value": "9998"}, "above_100_percent"),
        ({"test": "radiochemical_purity", "value": "98", "inputs": {"product": "x"}}, "value_not_expected"),
        ({"test": "appearance", "value": "x" * 201}, "too_long"),
    ],
)
def test_a_test_result_that_cannot_be_is_refused(laboratory: People, body: dict[str, Any], code: str) -> None:
    done = factories.completed(laboratory)
    answer = Rest("analyst").post(f"batches/{done.number}/test-results/", body)
    assert (answer.status_code, answer.data["code"]) == (422, code)


def test_a_released_batch_keeps_the_results_it_was_released_on(laboratory: People) -> None:
    from qc.models import TestResult

    done = factories.released(laboratory)
    result = TestResult.objects.get(batch=done, test="ph")
    path = f"batches/{done.number}/test-results/{result.pk}/investigation/"
    answer = Rest("quality").signed(path, {"cause": "the electrode was dry"})
    assert (answer.status_code, answer.data["code"]) == (409, "illegal_transition")


def test_every_row_of_a_list_is_answered_whatever_is_wrong_with_it(batch: Batch) -> None:
    rows = [entry(batch), {"step": "dispense"}, {**entry(batch), "colour": "blue"}, "no object"]
    answer = Rest("operator").post(f"batches/{batch.number}/entries/", rows)
    assert [row["status"] for row in answer.data["rows"]] == [201, 400, 400, 400]


def test_a_list_from_a_stale_page_records_nothing(batch: Batch) -> None:
    rest = Rest("operator")
    seen = rest.get(f"batches/{batch.number}/").data["revision"]
    send(batch)
    rows = [entry(batch, field="oxalate_volume", value="0.25", unit="mL", equipment=None)]
    assert rest.post(f"batches/{batch.number}/entries/", rows, revision=seen).status_code == 409
    assert Entry.objects.filter(batch=batch).count() == 1


@pytest.mark.parametrize("code", ["A/B", "..", "", "A B", "\u202eDC", "x" * 65])
def test_a_code_that_cannot_stand_in_an_address_is_refused(laboratory: People, code: str) -> None:
    answer = Rest("operator").post("equipment/", {"code": code, "kind": "balance"})
    assert answer.status_code in {400, 422}


@pytest.mark.parametrize(
    "body",
    [
        '{"protocol": "a\\u0000b"}',
        '{"protocol": "\\ud800"}',
        '{"protocol": "x", "protocol": "y"}',
        "[" * 5000,
        '{"protocol": NaN}',
        '{"protocol": ' + '{"a":' * 40 + "1" + "}" * 40 + "}",
    ],
)
def test_a_body_that_no_record_can_keep_is_a_400(laboratory: People, body: str) -> None:
    answer = Rest("operator").client.generic("POST", "/api/v1/batches/", body, content_type="application/json")
    assert (answer.status_code, answer["Content-Type"]) == (400, "application/problem+json")


@pytest.mark.parametrize("path", ["batches/%00/", "batches/?lot=%00", "batches/?cursor=cD1hYmM=", "nothing/here/"])
def test_an_address_that_names_nothing_is_a_problem_too(laboratory: People, path: str) -> None:
    answer = Rest("operator").client.get(f"/api/v1/{path}")
    assert answer.status_code in {400, 404}
    assert answer["Content-Type"] == "application/problem+json"


def test_digits_typed_as_a_json_number_are_kept(batch: Batch) -> None:
    number = Rest("operator").client.generic(
        "POST",
        f"/api/v1/batches/{batch.number}/entries/",
        '{"step": "dispense", "field": "oxalate_volume", "value": 0.2500, "unit": "mL"}',
        content_type="application/json",
    )
    assert number.data["entry"]["typed"] == "0.2500"


@pytest.mark.requirement("A11-6")
def test_whoever_ran_the_timer_does_not_verify_the_step(laboratory: People) -> None:
    from labeling.services.timers import record_timer
    from lims.accounts.actors import Actor
    from lims.audit.operations import operation

    user = laboratory.verifier.user
    with operation(actor=laboratory.administrator, action="person.roles", subject=user.username):
        user.roles = ["operator", "verifier"]
        user.save(update_fields=["roles"])
    plan = {**factories.campaign()["synthesis"], "timers": []}
    batch = factories.recorded(laboratory, plan)
    for event in ("start", "stop"):
        record_timer(actor=Actor(user), number=batch.number, step="react", event=event)
    answer = Rest("verifier").signed(f"batches/{batch.number}/steps/react/verify/")
    assert (answer.status_code, answer.data["code"]) == (409, "segregation_of_duties")


def test_a_refusal_quotes_what_was_typed_as_it_was_typed() -> None:
    """Also where the page rewrites units and nuclides in the sentence: it is escaped once, not twice."""

    class OneField(forms.Form):
        value = forms.CharField()

    form = OneField({"value": "7,40"})
    form.add_error("value", '"7,40" is ambiguous; write 89Zr as 7.40.')
    drawn = render_to_string("components/field.html", {"bound": form["value"]})
    assert "&quot;7,40&quot; is ambiguous; write ⁸⁹Zr" in drawn
    assert "&amp;" not in drawn
