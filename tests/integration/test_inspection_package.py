"""An inspection package: everything about a batch in one file, made by a worker, complete, and known again."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import signal
import subprocess
import sys
import time
import warnings
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any
from zipfile import ZIP_DEFLATED, ZipFile

import pytest
from celery import current_app
from django.test import Client

from labeling.models import Batch, Entry, Lot
from labeling.services.receipts import Certificate, attach_certificate
from labeling.services.recording import Reading, correct_entry
from lims.accounts.statement import SHA256, TEXT
from lims.audit.models import Block, Change, Operation
from lims.audit.operations import operation
from lims.audit.sealing import seal_blocks
from lims.development import processes
from lims.development.secret_files import Secrets
from lims.development.valkey import Valkey
from lims.errors import Conflict
from lims.records.models import Document
from lims.records.rendering import render_document
from lims.records.services import request_document
from lims.records.verification import LARGEST_UNPACKED, check_seal, verify_document, verify_pdf
from lims.signatures.models import Signature
from qc.inspection import package
from qc.services.disposition import release_batch
from qc.services.inspection import request_package
from tests import factories
from tests.factories import People, credential
from tests.integration.rest import Rest

pytestmark = [pytest.mark.timeout(180)]

S = Document.State
BOOK = b"%PDF-1.7 what the supplier certifies"
WORKER = (sys.executable, "-W", "ignore", "-m", "celery", "-A", "lims.celery:app", "worker", "-Q", "pdf", "-c", "1")
FORMULA = "=HYPERLINK(1)"


@pytest.fixture(autouse=True)
def own_seal(settings: Any, tmp_path: Path) -> None:
    settings.SEAL_DIR = tmp_path / "seal"


@pytest.fixture
def worker(
    transactional_db: None, process_environment: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[None]:
    """A real one, with a queue of its own, on this test's database."""
    queue = Valkey(tmp_path / "queue", secrets=Secrets(tmp_path / "secrets"))
    queue.start()
    monkeypatch.setattr(current_app.conf, "broker_write_url", queue.url())
    environment = {**process_environment, "REDIS_URL": queue.url(), "LIMS_SEAL_DIR": str(tmp_path / "seal")}
    with (tmp_path / "worker.log").open("wb") as log:
        process = subprocess.Popen(WORKER, env=environment, stdout=log, stderr=log)
        yield
        processes.stop(process, (signal.SIGKILL, 1))
    queue.stop()


def released(laboratory: People) -> Batch:
    """A batch with a correction, whose reason looks like a formula, and a lot with a certificate of a bad name."""
    batch = factories.recorded(laboratory, factories.campaign()["synthesis"])
    entry = Entry.objects.get(batch=batch, step="react", field="temperature")
    reading = Reading(value="22.0", unit="degC", reason=FORMULA)
    correct_entry(actor=laboratory.operator, number=batch.number, entry_id=entry.pk, reading=reading)
    lot = Lot.objects.filter(entries__batch=batch).order_by("pk")[0]
    certificate = Certificate(content=BOOK, number="C-7", issuer="A supplier", name="../../etc/CoA 7.pdf")
    attach_certificate(actor=laboratory.operator, lot_id=lot.pk, certificate=certificate)
    factories.verify_all(laboratory, batch.number)
    factories.complete_batch(actor=laboratory.operator, number=batch.number, credential=credential("operator"))
    factories.give_results(laboratory, batch.number, factories.campaign()["synthesis"]["test_results"])
    factories.review_trail(laboratory, batch.number)
    return release_batch(actor=laboratory.releaser, number=batch.number, credential=credential("releaser"))


def until_sealed(rest: Rest, document_id: int) -> None:
    started = time.monotonic()
    while rest.get(f"documents/{document_id}/").data["state"] != "sealed":
        assert time.monotonic() - started < 120, rest.get(f"documents/{document_id}/").data
        time.sleep(0.2)


def unpacked(content: bytes) -> dict[str, bytes]:
    with ZipFile(io.BytesIO(content)) as zipped:
        return {name: zipped.read(name) for name in zipped.namelist()}


@pytest.mark.requirement("P11-10b")
@pytest.mark.requirement("SIG-10")
def test_the_package_of_a_released_batch_holds_everything_about_it(
    laboratory: People, worker: None, tmp_path: Path
) -> None:
    number = released(laboratory).number
    seal_blocks()
    inspector = Rest("inspector")
    [record] = inspector.get(f"batches/{number}/documents/").data["results"]
    until_sealed(inspector, record["id"])
    asked = inspector.post(f"batches/{number}/package/", {})
    assert (asked.status_code, asked.data["kind"], asked.data["size"]) == (201, "inspection_package", None)
    until_sealed(inspector, asked.data["id"])
    row = inspector.get(f"documents/{asked.data['id']}/").data
    answer: Any = inspector.get(f"documents/{row['id']}/content/")
    assert answer["Content-Type"] == "application/zip"
    assert row["number"].replace("/", "-") + ".zip" in answer["Content-Disposition"]
    assert (row["size"], row["sha256"]) == (len(answer.content), hashlib.sha256(answer.content).hexdigest())
    files = unpacked(answer.content)
    the_manifest_names_every_file(files, tmp_path)
    the_data_are_complete(files, number)
    the_trail_is_complete(files, number)
    each_signature_has_its_evidence(files, number)
    assert verify_pdf(answer.content).valid
    assert verify_document(Document.objects.get(pk=row["id"])).valid
    taken = Operation.objects.get(action="audit.package")
    assert (taken.actor.username, taken.subject, taken.source) == ("inspector", number, "rest")


def the_manifest_names_every_file(files: dict[str, bytes], tmp_path: Path) -> None:
    manifest = json.loads(files["manifest.json"])
    listed = {file["name"]: file for file in manifest["files"]}
    assert set(files) == {*listed, "manifest.json", "manifest.json.p7s"}
    for name, file in listed.items():
        assert (file["sha256"], file["size"]) == (hashlib.sha256(files[name]).hexdigest(), len(files[name]))
        assert file["description"]
        assert not name.startswith((".", "/"))
        assert ".." not in name
        assert name == "README.txt" or name in files["README.txt"].decode()
    assert [content for name, content in files.items() if name.startswith("attachments/")] == [BOOK]
    assert manifest["asked_for_by"]["username"] == "inspector"
    for name in ("manifest.json", "manifest.json.p7s"):
        (tmp_path / name).write_bytes(files[name])
    openssl = ["openssl", "cms", "-verify", "-binary", "-inform", "DER", "-purpose", "any", "-out", "/dev/null"]
    told = ["-in", "manifest.json.p7s", "-content", "manifest.json", "-CAfile", "seal/certificate.pem"]
    subprocess.run([*openssl, *told], cwd=tmp_path, check=True, capture_output=True)


def the_data_are_complete(files: dict[str, bytes], number: str) -> None:
    data = json.loads(files["batch.json"])
    batch = data["batch"]
    told = [
        entry
        for step in batch["steps"]
        for field in step["fields"]
        for entry in (field["entry"], *field["superseded"])
        if entry
    ]
    kept = {entry.pk: entry for entry in Entry.objects.filter(batch__number=number)}
    assert {(e["id"], e["typed"], e["value"], e["unit"], e["corrects"]) for e in told} == {
        (e.pk, e.typed, e.value, e.unit, e.corrects_id) for e in kept.values()
    }
    assert any(entry["reason"] == FORMULA for entry in told)
    rest = Rest("reviewer").get(f"batches/{number}/").data
    for part in ("results", "tests", "deviations", "signatures", "audit_review", "line_clearance", "dispatches"):
        assert batch[part] == json.loads(json.dumps(rest[part], default=str)), part
    lots = {lot.number for lot in Lot.objects.filter(entries__batch__number=number)}
    assert {lot["number"] for lot in data["materials"]} == lots
    assert [c["sha256"] for lot in data["materials"] for c in lot["certificates"]] == [hashlib.sha256(BOOK).hexdigest()]
    assert data["containers"]
    record = Document.objects.get(number=f"{number}/1")
    assert files[f"records/{number}-1.pdf"] == record.content
    version = Batch.objects.get(number=number).protocol_version
    assert files[f"procedures/protocol-{version.code}-{version.number}.yaml"].decode() == version.text


def the_trail_is_complete(files: dict[str, bytes], number: str) -> None:
    acts = set(Operation.objects.filter(subject=number).values_list("pk", flat=True))
    trail = json.loads(files["trail.json"])["operations"]
    assert {act["id"] for act in trail} == acts
    rows = Change.objects.filter(operation__subject=number).values_list("table_name", "row_pk", "verb")
    # The package's own row is written after the trail was read.
    kept = sorted(row for row in rows if row[:2] != ("records_document", str(newest_package().pk)))
    assert sorted((r["table"], r["row"], r["verb"]) for act in trail for r in act["rows"]) == kept
    lines = list(csv.DictReader(io.StringIO(files["trail.csv"].decode().removeprefix("\ufeff"))))
    assert sorted((line["table"], line["row"], line["verb"]) for line in lines if line["table"]) == kept
    assert {int(line["event"]) for line in lines} == acts
    assert {line["reason"] for line in lines if "HYPERLINK" in line["reason"]} == {f"'{FORMULA}"}


def newest_package() -> Document:
    return Document.objects.filter(kind=Document.Kind.PACKAGE).latest("pk")


def each_signature_has_its_evidence(files: dict[str, bytes], number: str) -> None:
    told = {row["id"]: row for row in json.loads(files["signatures.json"])}
    given = list(Signature.objects.filter(subject=number))
    assert {signature.pk for signature in given} <= set(told)
    assert {"approved", "accepted", "verified", "performed", "released"} <= {row["meaning"] for row in told.values()}
    for signature in given:
        row = told[signature.pk]
        signed = row["signed_text"].encode()
        assert hashlib.sha256(signed).hexdigest() == row["manifest_sha256"] == signature.manifest_sha256
        assert json.loads(signed) == row["signed"]
        assert row["intact"]
        assert row["factors"] == signature.factors.split("+")
        assert row["act"]["event"] == signature.operation_id
        [check] = row["signer"]["identity_checks"]
        assert check["how"]
        [accepted] = row["signer"]["statements_accepted"]
        assert (accepted["sha256"], accepted["text"]) == (SHA256, TEXT)
        block = Block.objects.get(number=row["seal"]["block"])
        assert (row["seal"]["hash"], row["seal"]["mac"]) == (block.hash, block.mac)
        assert block.from_txid <= signature.operation.txid < block.until_txid


def zipped(files: Iterable[tuple[str, bytes]]) -> bytes:
    made = io.BytesIO()
    with ZipFile(made, "w", ZIP_DEFLATED) as archive, warnings.catch_warnings(action="ignore"):
        for name, content in files:
            archive.writestr(name, content)
    return made.getvalue()


@pytest.mark.requirement("P11-10b")
@pytest.mark.requirement("P11-10a")
def test_a_changed_package_is_known(ready: Batch, who: People) -> None:
    asked = request_package(actor=who.inspector, number=ready.number)
    assert render_document(asked.pk)
    content = Document.objects.get(pk=asked.pk).content
    assert verify_pdf(content).valid
    files = unpacked(content)
    for forged, sentence in (
        ({**files, "trail.csv": b"nothing"}, "is not what was sealed"),
        ({**files, "more.txt": b"more"}, "was added"),
        ({name: c for name, c in files.items() if name != "batch.json"}, "is missing"),
        ({**files, "manifest.json": files["manifest.json"].replace(b"Inspector", b"Somebody")}, "seal is broken"),
    ):
        verification = verify_pdf(zipped(forged.items()))
        assert not verification.valid
        assert not verification.known
        assert sentence in verification.seal.sentence
        assert "was changed" in verification.detail[0]
    # One name twice: which of the two is unpacked depends on who unpacks.
    assert not check_seal(zipped([*files.items(), ("batch.json", files["batch.json"])]))[0].intact
    assert not check_seal(zipped([*files.items(), ("bomb", bytes(LARGEST_UNPACKED))]))[0].intact


@pytest.mark.requirement("P11-10b")
def test_a_package_leaves_the_review_of_the_trail_and_waits_for_the_record(ready: Batch, who: People) -> None:
    number = ready.number
    request_package(actor=who.inspector, number=number)
    release_batch(actor=who.releaser, number=number, credential=credential("releaser"))
    with pytest.raises(Conflict, match="still being printed"):
        request_package(actor=who.inspector, number=number)
    client = Client()
    client.force_login(who.inspector.user)
    page: Any = client.post(f"/batches/{number}/package/", follow=True)
    assert "still being printed" in page.content.decode()
    Document.objects.get(number=f"{number}/1")
    assert Document.objects.filter(kind=Document.Kind.PACKAGE).count() == 1


@pytest.mark.requirement("P11-10b")
def test_a_package_is_for_those_who_read_the_audit_trail(ready: Batch, who: People) -> None:
    number = ready.number
    client = Client()
    client.force_login(who.inspector.user)
    records = f"/batches/{number}/records/"
    assert "Make an inspection package" in client.get(records).content.decode()
    assert client.post(f"/batches/{number}/package/").status_code == 302
    made = newest_package()
    assert render_document(made.pk)
    assert made.number in client.get(records).content.decode()
    download = f"/records/{made.pk}/content/"
    assert client.get(download).status_code == 200
    assert download in client.get(records).content.decode()
    client.force_login(who.operator.user)
    assert "Make an inspection package" not in client.get(records).content.decode()
    assert download not in client.get(records).content.decode()
    assert download not in client.get("/records/").content.decode()
    assert client.get(download).status_code == 403
    operator = Rest("operator")
    assert operator.get(f"documents/{made.pk}/content/").status_code == 403
    assert operator.post(f"batches/{number}/package/", {}).status_code == 403


@pytest.mark.requirement("P11-10a")
def test_a_stored_file_that_is_not_the_one_named_ends_the_packing(ready: Batch, who: People) -> None:
    lot = Lot.objects.filter(entries__batch=ready).order_by("pk")[0]
    certificate = Certificate(content=BOOK, number="C-7", issuer="A supplier")
    attach_certificate(actor=who.operator, lot_id=lot.pk, certificate=certificate)
    context = package(ready, asked_for_by=who.inspector.user)
    context["files"][0]["sha256"] = "0" * 64
    with operation(actor=who.inspector, action="audit.package", subject=ready.number) as op:
        document = request_document(
            op,
            kind=Document.Kind.PACKAGE,
            number="P/1",
            title="A package",
            template="records/package.txt",
            context=context,
            subject=ready.number,
        )
    assert not render_document(document.pk)
    document.refresh_from_db()
    assert document.state == S.QUEUED
    assert "has the SHA-256" in document.error
