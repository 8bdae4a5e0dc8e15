"""The audit trail on paper, and its periodic review by sample."""

from __future__ import annotations

import csv
import io
import json
from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, ProgrammingError, connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from labeling.models import Batch, Entry
from labeling.selectors.history import history_of
from labeling.services.recording import Reading, correct_entry
from labeling.services.site_review import draw_sample, picked, review_period
from labeling.services.trail_print import print_trail
from lims.audit.models import Operation
from lims.audit.operations import operation
from lims.errors import Conflict, InvalidInput, PermissionRefused
from lims.oversight.models import PeriodReview, TrailSample
from lims.oversight.trail import Wanted
from lims.records.models import Document
from lims.records.rendering import render_document
from lims.records.verification import verify_pdf
from tests import factories
from tests.factories import People, credential
from tests.integration.rest import Rest


@pytest.fixture
def batch(laboratory: People) -> Batch:
    made = factories.recorded(laboratory, factories.campaign()["synthesis"], values={"react.temperature": "28.0"})
    entry = Entry.objects.get(batch=made, step="react", field="temperature")
    reading = Reading(value="22.0", unit="degC", reason="Misread the display.")
    correct_entry(actor=laboratory.operator, number=made.number, entry_id=entry.pk, reading=reading)
    return made


@pytest.mark.requirement("AUD-8")
@pytest.mark.requirement("A11D-12.9")
def test_the_trail_of_a_batch_is_printed_sealed_and_complete(laboratory: People, batch: Batch) -> None:
    from pypdf import PdfReader

    document = print_trail(actor=laboratory.inspector, number=batch.number)
    assert render_document(document.pk)
    document = Document.objects.get(pk=document.pk)
    assert verify_pdf(document.content).valid
    pdf = PdfReader(io.BytesIO(document.content))
    text = " ".join(" ".join(page.extract_text().split()) for page in pdf.pages)
    assert "Corrected temperature (react): 22.0 degC" in text
    assert "Misread the display." in text
    assert "▲ Corrected" in text
    assert all(f"event {act['id']}" in text for act in history_of(batch.number) if act["action"] != "audit.print")
    assert set(pdf.attachments) == {
        f"{document.number.replace('/', '-')}.json",
        f"{batch.number}-trail.csv",
    }
    [attached] = pdf.attachments[f"{batch.number}-trail.csv"]
    rows = list(csv.DictReader(io.StringIO(attached.decode().removeprefix("\ufeff"))))
    assert {int(row["event"]) for row in rows} == {act["id"] for act in history_of(batch.number)}
    op = Operation.objects.get(action="audit.print")
    assert (op.actor.username, op.subject) == ("inspector", batch.number)


@pytest.mark.requirement("AUD-8")
@pytest.mark.parametrize("role", ["operator", "verifier", "analyst", "administrator"])
def test_who_may_not_read_the_trail_does_not_print_it(who: People, role: str) -> None:
    with pytest.raises(PermissionRefused):
        print_trail(actor=getattr(who, role), number="S-2026-0001")
    rest = Rest(role)
    assert rest.post("batches/S-2026-0001/history/print/", {}).status_code == 403
    assert rest.post("audit/samples/", {"from": "2026-01-01", "to": "2026-01-02"}).status_code == 403
    assert rest.get("audit/samples/").status_code == 403
    client = Client()
    client.force_login(getattr(who, role).user)
    assert client.post("/batches/S-2026-0001/history/print/").status_code == 403
    assert client.get("/audit/samples/").status_code == 403


@pytest.mark.requirement("AUD-8")
def test_the_print_is_asked_for_on_the_page_and_by_rest(laboratory: People, batch: Batch) -> None:
    client = Client()
    client.force_login(laboratory.reviewer.user)
    history = f"/batches/{batch.number}/history/"
    assert "Print as a sealed PDF" in client.get(history).content.decode()
    assert client.post(f"{history}print/").status_code == 302
    answer = Rest("quality").post(f"batches/{batch.number}/history/print/", {})
    assert (answer.status_code, answer.data["kind"]) == (201, "audit_trail")
    assert Document.objects.filter(kind="audit_trail").count() == 2
    client.force_login(laboratory.operator.user)
    assert "Print as a sealed PDF" not in client.get(history).content.decode()


@pytest.mark.requirement("AUD-7")
def test_many_corrections_cost_no_more_queries_than_one(laboratory: People, batch: Batch) -> None:
    def asked() -> int:
        with CaptureQueriesContext(connection) as queries:
            history_of(batch.number)
        return len(queries)

    one = asked()
    for value in ("23.0", "24.0", "25.0"):
        entry = Entry.objects.filter(batch=batch, step="react", field="temperature").latest("pk")
        reading = Reading(value=value, unit="degC", reason="Misread the display.")
        correct_entry(actor=laboratory.operator, number=batch.number, entry_id=entry.pk, reading=reading)
    assert asked() == one


@pytest.mark.requirement("PI-9.5")
@pytest.mark.requirement("AUD-1")
def test_source_and_address_of_an_act_are_shown_and_looked_for(who: People) -> None:
    from dataclasses import replace

    from lims.accounts.actors import Source

    for number, source in enumerate(Source):
        actor = replace(who.operator, source=source, address=f"10.0.0.{number}")
        with operation(actor=actor, action="batch.plan", subject=f"X-{source}"):
            pass
    rest = Rest("inspector")
    for number, source in enumerate(Source):
        [by_source] = [
            row
            for row in rest.get("audit/operations/", source=source.value).data["results"]
            if row["subject"][0] == "X"
        ]
        assert (by_source["source"], by_source["address"]) == (source.value, f"10.0.0.{number}")
        [by_address] = rest.get("audit/operations/", address=f"10.0.0.{number}").data["results"]
        assert by_address == by_source
    client = Client()
    client.force_login(who.inspector.user)
    page = client.get("/audit/", {"address": "10.0.0.1"}).content.decode()
    assert "from 10.0.0.1" in page
    assert "by REST" in page
    assert "10.0.0.2" not in page


def of_today() -> Wanted:
    now = timezone.now()
    return Wanted(since=now - timedelta(days=1), until=now + timedelta(days=1))


@pytest.mark.requirement("PI-9.6")
def test_a_sample_is_random_and_can_be_drawn_again_from_its_seed(laboratory: People) -> None:
    sample = draw_sample(actor=laboratory.quality, wanted=of_today(), size=10)
    another = draw_sample(actor=laboratory.quality, wanted=of_today(), size=10)
    assert len(set(sample.events)) == 10
    assert sample.events != another.events
    population = list(Operation.objects.filter(pk__lt=sample.operation_id).order_by("pk").values_list("pk", flat=True))
    assert len(population) == sample.population
    assert picked(population, seed=sample.seed, size=10) == sample.events
    op = Operation.objects.get(pk=sample.operation_id)
    assert op.reason.startswith(f"10 of {sample.population} acts")
    for attack in (lambda: TrailSample.objects.update(events=[1]), lambda: TrailSample.objects.all().delete()):
        with pytest.raises(ProgrammingError, match="permission denied"), transaction.atomic():
            attack()


@pytest.mark.requirement("PI-9.6")
@pytest.mark.parametrize(
    ("wanted", "size"),
    [(Wanted(), 5), (Wanted(since=timezone.now(), until=timezone.now() - timedelta(days=1)), 5), (of_today(), 0)],
)
def test_a_sample_needs_a_period_and_a_size(who: People, wanted: Wanted, size: int) -> None:
    with pytest.raises(InvalidInput):
        draw_sample(actor=who.quality, wanted=wanted, size=size)


@pytest.mark.requirement("PI-9.6")
@pytest.mark.requirement("A11-9")
def test_the_review_of_a_period_is_signed_once_with_what_was_found(laboratory: People, batch: Batch) -> None:
    sample = draw_sample(actor=laboratory.quality, wanted=of_today(), size=5)
    with pytest.raises(InvalidInput, match="Say what you found"):
        review_period(actor=laboratory.quality, sample_id=sample.pk, credential=credential("quality"), findings=" ")
    with pytest.raises(PermissionRefused):
        review_period(
            actor=laboratory.reviewer, sample_id=sample.pk, credential=credential("reviewer"), findings="nothing"
        )
    given = review_period(
        actor=laboratory.quality,
        sample_id=sample.pk,
        credential=credential("quality"),
        findings="One correction, well explained.",
    )
    assert given.exceptions >= 1
    manifest = json.loads(given.signature.manifest)
    assert (manifest["seed"], manifest["findings"]) == (sample.seed, "One correction, well explained.")
    with pytest.raises(Conflict, match="signed already"):
        review_period(actor=laboratory.quality, sample_id=sample.pk, credential=credential("quality"), findings="again")
    another = draw_sample(actor=laboratory.quality, wanted=of_today(), size=5)
    with pytest.raises(IntegrityError, match="says_what_was_found"), operation(actor=laboratory.quality, action="x.y"):
        PeriodReview.objects.create(sample=another, exceptions=0, findings=" ", signature=given.signature)


@pytest.mark.requirement("PI-9.6")
def test_the_periodic_review_on_pages_and_by_rest(laboratory: People) -> None:
    client = Client()
    client.force_login(laboratory.quality.user)
    today = timezone.localdate().isoformat()
    assert client.post("/audit/samples/", {"from": today, "to": today, "size": "0"}).status_code == 422
    drawn: Any = client.post("/audit/samples/", {"from": today, "to": today, "size": "5"})
    sample = TrailSample.objects.get()
    assert drawn["Location"] == f"/audit/samples/{sample.pk}/"
    page = client.get(drawn["Location"]).content.decode()
    assert sample.seed in page
    assert all(f"event {event}" in page for event in sample.events)
    given = credential("quality")
    form = {"username": "quality", "password": given.password, "otp": given.otp, "reason": "Nothing unusual."}
    assert client.post(drawn["Location"], form).status_code == 302
    assert "Nothing unusual." in client.get("/audit/samples/").content.decode()
    rest = Rest("quality")
    answer = rest.post("audit/samples/", {"from": today, "to": today, "size": 3})
    assert answer.status_code == 201
    assert len(answer.data["acts"]) == 3
    one = rest.get(f"audit/samples/{answer.data['id']}/").data
    assert one["acts"] == answer.data["acts"]
    signed = rest.signed(f"audit/samples/{one['id']}/review/", {"findings": "Nothing."})
    assert signed.status_code == 201, signed.data
    assert signed.data["review"]["by"]["username"] == "quality"
    client.force_login(laboratory.inspector.user)
    assert "Draw the sample" not in client.get("/audit/samples/").content.decode()


@pytest.mark.requirement("P11-10e")
def test_what_a_page_sends_to_a_rest_address_is_of_the_page(who: People, client: Client) -> None:
    def received(number: str) -> dict[str, str]:
        return {"number": number, "material": "oxalate", "expires_at": "2099-01-01T00:00:00Z"}

    client.force_login(who.operator.user)
    assert client.post("/api/v1/lots/", received("O-PAGE"), content_type="application/json").status_code == 201
    assert Rest("operator").post("lots/", received("O-REST")).status_code == 201
    acts = Operation.objects.filter(subject__in=("O-PAGE", "O-REST"))
    assert dict(acts.values_list("subject", "source")) == {"O-PAGE": "page", "O-REST": "rest"}
