"""A printed record: requested inside an operation, frozen, printed once, sealed, and known again byte for byte."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from functools import cache
from io import BytesIO
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from celery import current_app
from django.db import IntegrityError, ProgrammingError, connection, transaction
from django.db.models.functions import Now
from pypdf import PdfReader

from lims.accounts.actors import system_actor
from lims.audit.models import Change
from lims.audit.operations import operation
from lims.records import rendering, seal
from lims.records.models import Document
from lims.records.rendering import MOST_ATTEMPTS, overdue_documents, render_document
from lims.records.services import AlreadyRequested, print_again, request_document
from lims.records.templatetags.record_format import instant_at, utc
from lims.records.typesetting import CannotTypeset, OwnFiles, typeset
from lims.records.verification import verify_document, verify_pdf
from tests.integration.sample_record import context, requested

S = Document.State


@pytest.fixture(autouse=True)
def own_seal(settings: Any, tmp_path_factory: pytest.TempPathFactory) -> None:
    settings.SEAL_DIR = tmp_path_factory.getbasetemp() / "seal"


def printable(**more: Any) -> SimpleNamespace:
    template, number = "records/batch_record.html", "L-2026-0001/1"
    return SimpleNamespace(**{"number": number, "template": template, "context": context(), "attachments": [], **more})


@cache
def typeset_once(seal_fingerprint: str) -> bytes:
    return typeset(printable(), seal_fingerprint=seal_fingerprint)


@pytest.fixture
def sealed(db: None, monkeypatch: pytest.MonkeyPatch) -> Document:
    """The same context gives the same pages (see below), so they are typeset once for all tests."""
    document = requested()
    monkeypatch.setattr(rendering, "typeset", lambda _, seal_fingerprint: typeset_once(seal_fingerprint))
    assert render_document(document.pk)
    document.refresh_from_db()
    return document


def pages_of(pdf: bytes) -> list[str]:
    said = subprocess.run(["pdftotext", "-layout", "-", "-"], input=pdf, capture_output=True, check=True)
    return said.stdout.decode().rstrip("\f").split("\f")


def words_of(pdf: bytes) -> str:
    return " ".join("\n".join(pages_of(pdf)).split())


# --- The queue ---


def test_a_requested_record_waits_in_the_queue_and_is_noted_in_the_audit_trail(db: None) -> None:
    document = requested()
    document.refresh_from_db()
    assert (document.state, document.pdf, document.attempts) == (S.QUEUED, None, 0)
    note = Change.objects.get(table_name="records_document", row_pk=str(document.pk))
    assert note.operation_id == document.operation_id
    assert note.new_row is not None
    assert note.new_row["number"] == "L-2026-0001/1"
    assert "context" not in note.new_row


def test_a_record_is_printed_once_however_often_the_bell_rings(db: None) -> None:
    document = requested()
    assert overdue_documents() == [document.pk]
    assert [render_document(document.pk) for _ in range(3)] == [True, False, False]
    document.refresh_from_db()
    assert document.state == S.SEALED
    assert document.sha256 == hashlib.sha256(document.content).hexdigest()
    assert document.sealed_at is not None
    assert overdue_documents() == []


def test_two_workers_at_once_print_one_record(transactional_db: None) -> None:
    document = requested()
    printed: list[bool] = []

    def work() -> None:
        printed.append(render_document(document.pk))
        connection.close()

    workers = [threading.Thread(target=work) for _ in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert sorted(printed) == [False, True]


def test_the_same_number_is_not_requested_twice(db: None) -> None:
    requested()
    with pytest.raises(AlreadyRequested, match="L-2026-0001/1 was requested before"):
        requested()


def test_a_refused_act_leaves_no_record_behind(transactional_db: None) -> None:
    with pytest.raises(ZeroDivisionError):
        requested_and_refused()
    assert not Document.objects.exists()


def requested_and_refused() -> None:
    with operation(actor=system_actor(), action="batch.release") as op:
        request_document(
            op,
            kind=Document.Kind.BATCH_RECORD,
            number="L-1/1",
            title="Batch record L-1",
            template="records/batch_record.html",
            context=context("L-1"),
            subject="L-1",
        )
        raise ZeroDivisionError


def test_a_record_that_cannot_be_printed_keeps_its_error_and_waits_longer_each_time(db: None) -> None:
    document = requested(template="records/no_such_template.html")
    assert not render_document(document.pk)
    document.refresh_from_db()
    assert document.state == S.QUEUED
    assert "no_such_template" in document.error
    assert overdue_documents() == []  # not yet
    assert not render_document(document.pk)


def test_a_record_is_given_up_after_so_many_attempts_and_can_be_printed_again_by_a_person(db: None) -> None:
    document = requested(template="records/no_such_template.html")
    for _ in range(MOST_ATTEMPTS):
        Document.objects.update(not_before=None)
        render_document(document.pk)
    document.refresh_from_db()
    assert (document.state, document.attempts) == (S.FAILED, MOST_ATTEMPTS)
    with operation(actor=system_actor(), action="document.print-again") as op:
        print_again(op, document_id=document.pk)
    assert overdue_documents() == [document.pk]


def test_a_record_that_ends_every_worker_is_given_up(db: None) -> None:
    document = requested()
    Document.objects.update(state=S.RENDERING, claimed_at=Now() - 2 * rendering.LEASE, attempts=MOST_ATTEMPTS)
    assert overdue_documents() == []
    document.refresh_from_db()
    assert document.state == S.FAILED
    assert "ended in the middle" in document.error


def test_the_claim_of_a_dead_worker_is_free_again_after_its_lease(db: None) -> None:
    document = requested()
    Document.objects.update(state=S.RENDERING, claimed_at=Now(), attempts=1)
    assert overdue_documents() == []
    assert not render_document(document.pk)
    Document.objects.update(claimed_at=Now() - rendering.LEASE)
    assert overdue_documents() == [document.pk]
    assert render_document(document.pk)


def test_a_release_does_not_wait_for_a_task_queue_that_is_down(
    transactional_db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(current_app.conf, "broker_write_url", "redis://127.0.0.1:1/0")
    started = time.monotonic()
    document = requested()
    assert time.monotonic() - started < 3
    assert overdue_documents() == [document.pk]


# --- The guard: attacked as the server's own role, and by SQL ---


INSERT = """INSERT INTO records_document (kind, number, subject, title, template, context, attachments, operation_id,
    state, attempts, error, sha256) VALUES ('batch_record', 'X/1', 'X', 'X', 't', '{}', '[]', %s, %s, 0, '', '')"""


def executed(statement: str, *values: Any) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement, values)


def test_a_record_cannot_be_requested_outside_an_operation(db: None) -> None:
    earlier = requested().operation_id
    with pytest.raises(IntegrityError, match="outside the audited operation"):
        executed(INSERT, earlier, "queued")


def test_a_record_cannot_name_another_operation(db: None) -> None:
    earlier = requested().operation_id
    with (
        pytest.raises(IntegrityError, match="outside the audited operation"),
        operation(actor=system_actor(), action="x"),
    ):
        executed(INSERT, earlier, "queued")


def test_a_record_cannot_begin_claimed(db: None) -> None:
    with (
        pytest.raises(IntegrityError, match="must begin in the queue"),
        operation(actor=system_actor(), action="x") as op,
    ):
        executed(INSERT, op.pk, "rendering")


@pytest.mark.parametrize(
    "change",
    [
        {"context": {}},
        {"attachments": [1]},
        {"number": "L-2026-0001/2"},
        {"subject": "L-2026-0002"},
        {"title": "other"},
        {"template": "records/other.html"},
        {"requested_at": Now()},
    ],
    ids=lambda change: next(iter(change)),
)
def test_what_a_record_prints_is_frozen_from_the_request_on(db: None, change: dict[str, Any]) -> None:
    requested()
    with pytest.raises(IntegrityError, match="was frozen when it was requested"), transaction.atomic():
        Document.objects.update(**change)


@pytest.mark.parametrize("forged", [b"%PDF-forged", b""])
def test_bytes_are_stored_only_with_their_own_hash_by_the_worker_that_claimed(db: None, forged: bytes) -> None:
    document = requested()
    wrong = {"state": S.SEALED, "pdf": forged, "sealed_at": Now()}
    with pytest.raises(IntegrityError, match="sealed by the worker"), transaction.atomic():
        Document.objects.filter(pk=document.pk).update(sha256=hashlib.sha256(forged).hexdigest(), **wrong)
    Document.objects.update(state=S.RENDERING)
    with pytest.raises(IntegrityError, match="sealed by the worker"), transaction.atomic():
        Document.objects.filter(pk=document.pk).update(sha256="0" * 64, **wrong)
    with pytest.raises(IntegrityError, match="document_sealed_with_its_bytes"), transaction.atomic():
        Document.objects.filter(pk=document.pk).update(pdf=forged)


def test_nothing_of_a_sealed_record_changes(sealed: Document) -> None:
    for change in ({"pdf": b"%PDF"}, {"state": S.QUEUED}, {"error": "x"}, {"attempts": 9}, {"sha256": "0" * 64}):
        with pytest.raises(IntegrityError, match="is sealed and never changes"), transaction.atomic():
            Document.objects.filter(pk=sealed.pk).update(**change)


def test_a_record_is_never_deleted(sealed: Document) -> None:
    for statement in ("DELETE FROM records_document", "TRUNCATE records_document"):
        with pytest.raises(ProgrammingError, match="permission denied"), transaction.atomic():
            executed(statement)


# --- The seal ---


def test_pdfsig_finds_the_seal_valid_over_the_whole_document(sealed: Document, tmp_path: Path) -> None:
    file = tmp_path / "record.pdf"
    file.write_bytes(sealed.content)
    said = subprocess.run(["pdfsig", "-nocert", str(file)], capture_output=True, text=True, check=False).stdout
    assert "Signature is Valid" in said
    assert "Total document signed" in said
    assert "ETSI.CAdES.detached" in said
    assert "SHA-256" in said


def test_a_stored_record_is_known_again(sealed: Document) -> None:
    verification = verify_pdf(sealed.content)
    assert verification.valid
    assert verification.number == "L-2026-0001/1"
    assert verification.seal.signer.startswith("Record seal")
    assert verify_document(sealed).valid


@pytest.mark.requirement("P11-30")
@pytest.mark.parametrize("place", [0.02, 0.3, 0.6, 0.9, 0.96, 0.999])
def test_one_changed_byte_is_found(sealed: Document, place: float) -> None:
    forged = bytearray(sealed.content)
    forged[int(len(forged) * place)] ^= 1
    verification = verify_pdf(bytes(forged))
    assert not verification.valid
    assert not verification.known


def test_a_page_changed_inside_says_which_record_it_pretends_to_be(sealed: Document) -> None:
    forged = bytearray(sealed.content)
    forged[forged.index(b"stream") + 200] ^= 1
    verification = verify_pdf(bytes(forged))
    assert verification.detail[0].startswith("The file says it is record L-2026-0001/1, but its bytes differ")
    assert "changed after it was sealed" in verification.seal.sentence


def test_what_was_added_after_the_seal_is_found(sealed: Document) -> None:
    verification = verify_pdf(sealed.content + b"\n% more\n")
    assert not verification.valid
    assert verification.seal.sentence == "Something was added to the file after it was sealed."


def test_the_seal_of_another_site_is_not_ours(sealed: Document, settings: Any, tmp_path: Path) -> None:
    settings.SEAL_DIR = tmp_path / "other"
    pages = typeset(sealed, seal_fingerprint="")
    foreign = seal.site_seal().sealed(pages, number="L-2026-0001/1", title="x")
    settings.SEAL_DIR = tmp_path.parent / "seal"
    verification = verify_pdf(foreign)
    assert not verification.valid
    assert not verification.seal.by_this_site


@pytest.mark.parametrize("data", [b"", b"hello", b"%PDF-1.7\n%%EOF", b"%PDF-1.7\nstartxref\n99999\n%%EOF"])
def test_a_file_that_is_no_record_is_told_so(db: None, data: bytes) -> None:
    verification = verify_pdf(data)
    assert not verification.valid
    assert verification.detail[0] == "No stored record has these bytes."


def test_a_certificate_of_former_years_still_vouches(sealed: Document, settings: Any, tmp_path: Path) -> None:
    old = Path(settings.SEAL_DIR) / "certificate.pem"
    settings.SEAL_DIR = tmp_path / "new"
    seal.site_seal()
    assert not verify_pdf(sealed.content).valid
    (tmp_path / "new" / "certificate-2026.pem").write_bytes(old.read_bytes())
    assert verify_pdf(sealed.content).valid


def test_processes_that_need_the_first_seal_at_once_agree_on_one(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from lims.records.seal import _seal;"
        "print(_seal(Path(sys.argv[1]), 'Site').fingerprint)"
    )
    command = [sys.executable, "-W", "ignore", "-c", code, str(tmp_path / "seal")]
    makers = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    fingerprints = {maker.communicate(timeout=60)[0].strip() for maker in makers}
    assert len(fingerprints) == 1
    assert len(fingerprints.pop()) == 64
    modes = {path.name: path.stat().st_mode & 0o777 for path in (tmp_path / "seal").iterdir()}
    assert modes == {"seal.pem": 0o600, "certificate.pem": 0o600}
    assert (tmp_path / "seal").stat().st_mode & 0o777 == 0o700


# --- What is printed ---


def test_the_same_context_gives_the_same_bytes() -> None:
    assert typeset(printable(), seal_fingerprint="f") == typeset(printable(), seal_fingerprint="f")


def test_every_page_names_the_batch_and_its_number(sealed: Document) -> None:
    pages = pages_of(sealed.content)
    for number, page in enumerate(pages, start=1):
        assert f"L-2026-0001 · page {number} of {len(pages)}" in " ".join(page.split())
        assert "Record L-2026-0001/1 · printed 4 Mar 2026, 00:30:18 CET (3 Mar 23:30:18 UTC)" in page


@pytest.mark.requirement("P11-50a")
def test_every_signature_is_printed_with_name_meaning_role_and_instant(sealed: Document) -> None:
    words = words_of(sealed.content)
    for signature in sealed.context["batch"]["signatures"]:
        for part in ("meaning_text", "full_name", "username", "role"):
            assert signature[part] in words
        assert signature["manifest_sha256"] in words.replace(" ", "")
    assert "4 Mar 2026, 00:30:17 CET" in words
    assert "3 Mar 23:30:17 UTC" in words


@pytest.mark.requirement("A11-8.2")
@pytest.mark.requirement("CH4-9")
@pytest.mark.requirement("P11-SA2")
@pytest.mark.requirement("DI-2")
@pytest.mark.parametrize(
    "said",
    [
        "⁸⁹Zr-labeled T cells",
        "Radiopharmacy of the Test",
        "t-cells, version 1",
        "8.38 MBq",
        "Changed from 8.38 MBq to 3.88 MBq by Olga Operator, 3 Mar 2026, 09:15:00 CET. Reason: digits swapped.",
        "Late: recorded 1 h 20 min after the measurement. Reason: hands in the hot cell.",
        "out of range",
        "18 to 26 °C",
        "no value was recorded",
        "planned 15 to 30 min",
        "actual 20.0 min",
        "Step checked by a second person: Viktor Verifier",
        "56.4 ± 1.2 kBq/10⁶ cells",
        "3880 kBq / 68.85 = 56.35 kBq/10⁶ cells",
        "78.41 ± 0.12 h",
        "Temperature 27.4 °C is outside 18 to 26 °C.",
        "No influence.",
        "<0.50 EU/mL",
        "cause: cartridge left open",
        "to come",
        "The electronic record kept in Oxinate by Radiopharmacy of the Test is the original.",
        "Europe/Berlin",
    ],
)
def test_the_record_says(sealed_words: str, said: str) -> None:
    assert said in sealed_words


@pytest.fixture(scope="module")
def sealed_words() -> str:
    return words_of(typeset(printable(), seal_fingerprint="f")).replace("\u00a0", " ")


def test_the_data_of_the_record_travel_inside_it_with_their_hash(sealed: Document) -> None:
    reader = PdfReader(BytesIO(sealed.content))
    root: Any = reader.trailer["/Root"]
    (attached,) = reader.attachments["L-2026-0001-1.json"]
    assert json.loads(attached) == sealed.context
    assert hashlib.sha256(attached).hexdigest() in words_of(sealed.content).replace(" ", "")
    assert {file.get_object()["/AFRelationship"] for file in root["/AF"]} == {"/Data"}
    metadata = root["/Metadata"].get_object().get_data()
    assert b"<pdfaid:part>3</pdfaid:part>" in metadata or b'pdfaid:part="3"' in metadata


def test_a_screen_reader_finds_language_title_headings_tables_and_what_a_picture_shows(sealed: Document) -> None:
    reader = PdfReader(BytesIO(sealed.content))
    root: Any = reader.trailer["/Root"]
    assert (root["/Lang"], root["/MarkInfo"]["/Marked"], root["/ViewerPreferences"]["/DisplayDocTitle"]) == (
        "en",
        True,
        True,
    )
    assert reader.metadata is not None
    assert reader.metadata.title == "Batch record L-2026-0001"
    assert b'conformance="A"' in root["/Metadata"].get_object().get_data()
    elements = list(structure(root["/StructTreeRoot"]))
    kinds = {element["/S"] for element in elements}
    assert {"/H1", "/H2", "/H3", "/P", "/Table", "/TH", "/TD", "/Figure", "/Link"} <= kinds
    assert all(element.get("/Alt") for element in elements if element["/S"] == "/Figure")
    assert any(element.get("/A", {}).get("/Headers") for element in elements if element["/S"] == "/TD")


def structure(element: Any) -> Iterator[Any]:
    children = element.get("/K", [])
    for child in children if isinstance(children, list) else [children]:
        part = child.get_object()
        if hasattr(part, "get") and "/S" in part:
            yield part
            yield from structure(part)


def test_an_instant_and_its_zone_stay_on_one_line() -> None:
    assert " UTC" not in utc("2026-03-03T05:05:00+00:00")
    assert " CET" not in instant_at("2026-03-03T05:05:00+00:00", "Europe/Berlin")
    assert "05:05:00 UTC" in utc("2026-03-03T05:05:00+00:00").replace("\u00a0", " ")


def test_other_files_may_be_attached(db: None) -> None:
    document = requested(attachments=[{"name": "trail.csv", "description": "The audit trail", "text": "at,who\n"}])
    assert render_document(document.pk)
    document.refresh_from_db()
    assert PdfReader(BytesIO(document.content)).attachments["trail.csv"] == [b"at,who\n"]


def test_only_the_shipped_typeface_is_used(sealed: Document, tmp_path: Path) -> None:
    file = tmp_path / "record.pdf"
    file.write_bytes(sealed.content)
    listed = subprocess.run(["pdffonts", str(file)], capture_output=True, text=True, check=True).stdout.splitlines()[2:]
    assert listed
    assert all("Plex" in line.replace("-", "") and " yes yes yes " in line for line in listed)


@pytest.mark.parametrize(
    "url",
    ["http://127.0.0.1/x.css", "https://example.org/x.png", "file:///etc/hostname", "data:text/css,x", "ftp://x/y"],
)
def test_a_record_fetches_nothing_but_the_projects_own_files(url: str) -> None:
    with pytest.raises(BaseException, match=r"may not fetch"):
        OwnFiles().fetch(url)


def test_a_record_with_a_missing_picture_is_not_printed(tmp_path: Path, settings: Any) -> None:
    own = tmp_path / "templates" / "records"
    own.mkdir(parents=True)
    (own / "odd.html").write_text('<img src="http://127.0.0.1/picture.png">')
    (own / "odd.css").write_text("")
    settings.BASE_DIR = tmp_path
    settings.TEMPLATES = [{**settings.TEMPLATES[0], "DIRS": [tmp_path / "templates"]}]
    with pytest.raises(CannotTypeset, match="may not fetch"):
        typeset(printable(template="records/odd.html"), seal_fingerprint="f")


def rejected(batch: dict[str, Any]) -> None:
    batch.update(status="rejected", status_label="Rejected")


def bare(batch: dict[str, Any]) -> None:
    batch.update(specification=None, identity=None, started_at=None, completed_at=None, expires_at=None)
    batch.update(disposed_at=None, steps=[], results=[], deviations=[], tests=[], signatures=[], planned_by=None)
    batch.update(status="planned", status_label="Planned")


@pytest.mark.parametrize(("change", "said"), [(rejected, "× Rejected"), (bare, "must not be used")])
def test_records_of_other_batches_are_printed_too(change: Callable[[dict[str, Any]], None], said: str) -> None:
    frozen = context()
    change(frozen["batch"])
    assert said in words_of(typeset(printable(context=frozen), seal_fingerprint="f"))


def test_the_hour_that_clocks_repeat_is_told_apart() -> None:
    frozen = context()
    first, second = "2026-10-25T00:30:00+00:00", "2026-10-25T01:30:00+00:00"
    frozen["history"] = [{**frozen["history"][0], "at": at} for at in (first, second)]
    words = words_of(typeset(printable(context=frozen), seal_fingerprint="f"))
    assert "02:30:00 CEST" in words
    assert "02:30:00 CET" in words
