"""Down-time: a numbered sheet is issued, worked on, entered afterwards, and reconciled by two people."""

from __future__ import annotations

from datetime import datetime, timedelta
from io import BytesIO
from typing import Any
from zipfile import ZipFile

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import IntegrityError, transaction
from django.test import Client
from django.utils import timezone
from pypdf import PdfReader

from labeling.forms.worksheet import NO_TIME
from labeling.models import Batch, DowntimeSheet, Entry, ScanContent, SheetScan
from labeling.selectors.batch import batch_document, find_batch
from labeling.selectors.clock import database_now
from labeling.selectors.downtime import sheet_row, to_compare
from labeling.selectors.facts import facts_of
from labeling.selectors.history import history_of
from labeling.services.completion import complete_batch
from labeling.services.downtime import (
    AGREES,
    DIFFERS,
    attach_scan,
    issue_sheet,
    reconcile_sheet,
    sign_in_place,
    sign_transfer,
    void_sheet,
)
from labeling.services.equipment import record_check
from labeling.services.planning import plan_batch, start_batch
from labeling.services.recording import Reading, correct_entry
from labeling.services.timers import record_timer
from labeling.services.verification import verify_entry
from lims.audit.operations import operation
from lims.errors import Conflict, InvalidInput, PermissionRefused, SegregationOfDuties
from lims.people.services import change_roles
from lims.records.models import Document
from lims.records.rendering import render_document
from qc.services.disposition import reject_batch
from qc.services.inspection import request_package
from tests import factories
from tests.browser import small_batch
from tests.factories import People, campaign, credential
from tests.integration.rest import Rest

PNG = b"\x89PNG\r\n\x1a\n" + b"scan of the sheet"
PLAN = "synthesis"
LATER = timedelta(hours=30)


@pytest.fixture
def sheet(laboratory: People) -> DowntimeSheet:
    issue_sheet(actor=laboratory.quality, protocol="zr89-oxine-kit", issued_to="operator")
    return from_the_drawer(laboratory)


def from_the_drawer(who: People) -> DowntimeSheet:
    """The sheet, issued long ago for the day on which the system is away."""
    with operation(actor=who.quality, action="test"):
        DowntimeSheet.objects.update(issued_at=database_now() - timedelta(days=20))
    return DowntimeSheet.objects.get()


def entered(who: People, sheet: DowntimeSheet, *, leave_out: str = "") -> Batch:
    """The batch of the sheet with everything entered that the paper holds, as of `LATER` ago."""
    plan = campaign()[PLAN]
    moved = factories.shift() - LATER
    for row in campaign()["equipment"]:
        for days in (1, 2):
            record_check(
                actor=who.operator,
                code=row["code"],
                at=database_now() - timedelta(days=days),
                outcome="pass",
                reason=factories.LATE,
            )
    batch = plan_batch(actor=who.operator, protocol=plan["protocol"], sheet=sheet.number)
    at = datetime.fromisoformat(plan["started_at"]) + moved
    start_batch(actor=who.operator, number=batch.number, started_at=at, reason=factories.LATE)
    for row in plan["entries"]:
        if f"{row['step']}.{row['field']}" != leave_out:
            factories.record(who, batch.number, row, moved)
    for timer in plan["timers"]:
        for event, key in (("start", "started_at"), ("stop", "stopped_at")):
            when = datetime.fromisoformat(timer[key]) + moved
            record_timer(
                actor=who.operator, number=batch.number, step=timer["step"], event=event, at=when, reason="on paper"
            )
    return find_batch(batch.number)


def agreed(batch: Batch, **changed: str) -> dict[str, str]:
    return dict.fromkeys(to_compare(facts_of(batch)), AGREES) | {k.replace("__", "."): v for k, v in changed.items()}


def reconciled(who: People, sheet: DowntimeSheet) -> Batch:
    batch = entered(who, sheet)
    attach_scan(actor=who.operator, number=sheet.number, name="sheet.png", content=PNG)
    sign_transfer(actor=who.operator, number=sheet.number, credential=credential("operator"))
    reconcile_sheet(actor=who.verifier, number=sheet.number, credential=credential("verifier"), compared=agreed(batch))
    return batch


@pytest.mark.requirement("DI-6")
def test_sheets_are_numbered_without_gaps_and_say_what_they_are(
    laboratory: People, settings: Any, tmp_path: Any
) -> None:
    settings.SEAL_DIR = tmp_path / "seal"
    first, second = (
        issue_sheet(actor=laboratory.operator, protocol="zr89-oxine-kit", issued_to="operator") for _ in range(2)
    )
    assert int(second.number[-4:]) == int(first.number[-4:]) + 1
    assert first.state == DowntimeSheet.State.ISSUED
    assert render_document(first.document_id)
    first.document.refresh_from_db()
    pages = PdfReader(BytesIO(first.document.content)).pages
    text = " ".join(page.extract_text() for page in pages)
    for number, page in enumerate(pages, start=1):
        said = page.extract_text()
        assert first.number in said
        assert f"page {number} of {len(pages)}" in said
        assert first.protocol_version.sha256[:8] in said
    for label in ("Product activity", "Starting activity", "Stopped at", "Instrument", "Operator Test"):
        assert label in text


@pytest.mark.django_db
@pytest.mark.requirement("DI-6")
def test_a_sheet_asks_to_clear_the_line_first_and_keeps_its_signatures_together(settings: Any, tmp_path: Any) -> None:
    settings.SEAL_DIR = tmp_path / "seal"
    asked = "Nothing of another product is in the hot cell."
    who = small_batch.laboratory(more=f"line_clearance: {{verified_by_second_person: true, text: {asked}}}\n")
    issued = issue_sheet(actor=who.quality, protocol="small", issued_to="operator")
    assert render_document(issued.document_id)
    issued.document.refresh_from_db()
    pages = [page.extract_text() for page in PdfReader(BytesIO(issued.document.content)).pages]
    text = " ".join(" ".join(pages).split())
    assert asked in text
    assert text.index("The line is cleared") < text.index("Verified by a second person") < text.index("Initials Second")
    assert [("I performed this work" in page) == ("I compared paper and" in page) for page in pages] == [True] * len(
        pages
    )


def test_a_sheet_is_issued_of_an_effective_protocol_to_who_makes_batches(laboratory: People) -> None:
    with pytest.raises(Conflict, match="effective"):
        issue_sheet(actor=laboratory.quality, protocol="nothing", issued_to="operator")
    with pytest.raises(InvalidInput, match="nobody who makes batches"):
        issue_sheet(actor=laboratory.quality, protocol="zr89-oxine-kit", issued_to="inspector")
    with pytest.raises(PermissionRefused):
        issue_sheet(actor=laboratory.inspector, protocol="zr89-oxine-kit", issued_to="operator")
    assert not DowntimeSheet.objects.exists()


@pytest.mark.requirement("DI-6")
def test_a_batch_cannot_be_completed_while_its_sheet_is_not_reconciled(
    laboratory: People, sheet: DowntimeSheet, settings: Any, tmp_path: Any
) -> None:
    settings.SEAL_DIR = tmp_path / "seal"
    batch = entered(laboratory, sheet)
    factories.verify_all(laboratory, batch.number)
    with pytest.raises(Conflict, match=f"{sheet.number} is not reconciled"):
        complete_batch(actor=laboratory.operator, number=batch.number, credential=credential("operator"))
    attach_scan(actor=laboratory.operator, number=sheet.number, name="sheet.png", content=PNG)
    sign_transfer(actor=laboratory.operator, number=sheet.number, credential=credential("operator"))
    reconcile_sheet(
        actor=laboratory.verifier, number=sheet.number, credential=credential("verifier"), compared=agreed(batch)
    )
    done = complete_batch(actor=laboratory.operator, number=batch.number, credential=credential("operator"))
    assert done.status == "quarantine"
    document = batch_document(batch.number)
    assert document["sheet"]["compared_by"]["username"] == "verifier"
    signed = [s for s in document["signatures"] if sheet.number in s["covers"]]
    assert [(s["meaning"], s["holds"]) for s in signed] == [("performed", True), ("compared", True)]
    assert any("compared the down-time sheet" in act["sentence"] for act in history_of(batch.number))
    with pytest.raises(Conflict, match="in progress"):
        attach_scan(actor=laboratory.operator, number=sheet.number, name="more.png", content=PNG + b"2")
    factories.give_results(laboratory, batch.number, campaign()[PLAN]["test_results"])
    factories.review_trail(laboratory, batch.number)
    reject_batch(
        actor=laboratory.releaser, number=batch.number, credential=credential("releaser"), reason="a test of paper"
    )
    record = Document.objects.get(subject=batch.number)
    assert render_document(record.pk), record.error
    record.refresh_from_db()
    assert sheet.number in PdfReader(BytesIO(record.content)).pages[0].extract_text()


def test_work_on_paper_may_begin_two_weeks_back_and_other_work_not(laboratory: People, sheet: DowntimeSheet) -> None:
    now = database_now()
    on_paper = plan_batch(actor=laboratory.operator, protocol="zr89-oxine-kit", sheet=sheet.number)
    other = plan_batch(actor=laboratory.operator, protocol="zr89-oxine-kit")
    with pytest.raises(InvalidInput, match="14 days"):
        start_batch(
            actor=laboratory.operator, number=on_paper.number, started_at=now - timedelta(days=15), reason="paper"
        )
    with pytest.raises(InvalidInput, match="24 hours"):
        start_batch(actor=laboratory.operator, number=other.number, started_at=now - timedelta(days=13), reason="x")
    started = start_batch(
        actor=laboratory.operator, number=on_paper.number, started_at=now - timedelta(days=13), reason="paper"
    )
    assert started.status == "in_progress"


def test_one_sheet_is_one_batch_of_its_own_protocol(laboratory: People, sheet: DowntimeSheet) -> None:
    with pytest.raises(InvalidInput, match="not of t-cell-labeling"):
        plan_batch(actor=laboratory.operator, protocol="t-cell-labeling", identity="X", sheet=sheet.number)
    plan_batch(actor=laboratory.operator, protocol="zr89-oxine-kit", sheet=sheet.number)
    with pytest.raises(Conflict, match="another batch"):
        plan_batch(actor=laboratory.operator, protocol="zr89-oxine-kit", sheet=sheet.number)


@pytest.mark.requirement("DI-6")
def test_reconciliation_is_refused_until_everything_is_there_and_agrees(
    laboratory: People, sheet: DowntimeSheet
) -> None:
    who, number = laboratory, sheet.number

    def transfer() -> None:
        sign_transfer(actor=who.operator, number=number, credential=credential("operator"))

    with pytest.raises(Conflict, match="No batch"):
        transfer()
    batch = entered(who, sheet, leave_out="product.product")
    with pytest.raises(Conflict, match="Product activity is not recorded"):
        transfer()
    row = next(r for r in campaign()[PLAN]["entries"] if (r["step"], r["field"]) == ("product", "product"))
    factories.record(who, batch.number, row, factories.shift() - LATER)
    with pytest.raises(Conflict, match="No scan"):
        transfer()
    attach_scan(actor=who.operator, number=number, name="sheet.png", content=PNG)

    def compare(compared: dict[str, str], by: str = "verifier") -> DowntimeSheet:
        return reconcile_sheet(actor=getattr(who, by), number=number, credential=credential(by), compared=compared)

    with pytest.raises(Conflict, match="They sign first"):
        compare(agreed(batch))
    transfer()
    with pytest.raises(Conflict, match="not compared yet"):
        compare({})
    with pytest.raises(Conflict, match="differs from the paper"):
        compare(agreed(batch, product__product=DIFFERS))
    with pytest.raises(PermissionRefused):
        compare(agreed(batch), by="operator")
    change_roles(actor=who.administrator, username="operator", roles=["operator", "verifier"], reason="a test")
    with pytest.raises(SegregationOfDuties):
        compare(agreed(batch), by="operator")
    for name, said in (("started_at", "Start of the batch"), ("react", "React with the kit: timer")):
        with pytest.raises(Conflict, match=said):
            compare({key: word for key, word in agreed(batch).items() if key != name})
    with pytest.raises(InvalidInput, match="no field"):
        compare({**agreed(batch), "a.b": AGREES})
    assert compare(agreed(batch)).state == DowntimeSheet.State.RECONCILED


@pytest.mark.requirement("SIG-11")
def test_a_correction_after_reconciliation_has_to_be_compared_again(laboratory: People, sheet: DowntimeSheet) -> None:
    who = laboratory
    batch = reconciled(who, sheet)
    factories.verify_all(who, batch.number)
    old = Entry.objects.get(batch=batch, step="product", field="product", corrected_by=None)
    new = correct_entry(
        actor=who.operator, number=batch.number, entry_id=old.pk, reading=Reading("62.1", "MBq", reason="misread")
    )
    verify_entry(actor=who.verifier, number=batch.number, entry_id=new.pk, credential=credential("verifier"))
    with pytest.raises(Conflict, match="compared again"):
        complete_batch(actor=who.operator, number=batch.number, credential=credential("operator"))
    sign_transfer(actor=who.operator, number=sheet.number, credential=credential("operator"))
    reconcile_sheet(actor=who.verifier, number=sheet.number, credential=credential("verifier"), compared=agreed(batch))
    assert complete_batch(actor=who.operator, number=batch.number, credential=credential("operator")).pk == batch.pk


@pytest.mark.requirement("DI-6")
def test_quality_signs_in_place_of_a_person_who_is_not_available_and_says_why(
    laboratory: People, sheet: DowntimeSheet
) -> None:
    who, number = laboratory, sheet.number
    batch = entered(who, sheet)
    attach_scan(actor=who.operator, number=number, name="sheet.png", content=PNG)
    colleague = factories.another("colleague", "operator")
    with pytest.raises(Conflict, match="quality signs in their place") as refusal:
        sign_transfer(actor=colleague, number=number, credential=credential("colleague"))
    assert who.operator.user.full_name in refusal.value.message
    with pytest.raises(PermissionRefused):
        sign_in_place(actor=colleague, number=number, credential=credential("colleague"), reason="at home")
    with pytest.raises(InvalidInput, match="Say why"):
        sign_in_place(actor=who.quality, number=number, credential=credential("quality"), reason=" ")
    signed = sign_in_place(actor=who.quality, number=number, credential=credential("quality"), reason="fell ill")
    signature = signed.transfer_signature
    assert signature is not None
    assert (signature.meaning, signature.reason) == ("signed_in_place", "fell ill")
    assert f"in place of {who.operator.user.full_name}" in signature.covers
    change_roles(actor=who.administrator, username="quality", roles=["quality", "verifier"], reason="a test")
    with pytest.raises(SegregationOfDuties):
        reconcile_sheet(actor=who.quality, number=number, credential=credential("quality"), compared=agreed(batch))
    reconcile_sheet(actor=who.verifier, number=number, credential=credential("verifier"), compared=agreed(batch))
    row = sheet_row(DowntimeSheet.objects.get())
    assert (row["transferred_by"]["in_place_of"], row["transferred_by"]["reason"]) == (
        who.operator.user.full_name,
        "fell ill",
    )


@pytest.mark.requirement("DI-6")
def test_entering_from_paper_never_takes_now_and_gives_the_sheet_as_the_reason(
    laboratory: People, sheet: DowntimeSheet
) -> None:
    batch = plan_batch(actor=laboratory.operator, protocol="zr89-oxine-kit", sheet=sheet.number)
    client, place = Client(), f"/batches/{batch.number}/"
    client.force_login(laboratory.operator.user)
    answer = client.post(f"{place}start/", {"reason_code": "on_paper"})
    assert NO_TIME in answer.content.decode()
    began = (timezone.localtime(database_now()) - LATER).strftime("%Y-%m-%dT%H:%M:00")
    client.post(f"{place}start/", {"started_at": began, "reason_code": "on_paper"})
    page = client.get(place).content.decode()
    assert page.count(f'value="{began}"') > 3, "each time begins with the last one"
    assert f'value="Down-time sheet {sheet.number}"' in page
    row = {"step": "line_clearance", "field": "clear", "value": "true", "reason_code": "on_paper"}
    refused = client.post(f"{place}entries/", row)
    assert NO_TIME in refused.content.decode()
    assert not Entry.objects.exists()
    client.post(f"{place}entries/", {**row, "at": began, "reason": f"Down-time sheet {sheet.number}"})
    assert Entry.objects.get().reason == f"Written on paper first: Down-time sheet {sheet.number}"
    refused = client.post(f"{place}timers/", {"step": "react", "event": "start", "reason_code": "on_paper"})
    assert NO_TIME in refused.content.decode()


def test_a_scan_is_known_by_its_content_and_never_changes(laboratory: People, sheet: DowntimeSheet) -> None:
    for content, said in ((b"", "empty"), (b"MZ program", "neither a PDF"), (b"<html>", "neither a PDF")):
        with pytest.raises(InvalidInput, match=said):
            attach_scan(actor=laboratory.operator, number=sheet.number, name="sheet.pdf", content=content)
    scan = attach_scan(actor=laboratory.operator, number=sheet.number, name="C:\\x\\sheet.pdf", content=PNG)
    assert (scan.name, scan.media_type, scan.size) == ("sheet.pdf", "image/png", len(PNG))
    with pytest.raises(Conflict, match="attached already"):
        attach_scan(actor=laboratory.operator, number=sheet.number, name="again.png", content=PNG)
    for model, change in ((SheetScan, {"name": "x"}), (ScanContent, {"content": b"x"})):
        with pytest.raises(Exception, match=r"append-only|permission denied"), transaction.atomic():
            model._default_manager.update(**change)
    with pytest.raises(IntegrityError, match="outside an audited operation"), transaction.atomic():
        DowntimeSheet.objects.filter(pk=sheet.pk).update(state="void", void_reason="x")


@pytest.mark.requirement("DI-6")
def test_the_blank_sheet_is_no_scan_of_the_filled_one(
    laboratory: People, sheet: DowntimeSheet, settings: Any, tmp_path: Any
) -> None:
    settings.SEAL_DIR = tmp_path / "seal"
    assert render_document(sheet.document_id)
    blank = Document.objects.get(pk=sheet.document_id).content
    with pytest.raises(Conflict, match="nobody has written on it") as refusal:
        attach_scan(actor=laboratory.operator, number=sheet.number, name="filled.pdf", content=blank)
    assert refusal.value.code == "blank_sheet"
    assert not SheetScan.objects.exists()


def test_a_sheet_that_was_not_used_is_void_with_the_reason(laboratory: People, sheet: DowntimeSheet) -> None:
    with pytest.raises(InvalidInput, match="why"):
        void_sheet(actor=laboratory.quality, number=sheet.number, reason=" ")
    voided = void_sheet(actor=laboratory.quality, number=sheet.number, reason="spoilt by water")
    assert (voided.state, voided.void_reason) == ("void", "spoilt by water")
    with pytest.raises(Conflict, match="is void"):
        plan_batch(actor=laboratory.operator, protocol="zr89-oxine-kit", sheet=sheet.number)
    other = issue_sheet(actor=laboratory.quality, protocol="zr89-oxine-kit", issued_to="operator")
    batch = plan_batch(actor=laboratory.operator, protocol="zr89-oxine-kit", sheet=other.number)
    with pytest.raises(Conflict, match="belongs to"):
        void_sheet(actor=laboratory.quality, number=other.number, reason="lost")
    reject_batch(actor=laboratory.quality, number=batch.number, credential=credential("quality"), reason="paper lost")
    assert void_sheet(actor=laboratory.quality, number=other.number, reason="lost").state == "void"


def test_the_whole_way_over_rest(laboratory: People) -> None:
    quality, operator, verifier = (Rest(role) for role in ("quality", "operator", "verifier"))
    issued = quality.post("downtime-sheets/", {"protocol": "zr89-oxine-kit", "issued_to": "operator"})
    assert issued.status_code == 201, issued.data
    number = issued.data["number"]
    assert [row["number"] for row in operator.get("downtime-sheets/", state="issued").data["results"]] == [number]
    batch = entered(laboratory, from_the_drawer(laboratory))
    assert operator.get(f"batches/{batch.number}/").data["sheet"]["number"] == number
    place = f"/api/v1/downtime-sheets/{number}/scans/"
    file = SimpleUploadedFile("sheet.png", PNG, content_type="text/html")
    answer = operator.client.post(place, {"file": file}, format="multipart")
    assert answer.status_code == 201, answer.data
    assert operator.client.post(place, b"%PDF-1.7 x", content_type="application/pdf").status_code == 201
    scans = operator.get(f"downtime-sheets/{number}/").data["scans"]
    assert [scan["media_type"] for scan in scans] == ["image/png", "application/pdf"]
    content = operator.client.get(f"{place}{scans[0]['id']}/")
    assert content.content == PNG
    assert content["Content-Disposition"] == 'attachment; filename="sheet.png"'
    assert operator.signed(f"downtime-sheets/{number}/transfer/").status_code == 200
    refused = verifier.signed(f"downtime-sheets/{number}/reconcile/", {"compared": {}})
    assert (refused.status_code, refused.data["code"]) == (409, "not_compared")
    done = verifier.signed(f"downtime-sheets/{number}/reconcile/", {"compared": agreed(batch)})
    assert done.status_code == 200, done.data
    assert (done.data["state"], done.data["compared_by"]["username"]) == ("reconciled", "verifier")


@pytest.mark.requirement("P11-10b")
def test_the_inspection_package_holds_the_sheet_and_its_scan(
    laboratory: People, sheet: DowntimeSheet, settings: Any, tmp_path: Any
) -> None:
    settings.SEAL_DIR = tmp_path / "seal"
    batch = reconciled(laboratory, sheet)
    assert render_document(sheet.document_id)
    package = request_package(actor=laboratory.inspector, number=batch.number)
    assert render_document(package.pk)
    with ZipFile(BytesIO(Document.objects.get(pk=package.pk).content)) as zipped:
        files = {name: zipped.read(name) for name in zipped.namelist()}
    assert files[f"records/{sheet.number}.pdf"] == Document.objects.get(pk=sheet.document_id).content
    assert [files[name] for name in files if name.startswith("attachments/scan-")] == [PNG]
