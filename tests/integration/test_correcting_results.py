"""A test result that was mistyped, and one that was measured before there was a product."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client

from labeling.models import Batch, Deviation
from labeling.selectors.clock import database_now
from labeling.selectors.exceptions import Exceptional, exceptions
from labeling.selectors.history import history_of
from lims.errors import Conflict, InvalidInput, NotFound, SegregationOfDuties
from lims.oversight.trail import Wanted
from qc.models import TestResult
from qc.selectors import full_batch_document
from qc.services.results import record_result
from qc.services.reviews import review_result
from qc.views.unusual import unusual_of
from tests import factories
from tests.browser import small_batch
from tests.factories import People, credential
from tests.integration.rest import Rest
from tests.integration.test_reviewing import page, signed_in


@pytest.fixture
def made(who: People) -> Batch:
    """A small batch whose product is measured, and nothing tested."""
    small_batch.adopt_small(who)
    return small_batch.recorded(who)


def purity(who: People, batch: Batch, value: str = "9.82") -> TestResult:
    return record_result(actor=who.analyst, number=batch.number, test="purity", value=value)


def correct(who: People, old: TestResult, value: str = "98.2", reason: str = "Mistyped: the point.") -> TestResult:
    number = old.batch.number
    return record_result(actor=who.analyst, number=number, test="purity", value=value, corrects=old.pk, reason=reason)


def row_of(batch: Batch, key: str = "purity") -> dict[str, object]:
    found = next(test for test in full_batch_document(batch.number)["tests"] if test["key"] == key)
    assert isinstance(found, dict)
    return found


@pytest.mark.requirement("DI-2")
@pytest.mark.requirement("DI-14")
def test_a_mistyped_result_is_struck_and_kept_and_a_failure_is_assessed(who: People, made: Batch) -> None:
    old = purity(who, made)
    new = correct(who, old)
    test = row_of(made)
    assert (test["result_id"], test["value"], test["verdict"], test["reason"]) == (
        *(new.pk, "98.2", "pass"),
        "Mistyped: the point.",
    )
    assert [(row["value"], row["verdict"], row["why"]) for row in test["corrected"]] == [  # type: ignore[attr-defined]
        ("9.82", "fail", "Mistyped: the point.")
    ]
    deviation = Deviation.objects.get(batch=made)
    assert (deviation.kind, deviation.severity, deviation.is_open) == ("result_corrected", "major", True)
    assert "was recorded as 9.82 %, which does not conform (limit: at least 95 %), and corrected to 98.2 %" in (
        deviation.text
    )
    assert history_of(made.number)[-1]["sentence"] == "Analyst Test corrected a test result: purity 98.2 %"
    found = exceptions(Wanted(subject=made.number), kinds=[Exceptional.CORRECTION]).rows
    assert [row["action"] for row in found] == ["result.correct"]
    said = [row["text"] for row in unusual_of(full_batch_document(made.number)) if row["word"] == "Corrected"]
    assert said == ["Radiochemical purity: 98.2 %, before 9.82 %. “Mistyped: the point.”"]


def test_a_correction_that_fails_or_that_passed_before_opens_no_deviation(who: People, made: Batch) -> None:
    last = correct(who, correct(who, purity(who, made, "98.1")), "96.0")
    correct(who, last, "9.6")
    assert not Deviation.objects.filter(batch=made).exists()
    assert row_of(made)["verdict"] == "fail"


@pytest.mark.requirement("QMS-2")
def test_only_the_result_that_counts_is_corrected_with_a_reason_and_before_its_review(who: People, made: Batch) -> None:
    old = purity(who, made)
    with pytest.raises(InvalidInput, match="Say why the result is corrected"):
        correct(who, old, reason=" ")
    new = correct(who, old)
    with pytest.raises(Conflict, match="no longer counts"):
        correct(who, old)
    with pytest.raises(Conflict, match="look at the one that stands in its place"):
        review_result(actor=who.reviewer, number=made.number, result_id=old.pk, credential=credential("reviewer"))
    review_result(actor=who.reviewer, number=made.number, result_id=new.pk, credential=credential("reviewer"))
    with pytest.raises(Conflict, match="was reviewed; it stands"):
        correct(who, new)
    with pytest.raises(NotFound, match="has no result"):
        record_result(
            actor=who.analyst, number=made.number, test="appearance", value="clear", corrects=new.pk, reason="x"
        )


@pytest.mark.requirement("SIG-6")
def test_who_recorded_the_first_value_does_not_review_the_corrected_one(who: People, made: Batch) -> None:
    both = factories.another("both", "analyst", "reviewer")
    old = record_result(actor=both, number=made.number, test="purity", value="9.82")
    new = correct(who, old)
    with pytest.raises(SegregationOfDuties):
        review_result(actor=both, number=made.number, result_id=new.pk, credential=credential("both"))


def test_the_page_and_rest_correct_a_result(who: People, made: Batch, client: Client) -> None:
    old, here = purity(who, made), signed_in(client, "analyst")
    assert "Correct a typing error" in page(here, made.number)
    address = f"/batches/{made.number}/tests/record/"
    given = {"test": "purity", "value": "97.2", "corrects": old.pk}
    refused = here.post(address, given)
    assert refused.status_code == 422
    assert "Choose the kind of reason." in refused.content.decode()
    assert here.post(address, {**given, "reason_code": "mistyped"}).status_code == 302
    assert '<s><span class="nowrap">9.82' in page(signed_in(Client(), "reviewer"), made.number)
    row = Rest("analyst").post(
        f"batches/{made.number}/test-results/",
        {"test": "purity", "value": "98.2", "corrects": row_of(made)["result_id"], "reason": "Read again."},
    )
    assert (row.status_code, row.data["value"], len(row.data["corrected"])) == (201, "98.2", 2)


def test_a_test_before_the_product_is_marked_and_asks_why(who: People, client: Client) -> None:
    small_batch.adopt_small(who)
    batch = small_batch.in_progress(who, minutes_ago=10)
    here, address = signed_in(client, "analyst"), f"/batches/{batch.number}/tests/record/"
    refused = here.post(address, {"test": "purity", "value": "98.2"})
    assert refused.status_code == 422
    assert "Product activity is not recorded yet. Say why this is tested before it." in refused.content.decode()
    assert here.post(address, {"test": "purity", "value": "98.2", "reason": "From the eluate."}).status_code == 302
    assert row_of(batch)["before_product"] == {"label": "Product activity", "at": None}
    found = exceptions(Wanted(subject=batch.number), kinds=[Exceptional.BEFORE_PRODUCT]).rows
    assert [row["reason"] for row in found] == ["From the eluate."]
    said = [row["text"] for row in unusual_of(full_batch_document(batch.number)) if row["word"] == "Before the product"]
    assert said == [
        "Radiochemical purity was tested before the product was measured (Product activity). “From the eluate.”"
    ]
    assert "Measured before the product was" in page(signed_in(Client(), "reviewer"), batch.number)


def test_a_test_of_the_product_is_not_marked_and_one_of_an_earlier_time_is(who: People) -> None:
    small_batch.adopt_small(who)
    batch = small_batch.in_progress(who, minutes_ago=10)
    early = database_now() - timedelta(minutes=5)
    record_result(actor=who.analyst, number=batch.number, test="appearance", value="clear", at=early)
    for step, field, value, unit in (*small_batch.VALUES, ("product", "volume", "3.0", "mL")):
        row = {"step": step, "field": field, "value": value, "unit": unit}
        factories.record(who, batch.number, {**row, "equipment": "DC-1" if field == "activity" else ""}, timedelta())
    record_result(actor=who.analyst, number=batch.number, test="purity", value="98.2")
    assert row_of(batch)["before_product"] is None
    marked = row_of(batch, "appearance")["before_product"]
    assert isinstance(marked, dict)
    assert marked["at"]


def test_fields_with_one_warning_stand_in_one_row(who: People, made: Batch) -> None:
    document = full_batch_document(made.number)
    fields = [field for step in document["steps"] for field in step["fields"] if field["entry"]]
    for field in fields[:2]:
        field["entry"]["warnings"] = ["Measured before its step began."]
    said = [row["text"] for row in unusual_of(document) if row["word"] == "Warned"]
    assert said == [f"{fields[0]['label']}, {fields[1]['label']}. Measured before its step began."]
