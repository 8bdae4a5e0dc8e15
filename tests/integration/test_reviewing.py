"""Test results reviewed in one act: one attestation, a signature for each over what was shown of it."""

from __future__ import annotations

import json

import pytest
from django.test import Client

from labeling.models import Batch
from labeling.selectors.history import history_of
from lims.audit.models import Operation
from lims.errors import Conflict, InvalidInput, SegregationOfDuties, Stale
from lims.signatures.signing import digest_of
from qc.models import Review, TestResult
from qc.services.investigations import invalidate_result
from qc.services.results import record_result, result_manifest
from qc.services.reviews import review_result, review_results
from tests import factories
from tests.browser import small_batch
from tests.factories import PASSWORD, People, credential, fresh_code


@pytest.fixture
def tested(who: People) -> Batch:
    """A small batch with two results that nobody has reviewed."""
    small_batch.adopt_small(who)
    return small_batch.in_quarantine(who, reviewed=False)


def shown(number: str) -> dict[int, str]:
    results = TestResult.objects.filter(batch__number=number).order_by("id")
    return {result.pk: digest_of(result_manifest(result)) for result in results}


def signed_in(client: Client, username: str) -> Client:
    client.post("/sign-in/", {"username": username, "password": PASSWORD.format(username), "otp": fresh_code(username)})
    return client


def page(client: Client, number: str, query: str = "") -> str:
    return client.get(f"/batches/{number}/tests/{query}").content.decode()


def typed(results: dict[int, str], by: str = "reviewer") -> dict[str, object]:
    chosen = [f"{key}:{digest}" for key, digest in results.items()]
    return {"username": by, "password": PASSWORD.format(by), "otp": fresh_code(by), "results": chosen}


@pytest.mark.requirement("P11-200a1")
@pytest.mark.requirement("SIG-6")
def test_one_attestation_signs_for_each_result_over_what_was_shown(who: People, tested: Batch) -> None:
    results, before = shown(tested.number), Operation.objects.count()
    reviews = review_results(actor=who.reviewer, number=tested.number, shown=results, credential=credential("reviewer"))
    assert Operation.objects.count() == before + 1
    assert [review.test_result_id for review in reviews] == list(results)
    signatures = [review.signature for review in reviews]
    assert [s.manifest_sha256 for s in signatures] == list(results.values())
    assert {(s.username, s.meaning, s.factors) for s in signatures} == {
        ("reviewer", "reviewed", "username+password+totp")
    }
    assert [json.loads(s.manifest)["limit"] for s in signatures] == ["clear", "at least 95 %"]
    told = history_of(tested.number)[-1]
    assert told["sentence"] == "Reviewer Test reviewed test results: appearance, purity"
    assert len(told["signatures"]) == 2


@pytest.mark.requirement("SIG-6")
def test_nobody_reviews_in_a_series_what_they_recorded_and_none_is_signed(who: People) -> None:
    small_batch.adopt_small(who)
    batch = small_batch.recorded(who)
    both = factories.another("both", "analyst", "reviewer")
    record_result(actor=who.analyst, number=batch.number, test="appearance", value="clear")
    record_result(actor=both, number=batch.number, test="purity", value="98.2")
    with pytest.raises(SegregationOfDuties, match="You recorded this result yourself: Radiochemical purity"):
        review_results(actor=both, number=batch.number, shown=shown(batch.number), credential=credential("both"))
    assert not Review.objects.exists()


def test_what_changed_is_named_and_a_series_is_never_empty(who: People, tested: Batch) -> None:
    with pytest.raises(InvalidInput, match="Choose at least one result"):
        review_results(actor=who.reviewer, number=tested.number, shown={}, credential=credential("reviewer"))
    results = shown(tested.number)
    with pytest.raises(Stale, match="Appearance is not as it was shown to you"):
        review_results(
            actor=who.reviewer,
            number=tested.number,
            shown={**results, next(iter(results)): "0" * 64},
            credential=credential("reviewer"),
        )
    last = list(results)[-1]
    review_result(actor=who.reviewer, number=tested.number, result_id=last, credential=credential("reviewer"))
    with pytest.raises(Conflict, match="Radiochemical purity: this result was reviewed already"):
        review_results(actor=who.reviewer, number=tested.number, shown=results, credential=credential("reviewer"))
    assert Review.objects.count() == 1


def test_an_invalidated_result_is_not_reviewed_with_the_others(who: People, tested: Batch) -> None:
    results = shown(tested.number)
    cause = {"cause": "The plate was dry.", "credential": credential("quality")}
    invalidate_result(actor=who.quality, number=tested.number, result_id=next(iter(results)), **cause)  # type: ignore[arg-type]
    with pytest.raises(Conflict, match="invalidated"):
        review_results(actor=who.reviewer, number=tested.number, shown=results, credential=credential("reviewer"))


def test_the_page_signs_the_series_and_keeps_what_was_ticked_when_refused(
    who: People, tested: Batch, client: Client
) -> None:
    here, results = signed_in(client, "reviewer"), shown(tested.number)
    first, last = results
    assert "Review 2 results" in page(here, tested.number)
    address = f"/batches/{tested.number}/tests/review/"
    refused = here.post(address, typed({last: results[last]}, by="analyst"))
    assert refused.status_code == 403
    assert f'value="{last}:{results[last]}" checked' in refused.content.decode()
    assert f'value="{first}:{results[first]}">' in refused.content.decode()
    malformed = here.post(address, {**typed({}), "results": ["1"]})
    assert malformed.status_code == 422
    assert "Load it again" in malformed.content.decode()
    assert here.post(address, typed(results)).status_code == 302
    assert Review.objects.count() == 2
    assert 'id="review-series"' not in page(here, tested.number)


@pytest.mark.requirement("SIG-6")
def test_who_recorded_a_result_is_told_who_reviews_it_and_offered_nothing(tested: Batch, client: Client) -> None:
    text = page(signed_in(client, "analyst"), tested.number)
    assert "You recorded this. Another person, with the role reviewer, reviews it." in text
    assert "Sign: reviewed" not in text
    assert "I reviewed this." not in text


@pytest.mark.requirement("SIG-1")
def test_the_signer_of_a_review_sees_limit_verdict_who_and_when(tested: Batch, client: Client) -> None:
    text = page(signed_in(client, "reviewer"), tested.number)
    for said in (
        "<dt>Limit</dt><dd>at least 95",
        "<dt>Verdict</dt><dd>Conforms",
        "<dt>Measured</dt>",
        "by Analyst Test",
    ):
        assert said in text


def test_a_saved_result_stands_there_with_its_verdict(who: People, client: Client) -> None:
    small_batch.adopt_small(who)
    batch, here = small_batch.recorded(who), signed_in(client, "analyst")
    saved = here.post(f"/batches/{batch.number}/tests/record/", {"test": "purity", "value": "12"})
    assert saved.headers["Location"].endswith("?after=purity")
    text = page(here, batch.number, "?after=purity")
    assert 'id="purity" tabindex="-1" autofocus' in text
    assert "It fails: the limit is at least 95" in text
