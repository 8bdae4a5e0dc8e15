"""Several steps verified in one act: one attestation, a signature for each step over what was shown of it."""

from __future__ import annotations

import pytest
from django.test import Client

from labeling.models import Batch, Entry, Verification
from labeling.selectors.batch import batch_document
from labeling.selectors.history import history_of
from labeling.services.recording import Reading, correct_entry, record_entry
from labeling.services.timers import record_timer
from labeling.services.verification import verify_step, verify_steps
from lims.audit.models import Operation
from lims.errors import Conflict, InvalidInput, SegregationOfDuties, Stale
from lims.signatures.models import Signature
from tests import factories
from tests.browser import small_batch
from tests.factories import PASSWORD, People, campaign, credential, fresh_code
from tests.integration.rest import Rest


def shown(number: str) -> dict[str, str]:
    """What the second person is shown: the digest of each step that awaits them."""
    steps = batch_document(number)["steps"]
    return {step["key"]: step["manifest_sha256"] for step in steps if step["state"] == "to_verify"}


def sheet(client: Client, number: str) -> str:
    return client.get(f"/batches/{number}/").content.decode()


def typed(*steps: str, by: str = "verifier", otp: str | None = None) -> dict[str, object]:
    code = fresh_code(by) if otp is None else otp
    return {"username": by, "password": PASSWORD.format(by), "otp": code, "steps": list(steps)}


def signed_in(client: Client, username: str) -> Client:
    client.post("/sign-in/", {"username": username, "password": PASSWORD.format(username), "otp": fresh_code(username)})
    return client


@pytest.fixture
def synthesis(laboratory: People) -> Batch:
    return factories.recorded(laboratory, campaign()["synthesis"])


@pytest.fixture
def small(who: People) -> Batch:
    small_batch.adopt_small(who)
    return small_batch.recorded(who)


@pytest.mark.requirement("P11-200a1")
@pytest.mark.requirement("SIG-6")
def test_one_attestation_signs_for_each_step_over_what_was_shown(laboratory: People, synthesis: Batch) -> None:
    steps = shown(synthesis.number)
    assert len(steps) > 1
    before = Operation.objects.count()
    verified = verify_steps(
        actor=laboratory.operator, number=synthesis.number, shown=steps, credential=credential("verifier")
    )
    assert Operation.objects.count() == before + 1
    assert [v.step for v in verified] == list(steps)
    signatures = [v.signature for v in verified]
    assert [s.manifest_sha256 for s in signatures] == list(steps.values())
    assert {(s.username, s.meaning, s.factors) for s in signatures} == {
        ("verifier", "verified", "username+password+totp")
    }
    document = batch_document(synthesis.number)
    assert {step["state"] for step in document["steps"] if step["key"] in steps} == {"done"}
    told = history_of(synthesis.number)[-1]
    assert told["sentence"] == f"Verifier Test verified steps {', '.join(key.replace('_', ' ') for key in steps)}"
    assert len(told["signatures"]) == len(steps)


def test_a_step_that_changed_is_named_and_none_is_signed(who: People, small: Batch) -> None:
    steps = shown(small.number)
    entry = Entry.objects.get(batch=small, field="activity")
    again = Reading(value="41.2", unit="MBq", equipment="DC-1", reason="Misread the display.")
    correct_entry(actor=who.operator, number=small.number, entry_id=entry.pk, reading=again)
    with pytest.raises(Stale, match="The step “Assay the product” has changed since it was shown to you"):
        verify_steps(actor=who.verifier, number=small.number, shown=steps, credential=credential("verifier"))
    assert not Verification.objects.exists()
    assert not Signature.objects.filter(subject=small.number).exists()


@pytest.mark.requirement("SIG-6")
def test_nobody_verifies_in_a_series_what_they_recorded(who: People) -> None:
    small_batch.adopt_small(who)
    both = factories.another("both", "operator", "verifier")
    batch = small_batch.in_progress(who)
    record_entry(actor=both, number=batch.number, step="clearance", field="clear", reading=Reading(value="true"))
    for step, field, value, unit in (*small_batch.VALUES[1:], ("product", "volume", "3.0", "mL")):
        reading = Reading(value=value, unit=unit, equipment="DC-1" if field == "activity" else "")
        record_entry(actor=who.operator, number=batch.number, step=step, field=field, reading=reading)
    steps = shown(batch.number)
    with pytest.raises(SegregationOfDuties, match="in “Line clearance” yourself; a second person has to verify it"):
        verify_steps(actor=both, number=batch.number, shown=steps, credential=credential("both"))
    assert not Verification.objects.exists()
    theirs = {"product": steps["product"]}
    verify_steps(actor=both, number=batch.number, shown=theirs, credential=credential("both"))
    assert [v.step for v in Verification.objects.all()] == ["product"]


@pytest.mark.requirement("SIG-6")
def test_whoever_ran_only_the_timer_of_a_step_does_not_verify_it(who: People) -> None:
    small_batch.adopt_small(who, timer="0.5")
    both = factories.another("both", "operator", "verifier")
    batch = small_batch.recorded(who)
    for event in ("start", "stop"):
        record_timer(actor=both, number=batch.number, step="product", event=event, reason="The alarm rang.")
    with pytest.raises(SegregationOfDuties, match="in “Assay the product” yourself"):
        verify_steps(actor=both, number=batch.number, shown=shown(batch.number), credential=credential("both"))


def test_a_series_is_never_empty_nor_of_unfinished_or_verified_steps(who: People, small: Batch) -> None:
    sign = credential("verifier")
    with pytest.raises(InvalidInput, match="Choose at least one step"):
        verify_steps(actor=who.verifier, number=small.number, shown={}, credential=sign)
    steps = shown(small.number)
    verify_step(actor=who.verifier, number=small.number, step="product", credential=sign)
    with pytest.raises(Conflict, match="The step “Assay the product” was verified already"):
        verify_steps(actor=who.verifier, number=small.number, shown=steps, credential=credential("verifier"))
    assert Verification.objects.count() == 1
    empty = small_batch.in_progress(who)
    with pytest.raises(Conflict, match="The step “Line clearance” is not finished: Work area clear missing"):
        verify_steps(actor=who.verifier, number=empty.number, shown=steps, credential=credential("verifier"))


def test_the_worksheet_offers_a_series_for_two_steps_and_not_for_one(who: People, small: Batch, client: Client) -> None:
    page = signed_in(client, "verifier")
    assert "Verify 2 steps" in sheet(page, small.number)
    verify_step(actor=who.verifier, number=small.number, step="clearance", credential=credential("verifier"))
    assert 'id="verify-series"' not in sheet(page, small.number)


@pytest.mark.requirement("SIG-5")
@pytest.mark.requirement("P11-200a1")
def test_the_second_person_signs_a_series_at_the_workstation_of_the_first(
    who: People, small: Batch, client: Client
) -> None:
    """Their own sequence begins there with all factors; the next signature there takes their password alone."""
    page = signed_in(client, "operator")
    steps = [f"{key}:{digest}" for key, digest in shown(small.number).items()]
    refused = page.post(f"/batches/{small.number}/steps/verify/", typed(*steps, otp=""))
    assert refused.status_code == 403
    assert "needs the one-time code" in refused.content.decode()
    assert page.post(f"/batches/{small.number}/steps/verify/", typed(*steps)).status_code == 302
    assert {v.signature.factors for v in Verification.objects.all()} == {"username+password+totp"}
    second = small_batch.recorded(who)
    steps = [f"{key}:{digest}" for key, digest in shown(second.number).items()]
    assert page.post(f"/batches/{second.number}/steps/verify/", typed(*steps, otp="")).status_code == 302
    assert {v.signature.factors for v in Verification.objects.filter(batch=second)} == {"username+password"}


@pytest.mark.requirement("SIG-6")
def test_a_series_goes_over_rest_with_the_digest_of_each_step(who: People, small: Batch) -> None:
    rest = Rest("verifier")
    path, steps = f"batches/{small.number}/steps/verify/", shown(small.number)
    stale = rest.signed(path, {"steps": {**steps, "product": "0" * 64}})
    assert (stale.status_code, stale.data["code"]) == (409, "stale")
    assert "“Assay the product”" in stale.data["detail"]
    assert rest.signed(path, {"steps": dict.fromkeys(steps, "")}).status_code == 400
    assert rest.signed(path, {"steps": {"nowhere": "0" * 64}}).status_code == 422
    assert not Verification.objects.exists()
    answer = rest.signed(path, {"steps": steps})
    assert answer.status_code == 201
    assert {step["state"] for step in answer.data["steps"]} == {"done"}


def test_a_refused_series_keeps_what_was_ticked(who: People, small: Batch, client: Client) -> None:
    page = signed_in(client, "operator")
    steps = shown(small.number)
    refused = page.post(f"/batches/{small.number}/steps/verify/", typed(f"product:{steps['product']}", by="operator"))
    assert refused.status_code == 403
    text = refused.content.decode()
    assert f'value="product:{steps["product"]}" checked' in text
    assert f'value="clearance:{steps["clearance"]}">' in text
    bad = page.post(f"/batches/{small.number}/steps/verify/", typed("product"))
    assert bad.status_code == 422
    assert "Load it again" in bad.content.decode()


def test_what_is_missing_stands_where_the_completion_is_signed(who: People, small: Batch, client: Client) -> None:
    page = signed_in(client, "operator")
    missing = sheet(page, small.number)
    assert "3 things still missing." in missing
    assert "The completion is signed here once nothing is missing." in missing
    assert "Sign the completion" not in missing
    verify_steps(actor=who.verifier, number=small.number, shown=shown(small.number), credential=credential("verifier"))
    ready = sheet(page, small.number)
    assert "Sign the completion" in ready
    assert "still missing" not in ready
