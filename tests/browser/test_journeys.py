"""Whole journeys through the pages, as people at several workstations make them."""

from __future__ import annotations

import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone
from playwright.sync_api import Page, expect
from pyotp import TOTP

from labeling.domain.lifecycle import BatchStatus
from labeling.models import Batch, Entry
from labeling.selectors.batch import find_batch
from lims.accounts.models import AccessEvent
from lims.accounts.sign_in import WRONG
from lims.records.models import Document
from lims.records.rendering import render_document
from lims.signatures.models import Signature
from tests.browser import small_batch
from tests.factories import PASSWORD, fresh_code, lot

Person = Callable[..., Page]
pytestmark = pytest.mark.django_db(transaction=True)


def sign(page: Page, username: str, *, button: str, password: str = "") -> None:
    form = page.locator("form.sign:visible").filter(has=page.get_by_role("button", name=button))
    form.get_by_label("Username of the signer").fill(username)
    form.get_by_label("Password").fill(password or PASSWORD.format(username))
    if not form.get_by_label("One-time code").is_visible():
        form.get_by_text("One-time code or security key, where somebody else signs").click()
    form.get_by_label("One-time code").fill(fresh_code(username))
    form.get_by_role("button", name=button).click()


def save(page: Page, field: str, value: str) -> None:
    form = page.locator(f'form[data-entry="{field}"]')
    form.locator("[name=value]").fill(value)
    form.get_by_role("button", name="Save").click()


def choose(page: Page, test: str, answer: str) -> None:
    form = page.locator(f'form[data-entry="{test}"]')
    form.locator(".answers").get_by_text(answer).click()
    form.get_by_role("button", name="Save").click()


def test_a_small_batch_is_made_tested_and_released_on_the_pages(person: Person) -> None:
    small_batch.laboratory()
    operator = person("operator")
    number = plan_and_start(operator)
    record_the_steps(operator)
    operator.locator("#complete").get_by_text("Sign the completion").click()
    sign(operator, "operator", button="Sign: complete")
    expect(operator.locator(".batch")).to_contain_text("Quarantine")

    results_and_reviews(person, number)

    releaser = person("releaser")
    releaser.goto(f"/batches/{number}/release/")
    expect(releaser.locator(".verdict")).to_contain_text("The audit trail is not reviewed up to its last event.")
    the_trail_is_reviewed(person, number)
    releaser.reload()
    expect(releaser.locator(".verdict")).to_contain_text(f"{number} can be released.")
    sign(releaser, "releaser", button="Sign: release")
    expect(releaser.locator(".batch")).to_contain_text("Released")
    expect(releaser.get_by_text("Queued")).to_be_visible()
    assert printed(Document.objects.get(subject=number).pk)
    # The page looks again by itself; nobody reloads it.
    expect(releaser.locator(".state", has_text="Sealed")).to_be_visible()
    with releaser.expect_download() as download:
        releaser.get_by_role("link", name="Download").click()
    releaser.goto("/records/")
    releaser.get_by_label("Record as PDF").set_input_files(download.value.path())
    releaser.get_by_role("button", name="Verify").click()
    expect(releaser.locator(".verdict")).to_contain_text("its seal holds")
    assert find_batch(number).status == BatchStatus.RELEASED


def printed(document_id: int) -> bool:
    """What the worker does, in a thread without the event loop that drives the browser."""

    def work() -> bool:
        try:
            return render_document(document_id)
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        return pool.submit(work).result()


def plan_and_start(page: Page) -> str:
    page.get_by_role("link", name="Plan a batch").first.click()
    page.get_by_role("button", name="Plan").click()
    expect(page.locator(".batch")).to_contain_text("Planned")
    page.get_by_role("button", name="Start").click()
    expect(page.locator(".batch")).to_contain_text("In progress")
    return re.sub(r".*/batches/([^/]+)/.*", r"\1", page.url)


def record_the_steps(page: Page) -> None:
    page.get_by_role("button", name="Yes, confirmed").click()
    page.locator("#clearance > details > summary").click()
    page.locator("#clearance").get_by_text("Verify as the second person").click()
    sign(page, "verifier", button="Sign: verified")
    expect(page.locator("#clearance")).to_contain_text("Done")
    save(page, "product.kit_lot", "KIT-1")
    expect(page.get_by_label("Instrument", exact=True)).to_have_value("DC-1")
    save(page, "product.activity", "42.0")
    save(page, "product.volume", "3.0")
    expect(page.locator("#result-concentration")).to_contain_text("14.00 MBq/mL")
    page.locator("#product").get_by_text("Verify as the second person").click()
    sign(page, "verifier", button="Sign: verified")
    expect(page.locator("#complete")).to_contain_text("Everything the protocol asks for is recorded and verified.")


def results_and_reviews(person: Person, number: str) -> None:
    analyst = person("analyst")
    analyst.goto(f"/batches/{number}/tests/")
    choose(analyst, "appearance", "“clear”")
    expect(analyst.locator("#appearance")).to_be_focused()
    expect(analyst.locator("#appearance [role=status]")).to_be_in_viewport()
    expect(analyst.locator("#appearance")).to_contain_text("Saved: clear. It conforms.")
    analyst.get_by_role("link", name="Next: Radiochemical purity").click()
    save(analyst, "purity", "98.2")
    expect(analyst.locator("#purity")).to_contain_text("Conforms")
    expect(analyst.locator("#purity")).to_contain_text("You recorded this. Another person, with the role reviewer")
    expect(analyst.get_by_text("Review", exact=True)).to_have_count(0)
    reviewer = person("reviewer")
    reviewer.goto(f"/batches/{number}/tests/")
    reviewer.get_by_text("Review 2 results").click()
    sign(reviewer, "reviewer", button="Sign: results reviewed")
    for test in ("appearance", "purity"):
        expect(reviewer.locator(f"#{test}")).to_contain_text("“I reviewed this.” Reviewer Test (reviewer)")


def the_trail_is_reviewed(person: Person, number: str) -> None:
    reviewer = person("reviewer")
    reviewer.goto(f"/batches/{number}/history/")
    sign(reviewer, "reviewer", button="Sign: audit trail reviewed")
    expect(reviewer.locator("#review")).to_contain_text("by Reviewer Test")
    expect(reviewer.get_by_role("button", name="Sign: audit trail reviewed")).to_have_count(0)


def test_a_batch_with_a_failing_test_cannot_be_released_and_the_page_says_why(person: Person) -> None:
    batch = small_batch.in_quarantine(small_batch.laboratory(), purity="93.1")
    releaser = person("releaser")
    releaser.goto(f"/batches/{batch.number}/release/")
    verdict = releaser.locator(".verdict")
    expect(verdict).to_contain_text(f"{batch.number} cannot be released: one thing is in the way.")
    expect(verdict).to_contain_text("Radiochemical purity is 93.1 %; the limit is at least 95 %.")
    expect(releaser.get_by_role("button", name="Sign: release")).to_have_count(0)
    verdict.get_by_role("link", name="Go there").click()
    expect(releaser.locator("#purity")).to_contain_text("Fails")

    releaser.goto(f"/batches/{batch.number}/release/")
    releaser.get_by_text("Reject this batch").click()
    releaser.locator("#reject-reason_code").select_option("out_of_specification")
    releaser.locator("#reject-reason").fill("Radiochemical purity under its limit.")
    sign(releaser, "releaser", button="Sign: reject")
    expect(releaser.locator(".batch")).to_contain_text("Rejected")


def test_a_wrong_password_signs_nothing_and_the_attempt_is_kept(person: Person) -> None:
    batch = small_batch.in_quarantine(small_batch.laboratory())
    releaser = person("releaser")
    releaser.goto(f"/batches/{batch.number}/release/")
    before = Signature.objects.count()
    sign(releaser, "releaser", button="Sign: release", password="not the password")
    expect(releaser.get_by_text(f"{WRONG} Nothing was signed.")).to_be_visible()
    expect(releaser.get_by_label("Username of the signer").first).to_have_value("releaser")
    expect(releaser.get_by_label("Password").first).to_have_value("")
    assert Signature.objects.count() == before
    assert find_batch(batch.number).status == BatchStatus.QUARANTINE
    assert AccessEvent.objects.filter(kind=AccessEvent.Kind.SIGNING_REFUSED, username="releaser").count() == 1


def test_the_maker_of_a_batch_is_refused_as_its_second_person(person: Person) -> None:
    batch = small_batch.recorded(small_batch.laboratory())
    operator = person("operator")
    operator.goto(f"/batches/{batch.number}/")
    operator.locator("#product > details > summary").click()
    operator.locator("#product").get_by_text("Verify as the second person").click()
    sign(operator, "operator", button="Sign: verified")
    expect(operator.locator("#product [role=alert]")).to_be_visible()
    assert not batch.verifications.exists()


def test_signing_in_and_recording_need_no_mouse(person: Person) -> None:
    batch = small_batch.in_progress(small_batch.laboratory())
    page = person()
    page.goto(f"/batches/{batch.number}/")  # asks who it is first, then goes there
    expect(page.get_by_label("Username")).to_be_focused()
    page.keyboard.type("operator")
    page.keyboard.press("Tab")
    page.keyboard.type(PASSWORD.format("operator"))
    page.keyboard.press("Tab")
    page.keyboard.type(fresh_code("operator"))
    page.keyboard.press("Enter")
    page.wait_for_url(lambda url: url.endswith(f"/batches/{batch.number}/") and "sign-in" not in url)
    page.keyboard.press("n")  # the next thing to do
    expect(page.get_by_role("button", name="Yes, confirmed")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator('[data-entry="product.kit_lot"] [name=value]')).to_be_focused()
    page.keyboard.type("KIT-1", delay=100)  # a person: keys without a pause between them are a scan
    page.keyboard.press("Enter")
    expect(page.locator('[data-entry="product.activity"] [name=value]')).to_be_focused()
    page.keyboard.type("42.0")
    page.keyboard.press("Enter")
    expect(page.locator("#product .slot-line")).to_contain_text(["KIT-1", "42.0 MBq"])
    assert Entry.objects.filter(batch=batch).count() == 3


def test_a_refused_value_stays_as_it_was_typed_with_the_sentence_beside_it(person: Person) -> None:
    batch = small_batch.in_progress(small_batch.laboratory())
    page = person("operator")
    page.goto(f"/batches/{batch.number}/")
    page.get_by_role("button", name="Yes, confirmed").click()
    activity, volume = (page.locator(f'[data-entry="product.{key}"] [name=value]') for key in ("activity", "volume"))
    volume.fill("3.0")  # typed, not saved: it survives the saving of another field
    save(page, "product.activity", "3,2")
    expect(activity).to_have_value("3,2")
    expect(activity).to_have_attribute("aria-invalid", "true")
    expect(page.locator(f"[id='{activity.get_attribute('aria-describedby')}']")).to_contain_text("ambiguous")
    expect(volume).to_have_value("3.0")
    save(page, "product.activity", "250")
    expect(page.locator("#product")).to_contain_text("Out of range")
    expect(page.locator("#deviations")).to_contain_text("250")
    page.locator("#product").get_by_text("Correct", exact=True).first.click()


def test_a_result_of_other_words_needs_them_and_does_not_conform(person: Person) -> None:
    batch = small_batch.recorded(small_batch.laboratory())
    page = person("analyst")
    page.goto(f"/batches/{batch.number}/tests/")
    choose(page, "appearance", "Other")
    expect(page.locator("#appearance .error")).to_contain_text("Say what was found.")
    expect(page.locator("#appearance-other")).to_be_focused()
    page.locator("#appearance-other").fill("cloudy")
    page.locator("#appearance").get_by_role("button", name="Save").click()
    expect(page.locator("#appearance")).to_contain_text("cloudy")
    expect(page.locator("#appearance")).to_contain_text("Fails")


@pytest.mark.parametrize("script", [True, False])
def test_a_timer_stopped_before_its_minimum_needs_a_reason(person: Person, script: bool) -> None:
    batch = small_batch.in_progress(small_batch.laboratory(timer="15"))
    page = person("operator", java_script_enabled=script)
    page.goto(f"/batches/{batch.number}/#product")
    step = page.locator("#product")
    if not script:
        step.locator("> details > summary").click()
    step.get_by_role("button", name="Start the timer").click()
    expect(step).to_contain_text("can stop in 1")
    early = step.get_by_role("button", name=re.compile(r"Stop early \(.+ too soon\)"))
    early.click()  # the browser asks for the reason by itself, or the server does
    if not script:
        expect(step.locator(".timer .error")).to_contain_text("Say why the timer is stopped before its minimum")
    step.get_by_label("Reason for stopping early").fill("The cells clumped.")
    early.click()
    expect(step.locator("summary").first).to_contain_text("Deviation")
    assert batch.timer_events.get(event="stop").reason == "The cells clumped."


def test_after_a_value_in_a_later_step_the_work_goes_on_there(person: Person) -> None:
    batch = small_batch.in_progress(small_batch.laboratory())
    page = person("operator")
    page.goto(f"/batches/{batch.number}/#product")
    save(page, "product.kit_lot", "KIT-1")
    expect(page.locator('[data-entry="product.activity"] [name=value]')).to_be_focused()


def test_sterility_that_fails_after_release_stands_on_top(person: Person) -> None:
    number = small_batch.released_with_growth(small_batch.laboratory())
    for username in ("quality", "releaser"):
        page = person(username)
        expect(page.locator("main .alarm")).to_contain_text("Sterility failed after release")
        page.goto(f"/batches/{number}/")
        expect(page.get_by_role("alert")).to_contain_text("Sterility failed after release.")


def test_who_received_a_lot_is_not_asked_to_accept_it(person: Person) -> None:
    waiting = lot(small_batch.laboratory(), "KIT-2", "kit", accepted=False)
    operator, quality = person("operator"), person("quality")
    operator.goto(f"/stock/{waiting.pk}/")
    expect(operator.get_by_text("Quality accepts or rejects this lot")).to_be_visible()
    expect(operator.get_by_role("button", name="Sign: accepted")).to_have_count(0)
    quality.goto(f"/stock/{waiting.pk}/")
    expect(quality.get_by_role("button", name="Sign: accepted")).to_be_visible()


def test_a_page_that_was_left_open_says_what_changed_since(person: Person) -> None:
    who = small_batch.laboratory()
    batch = small_batch.in_quarantine(who)
    first, second = person("releaser"), person("quality")
    first.goto(f"/batches/{batch.number}/release/")
    second.goto(f"/batches/{batch.number}/release/")
    second.get_by_text("Put the batch on hold").click()
    second.locator("#hold-reason_code").select_option("question")
    second.locator("#hold-reason").fill("A question from the ward.")
    second.get_by_role("button", name="Put on hold").click()
    expect(second.locator(".batch")).to_contain_text("On hold")
    sign(first, "releaser", button="Sign: release")
    expect(first.get_by_text("The record changed while this page was open.")).to_be_visible()
    expect(first.get_by_text("A question from the ward.")).to_be_visible()
    assert Batch.objects.get(pk=batch.pk).status == BatchStatus.ON_HOLD


def sign_in(page: Page, username: str, *, password: str = "", code: str = "") -> None:
    page.get_by_label("Username").fill(username)
    page.get_by_label("Password").fill(password or PASSWORD.format(username))
    page.get_by_label("One-time code").fill(code or fresh_code(username))
    page.get_by_role("button", name="Sign in").click()


@pytest.mark.requirement("P11-100b")
@pytest.mark.requirement("P11-10j")
def test_somebody_is_enrolled_and_becomes_able_to_sign(person: Person) -> None:
    small_batch.laboratory()
    administrator = person("administrator")
    administrator.get_by_role("link", name="Enroll a person").click()
    for label, text in (("Username", "nadia"), ("Full name", "Nadia Novak"), ("First password", "first-of-nadia's")):
        administrator.get_by_label(label).fill(text)
    administrator.get_by_label("Roles").select_option(["operator", "analyst"])
    administrator.get_by_label("How the identity was checked").fill("Passport seen.")
    administrator.get_by_role("button", name="Enroll").click()
    expect(administrator.get_by_text("Cannot sign yet")).to_be_visible()

    page = person()
    page.goto("/sign-in/")
    sign_in(page, "nadia", password="first-of-nadia's", code=" ")
    page.get_by_label("Present password").fill("first-of-nadia's")
    page.get_by_label("New password").fill(PASSWORD.format("nadia"))
    page.get_by_label("The same again").fill(PASSWORD.format("nadia"))
    page.get_by_role("button", name="Change").click()
    secret = page.locator("code").inner_text().replace(" ", "")
    page.get_by_label("One-time code").fill(TOTP(secret).at(timezone.now()))
    page.get_by_role("button", name="Confirm").click()
    expect(page.get_by_text("None of them can sign.")).to_be_visible()
    page.get_by_role("link", name="Go on").click()
    page.get_by_role("link", name="Statement on signatures").click()
    form = page.locator("form.sign")
    form.get_by_label("Username of the signer").fill("nadia")
    form.get_by_label("Password").fill(PASSWORD.format("nadia"))
    form.get_by_label("One-time code").fill(TOTP(secret).at(timezone.now() + timedelta(seconds=30)))
    form.get_by_role("button", name="Sign: accepted").click()
    expect(page.get_by_text("You may sign")).to_be_visible()
