"""Restating reaches what was read beside the entries of batches, and says what it does not reach."""

from __future__ import annotations

import hashlib
import json
from datetime import timedelta
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import DatabaseError, transaction
from django.template.loader import render_to_string
from django.test import Client
from django.utils.html import strip_tags

from labeling.models import CalibrationCertificate, ContainerEvent, Lot, RestatedReading, Restatement
from labeling.selectors.batch import find_batch
from labeling.selectors.clock import database_now
from labeling.selectors.stock import lot_document
from labeling.services.containers import open_container, read_container, transfer
from labeling.services.materials import receive_lot
from labeling.services.receipts import Certificate, Delivery, Survey, attach_certificate, record_survey
from lims.oversight.models import Alarm
from qc.printouts import batch_record
from qc.selectors import assess
from qc.services.results import record_result
from tests import factories
from tests.browser import small_batch
from tests.factories import People
from tests.integration.rest import Rest

PATH = "equipment/DC-1/restatements/"
PDF = b"%PDF-1.7 calibration of DC-1"


@pytest.fixture
def small(db: None) -> People:
    return small_batch.laboratory()


def preview(**changed: Any) -> Any:
    return Rest("quality").post(f"{PATH}preview/", proposal(**changed)).data


def proposal(**changed: Any) -> dict[str, Any]:
    since = database_now() - timedelta(hours=1)
    return {"since": since.isoformat(), "factor": "1.05", "certificate": "PTB-2026-1", **changed}


def restated(**changed: Any) -> Any:
    body = proposal(**changed)
    shown = Rest("quality").post(f"{PATH}preview/", body).data
    body |= {"until": shown["manifest"]["until"], "seen": shown["manifest_sha256"], "reason": "It read 5 % low."}
    answer = Rest("quality").signed(PATH, body, role="quality")
    assert answer.status_code == 201, answer.data
    return answer.data


def oxalate(who: People, number: str, *, equipment: str = "DC-1") -> Lot:
    now = database_now().isoformat()
    received = {"value": "820", "unit": "MBq", "at": now} | ({"equipment": equipment} if equipment else {})
    return receive_lot(
        actor=who.operator,
        number=number,
        material="oxalate",
        expires_at=database_now() + timedelta(days=9),
        stated={"value": "800", "unit": "MBq", "at": now},
        received=received,
    )


def activity(value: str, **more: str) -> dict[str, str]:
    return {"value": value, "unit": "MBq", **more}


@pytest.mark.requirement("RAD-7")
def test_an_arrival_is_restated_beside_its_reading_and_its_new_verdict_raises_an_alarm(small: People) -> None:
    vial = oxalate(small, "ZR-1")
    before = Lot.objects.filter(pk=vial.pk).values().get()
    row = next(row for row in preview(factor="1.2")["readings"] if row["kind"] == "lot")
    assert (row["subject"], row["before"]["value"], row["after"]["value"]) == ("ZR-1", "820", "984.0")
    assert row["after"]["worked"] == "820 MBq × 1.2"
    assert not RestatedReading.objects.exists()
    restated(factor="1.2")
    assert Lot.objects.filter(pk=vial.pk).values().get() == before
    document = Rest("inspector").get(f"lots/{vial.pk}/").data
    assert document["restated"][0]["after"]["value"] == "984.0"
    assert document["restated"][0]["certificate"] == "PTB-2026-1"


@pytest.mark.requirement("RAD-7")
def test_an_arrival_beyond_its_limit_only_when_restated_is_told_of(small: People) -> None:
    now = database_now().isoformat()
    vial = receive_lot(
        actor=small.operator,
        number="ZR-2",
        material="oxalate",
        expires_at=database_now() + timedelta(days=9),
        stated={"value": "800", "unit": "MBq", "at": now},
        received={"value": "820", "unit": "MBq", "at": now, "equipment": "DC-1"},
        delivery=Delivery(nuclide="Zr-89"),
    )
    assert (vial.arrival or {})["verdict"] == "pass"
    found = restated(factor="1.2")["readings"][0]
    assert (found["before"]["verdict"], found["after"]["verdict"], found["verdict_moved"]) == ("pass", "fail", True)
    assert Alarm.objects.get(kind=Alarm.Kind.RESTATED).subject == "ZR-2"


@pytest.mark.requirement("RAD-7")
def test_a_container_keeps_its_reading_and_shows_the_restated_one(small: People) -> None:
    vial = open_container(
        actor=small.operator, kind="vial", nuclide="Zr-89", code="V-1", activity=activity("40", equipment="DC-1")
    )
    read_container(actor=small.operator, container_id=vial.pk, activity=activity("39.5", equipment="DC-1"))
    before = list(ContainerEvent.objects.order_by("id").values())
    restated()
    assert list(ContainerEvent.objects.order_by("id").values()) == before
    events = Rest("inspector").get(f"containers/{vial.pk}/").data["events"]
    assert [event["restated"]["after"]["value"] for event in events] == ["42", "41.475"]
    with pytest.raises(DatabaseError), transaction.atomic():
        RestatedReading.objects.update(verdict_moved=True)


@pytest.mark.requirement("RAD-7")
def test_a_container_says_what_it_would_hold_restated_and_what_rests_on_its_original_reading(small: People) -> None:
    vial = open_container(
        actor=small.operator, kind="vial", nuclide="Zr-89", code="V-1", activity=activity("40", equipment="DC-1")
    )
    syringe = open_container(actor=small.operator, kind="syringe", nuclide="Zr-89", code="SY-1")
    transfer(actor=small.operator, container_id=vial.pk, to="SY-1", activity=activity("10"))
    before = Rest("inspector").get(f"containers/{vial.pk}/").data
    assert (before["restated_now"], before["rests_on_original"]) == (None, [])
    pk = restated()["id"]
    told = Rest("inspector").get(f"containers/{vial.pk}/").data
    assert float(told["now"]["value"]) == pytest.approx(30, rel=1e-3), "what was recorded stays"
    assert float(told["restated_now"]["value"]) == pytest.approx(32, rel=1e-3)
    filled = Rest("inspector").get(f"containers/{syringe.pk}/").data
    assert filled["restated_now"] is None
    assert [(r["restatement"], r["recorded_in"]) for r in filled["rests_on_original"]] == [(pk, "V-1")]
    browser = Client()
    browser.force_login(small.inspector.user)
    assert "it would hold <b>32" in browser.get(f"/containers/{vial.pk}/").content.decode()
    page = browser.get(f"/containers/{syringe.pk}/").content.decode()
    assert "as they were recorded in V-1" in page
    assert f"/instruments/DC-1/restatements/{pk}/" in page


@pytest.mark.requirement("RAD-7")
def test_the_container_of_a_batch_says_which_restatement_would_move_it(laboratory: People) -> None:
    batch = factories.recorded(laboratory, factories.campaign()["synthesis"])
    since = (batch.started_at or database_now()) - timedelta(hours=1)
    pk = restated(since=since.isoformat())["id"]
    product = batch.containers.get(product=True)
    told = Rest("inspector").get(f"containers/{product.pk}/").data["rests_on_original"]
    assert [(r["restatement"], r["recorded_in"]) for r in told] == [(pk, batch.number)]


@pytest.mark.requirement("RAD-7")
def test_a_result_below_a_bound_moves_with_its_bound(small: People) -> None:
    batch = small_batch.recorded(small)
    result = record_result(
        actor=small.analyst, number=batch.number, test="purity", value=">96", unit_given="%", equipment="DC-1"
    )
    row = next(row for row in preview(factor="0.98")["results"][0]["tests"] if row["key"] == "purity")
    assert (row["before"]["value"], row["after"]["value"]) == (">96", ">94.08")
    assert (row["after"]["display"], row["after"]["verdict"]) == (">94.08 %", "inconclusive")
    restated(factor="0.98")
    result.refresh_from_db()
    assert (result.value, result.verdict) == (">96", "pass")
    gate = Rest("releaser").get(f"batches/{batch.number}/disposition/").data
    assert next(test for test in gate["tests"] if test["key"] == "purity")["verdict"] == "inconclusive"


@pytest.mark.requirement("RAD-7")
def test_a_result_from_raw_data_is_counted_and_named(laboratory: People) -> None:
    batch = factories.recorded(laboratory, factories.campaign()["synthesis"])
    specification = batch.specification_version
    assert specification is not None
    test = next(test for test in specification.document.tests if test.formula)
    raw = factories.campaign()["synthesis"]["test_results"][test.key]
    result = record_result(actor=laboratory.analyst, number=batch.number, test=test.key, inputs=raw, equipment="DC-1")
    since = result.measured_at - timedelta(hours=1)
    answer = Rest("quality").post(f"{PATH}preview/", proposal(since=since.isoformat()))
    told = next(row for row in answer.data["left_out"] if row["what"] == "computed_results")
    assert told["count"] == 1
    assert f"names DC-1 and is not restated: {test.key} of {batch.number}" in told["detail"]


@pytest.mark.requirement("RAD-7")
def test_what_names_no_instrument_is_counted_and_never_left_out_in_silence(small: People) -> None:
    open_container(actor=small.operator, kind="vial", nuclide="Zr-89", code="V-2", activity=activity("40"))
    oxalate(small, "ZR-3", equipment="")
    oxalate(small, "ZR-4", equipment="")
    details = [row["detail"] for row in preview()["left_out"]]
    assert details == [
        "2 arrival readings of lots name no instrument and are not restated.",
        "1 reading of containers names no instrument and is not restated.",
    ]
    read = open_container(
        actor=small.operator, kind="vial", nuclide="Zr-89", code="V-3", activity=activity("4", equipment="DC-1")
    )
    signed = Restatement.objects.get(pk=restated()["id"])
    assert [row["detail"] for row in json.loads(signed.signature.manifest)["left_out"]] == details
    assert RestatedReading.objects.get().event == read.coming_in.get()
    browser = Client()
    browser.force_login(small.quality.user)
    assert details[0] in browser.get(f"/instruments/DC-1/restatements/{signed.pk}/").content.decode()


@pytest.mark.requirement("RAD-7")
def test_a_typed_test_result_is_restated_where_it_names_the_instrument(small: People) -> None:
    """95.0 % times 0.99 is below the 95 that the specification asks for; the result that was typed stays."""
    batch = small_batch.recorded(small)
    result = record_result(
        actor=small.analyst, number=batch.number, test="purity", value="95.0", unit_given="%", equipment="DC-1"
    )
    row = next(row for row in preview(factor="0.99")["results"][0]["tests"] if row["key"] == "purity")
    assert (row["before"]["verdict"], row["after"]["verdict"], row["verdict_moved"]) == ("pass", "fail", True)
    restated(factor="0.99")
    result.refresh_from_db()
    assert (result.value, result.verdict) == ("95.0", "pass")
    gate = Rest("releaser").get(f"batches/{batch.number}/disposition/").data
    test = next(test for test in gate["tests"] if test["key"] == "purity")
    assert (test["verdict"], test["equipment"]) == ("fail", "DC-1")
    assert "restated" in test["display"]
    kept = find_batch(batch.number)
    printed = batch_record(kept, gate=assess(kept), document="X")["batch"]["restatements"][0]
    assert {row["key"] for row in printed["tests"]} == {"concentration", "purity"}


def test_a_setting_needs_the_one_that_was_used_where_readings_do_not_say_it(small: People) -> None:
    open_container(
        actor=small.operator, kind="vial", nuclide="Zr-89", code="V-4", activity=activity("40", equipment="DC-1")
    )
    body = proposal(factor="1", setting_correct="465", nuclide="Zr-89")
    answer = Rest("quality").post(f"{PATH}preview/", body)
    assert (answer.status_code, answer.data["errors"][0]["field"]) == (422, "setting_used")
    assert preview(factor="1", setting_correct="465", setting_used="480", nuclide="Zr-89")["readings"]


@pytest.mark.requirement("PET-40")
def test_the_record_prints_certificates_and_the_arrival_with_its_survey(small: People) -> None:
    vial = oxalate(small, "ZR-5")
    certificate = Certificate(content=PDF, number="COA-5", issuer="Isotope Works", name="coa.pdf")
    attach_certificate(actor=small.operator, lot_id=vial.pk, certificate=certificate)
    rate = {"value": "42", "unit": "uSv/h"}
    survey = Survey(surface=rate, one_meter=rate, condition="intact", wipe="clean")
    record_survey(actor=small.operator, lot_id=vial.pk, survey=survey)
    restated(factor="1.2")
    kept = small_batch.in_quarantine(small)
    context = batch_record(kept, gate=assess(kept), document="X")
    more = {"enclosures": [], "seal_fingerprint": "ab" * 32}
    words = strip_tags(render_to_string("records/batch_record.html", {**context, **more}))
    assert "none is kept with this lot" in words, "the kit came without one"
    vials = {**context, "materials": [lot_document(vial)]}
    arrived = strip_tags(render_to_string("records/parts/arrivals.html", {**vials, "zone": "UTC"}))
    for said in ("ZR-5", "820 MBq", "on DC-1", "at the surface", "984.0 MBq", "PTB-2026-1"):
        assert said in arrived
    assert lot_document(vial)["certificates"] != []


@pytest.mark.requirement("PET-30")
def test_the_file_of_a_calibration_certificate_is_kept_and_comes_back_byte_for_byte(small: People) -> None:
    browser = Client()
    browser.force_login(small.operator.user)
    typed = {"relative_u_percent": "1.5", "factor": "1", "valid_from": "2026-01-05T08:00", "certificate": "PTB-7"}
    file = SimpleUploadedFile("DC-1 2026.pdf", PDF, content_type="text/plain")
    answer = browser.post("/instruments/DC-1/calibrations/", {**typed, "certificate_file": file})
    assert answer.status_code == 302, answer.content.decode()
    calibration = Rest("operator").get("equipment/DC-1/").data["calibrations"][0]
    assert calibration["certificate_file"] == {
        "name": "DC-1-2026.pdf",
        "content_type": "application/pdf",
        "size": len(PDF),
        "sha256": calibration["certificate_sha256"],
    }
    path = f"/api/v1/equipment/DC-1/calibrations/{calibration['id']}/certificate/"
    assert f'href="{path}"' in browser.get("/instruments/DC-1/").content.decode()
    served = browser.get(path)
    assert (served.content, served["Content-Type"]) == (PDF, "application/pdf")
    assert "attachment" in served["Content-Disposition"]
    assert Client().get(path).status_code in (401, 403)
    no_certificate = SimpleUploadedFile("x.pdf", b"<html>", content_type="application/pdf")
    refused = browser.post("/instruments/DC-1/calibrations/", {**typed, "certificate_file": no_certificate})
    assert "A certificate is a PDF, a PNG or a JPEG" in refused.content.decode()


@pytest.mark.requirement("PET-30")
def test_a_file_is_added_to_a_calibration_that_names_its_hash_and_no_other(small: People) -> None:
    body = {"relative_u_percent": "2", "valid_from": "2026-01-05T08:00:00Z"}
    body["certificate_sha256"] = hashlib.sha256(PDF).hexdigest()
    answer = Rest("operator").post("equipment/DC-1/calibrations/", body)
    path = f"/api/v1/equipment/DC-1/calibrations/{answer.data['calibration']['id']}/certificate/"
    browser = Client()
    browser.force_login(small.operator.user)

    def attach(content: bytes) -> Any:
        return browser.post(path, {"file": SimpleUploadedFile("c.pdf", content)})

    assert attach(PDF + b"!").json()["errors"][0]["code"] == "another_file"
    assert attach(PDF).status_code == 201
    assert attach(PDF).json()["errors"][0]["code"] == "already_recorded"


@pytest.mark.requirement("PET-30")
def test_the_file_of_a_certificate_is_added_on_the_page_of_the_instrument(small: People) -> None:
    typed = {"relative_u_percent": "1.5", "valid_from": "2026-01-05T08:00:00Z", "certificate": "PTB-7"}
    pk = Rest("operator").post("equipment/DC-1/calibrations/", typed).data["calibration"]["id"]
    browser = Client()
    browser.force_login(small.operator.user)
    page = browser.get("/instruments/DC-1/").content.decode()
    assert "Add the file of a certificate" in page
    assert "PTB-7" in page

    def add(content: bytes, calibration: str) -> Any:
        file = SimpleUploadedFile("late.pdf", content)
        return browser.post("/instruments/DC-1/certificates/", {"calibration": calibration, "file": file})

    assert "A certificate is a PDF, a PNG or a JPEG" in add(b"<html>", str(pk)).content.decode()
    assert add(PDF, str(pk)).status_code == 302
    page = browser.get("/instruments/DC-1/").content.decode()
    assert "Download late.pdf" in page
    assert "Add the file of a certificate" not in page
    assert add(PDF, str(pk)).status_code == 422, "a calibration has one file, and it is not offered again"
    assert CalibrationCertificate.objects.count() == 1
    reader = Client()
    reader.force_login(small.inspector.user)
    assert "Add the file of a certificate" not in reader.get("/instruments/DC-1/").content.decode()


@pytest.mark.requirement("CH4-9")
def test_a_container_is_corrected_on_its_page_and_the_old_value_stays(small: People) -> None:
    vial = open_container(actor=small.operator, kind="vial", nuclide="Zr-89", code="V-5", activity=activity("40"))
    event = vial.coming_in.get()
    browser = Client()
    browser.force_login(small.operator.user)
    page = f"/containers/{vial.pk}/events/{event.pk}/correct/"
    assert page in browser.get(f"/containers/{vial.pk}/").content.decode()
    refused = browser.post(page, {"activity": "4.0", "unit": "MBq"}).content.decode()
    assert "Say why." in refused
    assert browser.post(page, {"activity": "4.0", "unit": "MBq", "reason": "misread"}).status_code == 302
    told = browser.get(f"/containers/{vial.pk}/").content.decode()
    assert "<s>40.00 MBq</s>" in told
    assert "misread" in told
    assert "in place of 40 MBq" in told
    assert page not in told
    reader = Client()
    reader.force_login(small.inspector.user)
    assert reader.get(page).status_code == 403
