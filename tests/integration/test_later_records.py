"""What comes after the decision reaches a record: a further one, beside the first."""

from __future__ import annotations

import pytest
from django.template.loader import render_to_string

from labeling.models import Batch
from labeling.selectors.batch import batch_document
from labeling.selectors.history import events_since_record
from labeling.services.deviations import report_deviation
from labeling.services.dispatch import Consignment, dispatch_batch
from lims.errors import Conflict, InvalidInput, PermissionRefused
from lims.records.models import Document
from qc.services.records import request_record
from tests import factories
from tests.factories import People, credential
from tests.integration.rest import Rest
from tests.integration.test_handing_over import SENT, page_of

WHY = "It was handed over, and a deviation was found."


def handed_over(who: People) -> Batch:
    batch = factories.released(who)
    sent = Consignment(scanned=batch.number, **SENT)
    dispatch_batch(actor=who.operator, number=batch.number, consignment=sent, credential=credential("operator"))
    report_deviation(actor=who.quality, number=batch.number, text="The vial was seen open.", severity="minor")
    return batch


@pytest.mark.requirement("P11-10b")
def test_a_further_record_holds_what_came_after_the_release(laboratory: People) -> None:
    batch = handed_over(laboratory)
    assert events_since_record(batch.number) == 2
    made = request_record(actor=laboratory.quality, number=batch.number, reason=WHY)
    assert made.number == f"{batch.number}/2"
    first = Document.objects.get(number=f"{batch.number}/1")
    assert made.context["gate"] == first.context["gate"]
    assert not first.context["batch"]["dispatches"]
    assert events_since_record(batch.number) == 0
    text = render_to_string(made.template, made.context)
    for said in ("Handing over", "Ward 4, Dr. Novak", "after the decision", "The vial was seen open.", WHY):
        assert said in text
    assert "The gate did not allow a release" not in text
    assert "Handing over</h3>" not in render_to_string(first.template, first.context)


def test_a_record_needs_its_reason_its_permission_and_a_decision(laboratory: People) -> None:
    batch = factories.ready_to_decide(laboratory)
    assert events_since_record(batch.number) is None
    with pytest.raises(Conflict, match="is made and sealed when it is released or rejected"):
        request_record(actor=laboratory.quality, number=batch.number, reason=WHY)
    with pytest.raises(InvalidInput) as refusal:
        request_record(actor=laboratory.quality, number=batch.number, reason=" ")
    assert refusal.value.details["field"] == "reason"
    with pytest.raises(PermissionRefused):
        request_record(actor=laboratory.verifier, number=batch.number, reason=WHY)


def test_a_record_leaves_the_reviewed_trail_reviewed(laboratory: People) -> None:
    batch = factories.released(laboratory)
    before = batch_document(batch.number)["audit_review"]["holds"]
    request_record(actor=laboratory.quality, number=batch.number, reason=WHY)
    assert batch_document(batch.number)["audit_review"]["holds"] == before


def test_a_record_is_asked_for_over_rest_and_on_the_page(laboratory: People) -> None:
    batch = handed_over(laboratory)
    client, place = page_of("operator"), f"/batches/{batch.number}/records/"
    assert "2 events since the last record stand in no record" in client.get(place).content.decode()
    assert client.post(f"{place}new/", {"reason": ""}).status_code == 422
    assert client.post(f"{place}new/", {"reason": WHY}).status_code == 302
    answer = Rest("operator").post(f"batches/{batch.number}/documents/", {"reason": WHY})
    assert (answer.status_code, answer.data["number"]) == (201, f"{batch.number}/3")
    assert "Nothing has happened to the batch since" in client.get(place).content.decode()
