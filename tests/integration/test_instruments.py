"""Instruments as a laboratory keeps them: sources, computed checks, what is due, who may take one out of service."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext

from labeling.models import Batch, CheckSource, Entry, EquipmentCheck, EquipmentRules, ServiceStatus
from labeling.selectors.clock import database_now
from lims.accounts.models import User
from lims.audit.models import Change
from lims.oversight.models import Alarm
from tests import factories
from tests.browser import small_batch
from tests.factories import People
from tests.integration.rest import Rest

LAST_YEAR = "2025-03-02T08:00:00+01:00"


@pytest.fixture
def small(db: None) -> People:
    """The people of a laboratory that makes the small protocol, with DC-1 checked today."""
    return small_batch.laboratory()


@pytest.fixture
def batch(small: People) -> Batch:
    return small_batch.in_progress(small)


def read(batch: Batch, **changed: Any) -> Any:
    body = {"step": "product", "field": "activity", "value": "42.0", "unit": "MBq", "equipment": "DC-1", **changed}
    return Rest("operator").post(f"batches/{batch.number}/entries/", body)


def rule(**changed: Any) -> Any:
    body = {"reason": "As our procedure on dose calibrators says.", **changed}
    return Rest("quality").signed("equipment/DC-1/rules/", body)


def constancy(value: str, **changed: Any) -> Any:
    body = {"value": value, "unit": "MBq", "source": "CS-1", **changed}
    return Rest("operator").post("equipment/DC-1/constancy/", body)


def source(code: str = "CS-1", **changed: str) -> dict[str, Any]:
    return {
        "code": code,
        "nuclide": "Cs-137",
        "activity": "7.400",
        "unit": "MBq",
        "relative_u_percent": "1.5",
        "reference_at": LAST_YEAR,
        "certificate": "PTB-2025-0815",
        **changed,
    }


def test_the_pages_show_what_was_read_and_where_a_reading_is_refused(batch: Batch) -> None:
    operator = Rest("operator")
    operator.post("sources/", source())
    constancy("7.23", setting="220", background="0.01")
    client = Client()
    client.force_login(User.objects.get(username="operator"))
    for path in ("/instruments/DC-1/", "/instruments/DC-1/log/"):
        said = client.get(path).content.decode()
        assert "read 7.23" in said
        assert "background 0.01" in said
        assert "expected 7." in said
    typed = {"value": "6,93", "unit": "MBq", "source": "CS-1"}
    refused = client.post("/instruments/DC-1/constancy/", typed).content.decode()
    assert 'id="constancy-value-says">Reading: ' in refused


@pytest.mark.requirement("RAD-7")
def test_a_constancy_check_is_computed_and_never_typed(batch: Batch) -> None:
    operator = Rest("operator")
    assert operator.post("sources/", source()).status_code == 201
    passed = constancy("7.23", setting="220", background="0.01")
    assert passed.status_code == 201
    assert (passed.data["outcome"], passed.data["state"]) == ("pass", "within")
    assert "CS-1 = 7.400 MBq" in passed.data["evidence"]["worked"]
    assert constancy("7.23", outcome="pass").status_code == 400  # there is no such input
    failed = constancy("6.2")
    assert (failed.data["outcome"], failed.data["state"]) == ("fail", "action")
    assert Alarm.objects.get().kind == Alarm.Kind.CHECK_FAILED
    assert read(batch).data["code"] == "instrument_not_checked"
    operator.post("equipment/DC-1/checks/", {"outcome": "pass"})  # of that source, only its own reading makes it good
    assert "failed its check" in read(batch).data["detail"]
    constancy("7.2")
    assert read(batch).status_code == 201


@pytest.mark.requirement("RAD-7")
def test_a_source_that_is_read_every_day_is_asked_for(small: People, batch: Batch) -> None:
    Rest("operator").post("sources/", source())
    assert read(batch).status_code == 201  # a plain check of today is enough until the site says otherwise
    assert rule(daily_source="CS-1").status_code == 201
    other = small_batch.in_progress(small)
    refused = read(other)
    assert (refused.status_code, refused.data["code"]) == (409, "instrument_not_checked")
    assert "checked every day against CS-1" in refused.data["detail"]
    constancy("7.2")
    assert read(other).status_code == 201


@pytest.mark.requirement("PET-30")
@pytest.mark.requirement("P11-10h")
def test_an_overdue_calibration_refuses_a_reading(batch: Batch) -> None:
    now = database_now()
    ended = {
        "valid_from": (now - timedelta(days=400)).isoformat(),
        "valid_until": (now - timedelta(days=35)).isoformat(),
        "relative_u_percent": "2.0",
    }
    assert Rest("operator").post("equipment/DC-1/calibrations/", ended).status_code == 201
    refused = read(batch)
    assert (refused.status_code, refused.data["code"]) == (409, "instrument_overdue")
    row = Rest("operator").get("equipment/DC-1/").data
    assert row["due"][0]["state"] == "overdue"
    assert not row["in_order"]
    Rest("operator").post("equipment/DC-1/calibrations/", {"valid_from": now.isoformat(), "relative_u_percent": "2.0"})
    assert read(batch).status_code == 201


@pytest.mark.requirement("PET-30")
def test_what_is_due_by_interval_refuses_until_it_is_done(batch: Batch) -> None:
    assert rule(linearity_days=90).status_code == 201
    assert "due for linearity and has none" in read(batch).data["detail"]
    now = database_now()
    series = [
        {"value": f"{400 * 0.5 ** (h / 78.41):.5g}", "unit": "MBq", "at": (now - timedelta(hours=400 - h)).isoformat()}
        for h in (0, 100, 200, 390)
    ]
    late = {"reason": "Read over the weekend, entered afterwards."}
    bad = [*series[:3], {**series[3], "value": "20.0"}]
    failed = Rest("operator").post("equipment/DC-1/linearity/", {"nuclide": "Zr-89", "readings": bad, **late})
    assert failed.data["outcome"] == "fail"
    assert read(batch).data["code"] == "instrument_failed"
    passed = Rest("operator").post("equipment/DC-1/linearity/", {"nuclide": "Zr-89", "readings": series, **late})
    assert (passed.status_code, passed.data["state"]) == (201, "within")
    assert len(passed.data["evidence"]["points"]) == 4
    # The later reading of both series is of one time; the newer row counts.
    assert read(batch).status_code == 201


@pytest.mark.requirement("CH4-31")
def test_out_of_service_takes_a_signature_and_refuses_every_reading(batch: Batch) -> None:
    out = {"in_service": False, "reason": "Chamber contaminated."}
    assert Rest("operator").post("equipment/DC-1/status/", out).status_code == 400
    assert Rest("operator").signed("equipment/DC-1/status/", out).status_code == 201
    assert read(batch).data["code"] == "instrument_out_of_service"
    assert "Chamber contaminated" in read(batch).data["detail"]
    again = Rest("operator").signed("equipment/DC-1/status/", out)
    assert (again.status_code, again.data["code"]) == (409, "illegal_transition")
    back = {"in_service": True, "reason": "Decontaminated, background as before."}
    assert Rest("operator").signed("equipment/DC-1/status/", back).status_code == 201
    assert read(batch).status_code == 201
    assert Rest("verifier").signed("equipment/DC-1/status/", out).status_code == 403


@pytest.mark.requirement("CH4-31")
def test_the_log_book_tells_everything_in_time_order_page_by_page(batch: Batch) -> None:
    operator = Rest("operator")
    operator.post("sources/", source())
    constancy("7.2")
    operator.post("equipment/DC-1/service/", {"note": "Fan cleaned by the maker's engineer."})
    read(batch)
    for turn in range(45):
        operator.post("equipment/DC-1/checks/", {"outcome": "pass", "note": f"turn {turn}"})
    first = operator.get("equipment/DC-1/log/").data
    second = operator.get("equipment/DC-1/log/", before=first["next"]).data
    rows = [*first["results"], *second["results"]]
    assert second["next"] is None
    assert [row["at"] for row in rows] == sorted((row["at"] for row in rows), reverse=True)
    assert {"registered", "check", "reading"} <= {row["what"] for row in rows}
    (reading,) = (row for row in rows if row["what"] == "reading")
    written = batch.protocol_version.document.field(*reading["field"].split("."))
    assert reading["label"] == written.label  # as the worksheet calls it, not by its key
    assert len(rows) == 1 + EquipmentCheck.objects.filter(equipment__code="DC-1").count() + 1
    assert operator.get("equipment/DC-1/log/", before="nonsense").status_code == 404


@pytest.mark.requirement("RAD-7")
@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("checks/", {"outcome": "pass", "at": "1999-01-01T00:00:00+00:00"}, "at"),
        ("calibrations/", {"valid_from": LAST_YEAR, "relative_u_percent": "250"}, "relative_u_percent"),
        ("calibrations/", {"valid_from": LAST_YEAR, "relative_u_percent": "2", "factor": "0"}, "factor"),
        ("calibrations/", {"valid_from": LAST_YEAR, "relative_u_percent": "2", "factor": "-1.05"}, "factor"),
        ("calibrations/", {"valid_from": "1950-01-01T00:00:00+00:00", "relative_u_percent": "2"}, "valid_from"),
        ("calibrations/", {"valid_from": LAST_YEAR, "relative_u_percent": "2", "setting": "465"}, "nuclide"),
        (
            "calibrations/",
            {"valid_from": LAST_YEAR, "valid_until": "2024-01-01T00:00:00Z", "relative_u_percent": "2"},
            "valid_until",
        ),
        ("constancy/", {"value": "7.2", "unit": "mL", "source": "CS-1"}, "unit"),
        ("constancy/", {"value": "7.2", "unit": "MBq", "source": "CS-9"}, "source"),
        ("constancy/", {"value": "7,2", "unit": "MBq", "source": "CS-1"}, "reading"),
    ],
)
def test_what_cannot_be_is_refused_with_the_name_of_the_input(
    batch: Batch, path: str, body: dict[str, Any], field: str
) -> None:
    Rest("operator").post("sources/", source())
    answer = Rest("operator").post(f"equipment/DC-1/{path}", body)
    assert (answer.status_code, answer.data["errors"][0]["field"]) == (422, field)


@pytest.mark.parametrize(
    "changed",
    [
        {"activity": "0"},
        {"activity": "-1"},
        {"unit": "mL"},
        {"nuclide": "Cs-139"},
        {"certificate": " "},
        {"reference_at": "1900-01-01T00:00:00+00:00"},
        {"certificate_sha256": "abc"},
    ],
)
def test_a_source_that_cannot_be_is_refused(who: People, changed: dict[str, str]) -> None:
    assert Rest("operator").post("sources/", source(**changed)).status_code in {400, 422}
    assert not CheckSource.objects.exists()


@pytest.mark.requirement("AUD-4")
def test_the_new_tables_are_only_ever_added_to(batch: Batch) -> None:
    Rest("operator").post("sources/", source())
    rule(daily_source="CS-1")
    Rest("operator").signed("equipment/DC-1/status/", {"in_service": False, "reason": "Chamber contaminated."})
    for model in (CheckSource, EquipmentRules, ServiceStatus):
        with pytest.raises(Exception, match=r"append-only|permission denied"), transaction.atomic():
            model.objects.update(recorded_at=database_now())
    with pytest.raises(IntegrityError, match="outside an audited operation"), transaction.atomic():
        CheckSource.objects.create(code="X", reference_at=database_now(), registered_by_id=1)
    assert Change.objects.filter(table_name="labeling_checksource").count() == 1


def test_the_list_of_instruments_costs_the_same_whatever_its_length(small: People) -> None:
    counts = []
    for turn in range(2):
        with CaptureQueriesContext(connection) as queries:
            assert Rest("operator").get("equipment/").status_code == 200
        counts.append(len(queries))
        for more in range(4):
            factories.instrument(small, f"DC-{turn}{more}", "dose_calibrator")
    assert counts[0] == counts[1]


@pytest.mark.requirement("PET-30")
def test_a_client_that_knows_only_the_first_contract_goes_on(batch: Batch) -> None:
    """A plain check with a time and an outcome makes a reading possible, and calibrations take what they took."""
    operator = Rest("operator")
    operator.post("equipment/", {"code": "DC-8", "kind": "dose_calibrator", "name": "Old", "serial": "1"})
    now = database_now()
    checked = operator.post("equipment/DC-8/checks/", {"at": now.isoformat(), "outcome": "pass"})
    assert (checked.status_code, checked.data["checked_today"]) == (201, True)
    calibration = {"valid_from": LAST_YEAR, "relative_u_percent": "3.0", "repeatability_percent": "0.3"}
    kept = operator.post("equipment/DC-8/calibrations/", {**calibration, "certificate": "old"}).data["calibration"]
    assert (kept["relative_u_percent"], kept["factor"], kept["setting"]) == ("3.0", "1", None)
    assert read(batch, equipment="DC-8").status_code == 201
    entry = Entry.objects.get(equipment__code="DC-8")
    assert (entry.setting, entry.geometry) == ("", "")


@pytest.mark.requirement("RAD-7")
def test_a_reading_at_another_setting_or_geometry_is_refused(batch: Batch) -> None:
    now = database_now()
    for geometry, factor in (("vial 10R, 3 mL", "1.02"), ("syringe 5 mL", "0.98")):
        body = {
            "valid_from": (now - timedelta(hours=1)).isoformat(),
            "relative_u_percent": "2.0",
            "nuclide": "Zr-89",
            "setting": "517",
            "geometry": geometry,
            "factor": factor,
        }
        assert Rest("operator").post("equipment/DC-1/calibrations/", body).status_code == 201
    right = {"setting": "517", "geometry": "vial 10R, 3 mL"}
    for changed, code in (
        ({}, "geometry_missing"),
        ({"geometry": "beaker"}, "wrong_geometry"),
        ({"geometry": "syringe 5 mL"}, "setting_missing"),
        ({**right, "setting": "465"}, "wrong_setting"),
    ):
        assert read(batch, **changed).data["code"] == code
    answer = read(batch, **right)
    assert answer.status_code == 201
    assert (answer.data["entry"]["setting"], answer.data["entry"]["geometry"]) == ("517", "vial 10R, 3 mL")
    read(batch, field="volume", value="3.0", unit="mL", equipment="")
    result = Rest("operator").get(f"batches/{batch.number}/").data["results"][0]
    assert float(result["value"]) == pytest.approx(42.0 * 1.02 / 3)
    assert "(42.0 × 1.02) MBq" in result["worked"]


@pytest.mark.requirement("RAD-7")
def test_the_worksheet_offers_the_settings_and_geometries_of_the_nuclide(small: People, batch: Batch) -> None:
    begun = (database_now() - timedelta(hours=1)).isoformat()
    for nuclide, setting, geometry in (("Zr-89", "517", "vial 10R"), ("F-18", "465", "syringe 5 mL")):
        body = {"valid_from": begun, "relative_u_percent": "2.0", "nuclide": nuclide, "setting": setting}
        answer = Rest("operator").post("equipment/DC-1/calibrations/", {**body, "geometry": geometry})
        assert answer.status_code == 201
    client = Client()
    client.force_login(small.operator.user)
    page = client.get(f"/batches/{batch.number}/").content.decode()
    assert 'value="517" label="517, as DC-1 is calibrated"' in page
    assert 'value="vial 10R"' in page
    assert 'value="465"' not in page
    typed = {"step": "product", "field": "activity", "value": "42.0", "unit": "MBq", "equipment": "DC-1"}
    path = f"/batches/{batch.number}/entries/"
    assert "calibrated for Zr-89 at 517" in client.post(path, {**typed, "geometry": "vial 10R"}).content.decode()
    assert client.post(path, {**typed, "geometry": "vial 10R", "setting": "517"}).status_code == 302
    entry = Entry.objects.get(batch=batch, field="activity")
    assert (entry.setting, entry.geometry) == ("517", "vial 10R")
