"""Small things at the bench: a refusal at its field, the number pad out of the way, an entry that is never answered."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, Route, expect

from labeling.models import Batch, Entry, Scan
from tests.browser import small_batch
from tests.browser.test_nothing_is_lost import line, opened, put, typed, unfold
from tests.browser.test_worksheet import ENTRIES, TRIES

Person = Callable[..., Page]
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def faults() -> list[str]:
    """A request that is refused or never answered is noted by the browser; here both are meant."""
    return []


@pytest.fixture
def batch(transactional_db: None) -> Batch:
    return small_batch.in_progress(small_batch.laboratory())


def test_a_refusal_stands_once_at_its_field_which_has_the_cursor(person: Person, batch: Batch) -> None:
    page = opened(person("operator"), batch.number)
    put(page, "product.kit_lot", "KIT-7")
    slot = page.locator('[data-slot="product.kit_lot"]')
    expect(slot.get_by_role("alert")).to_contain_text("There is no lot KIT-7.")
    expect(slot.get_by_text("There is no lot KIT-7.")).to_have_count(1)
    value = slot.locator("form.first [name=value]")
    expect(value).to_be_focused()
    assert value.evaluate("input => input.value.slice(input.selectionStart, input.selectionEnd)") == "KIT-7"
    assert Scan.objects.get(batch=batch).scanned == "KIT-7"
    page.keyboard.type("KIT-1", delay=100)  # a person: keys without a pause between them are a scan
    page.keyboard.press("Enter")
    expect(slot.locator(".slot-line")).to_contain_text("KIT-1")
    assert typed(batch) == ["KIT-1"]


def test_a_number_that_is_none_keeps_the_cursor_with_its_text_selected(person: Person, batch: Batch) -> None:
    page = opened(person("operator"), batch.number)
    put(page, "product.volume", "3,2")
    value = page.locator('[data-entry="product.volume"] [name=value]')
    expect(page.locator('[data-slot="product.volume"]').get_by_role("alert")).to_contain_text("Write a decimal point")
    expect(value).to_be_focused()
    assert value.evaluate("input => input.selectionEnd - input.selectionStart") == 3


@pytest.mark.requirement("A11-6")
def test_the_pad_leaves_the_field_and_its_limit_in_sight_and_closes(person: Person, batch: Batch) -> None:
    page = person("operator", viewport={"width": 1024, "height": 768})
    opened(page, batch.number)
    unfold(page)
    page.locator("#pad-toggle").click()
    pad = page.locator("#pad")
    value = page.locator('[data-entry="product.volume"] [name=value]')
    value.focus()
    expect(pad).to_be_visible()
    hint = page.locator('[data-entry="product.volume"] .hint').first
    expect(hint).to_contain_text("Expected")
    above = "([hint, pad]) => hint.getBoundingClientRect().bottom <= pad.getBoundingClientRect().top"
    page.wait_for_function(above, arg=[hint.element_handle(), pad.element_handle()])
    pad.get_by_role("button", name="Close the number pad").click()
    expect(pad).to_be_hidden()
    expect(value).to_be_focused()
    value.click()
    expect(pad).to_be_visible()
    page.keyboard.press("Escape")
    expect(pad).to_be_hidden()


SHORTER = "const long = AbortSignal.timeout; AbortSignal.timeout = (ms) => long.call(AbortSignal, Math.min(ms, 2000));"


@pytest.mark.requirement("DI-12")
def test_an_entry_that_is_never_answered_stands_aside_and_is_recorded_once(person: Person, batch: Batch) -> None:
    page = person("operator")
    page.add_init_script(SHORTER)
    opened(page, batch.number)
    tries: list[str] = []

    def silent(route: Route) -> None:
        if "kit_lot" in (route.request.post_data or ""):
            tries.append(route.request.headers["idempotency-key"])  # and no answer, ever
        else:
            route.continue_()

    page.route(ENTRIES, silent)
    put(page, "product.kit_lot", "KIT-1")
    put(page, "product.volume", "3.0")
    queued = page.locator('[data-slot="product.kit_lot"] .queued')
    expect(queued).to_contain_text("Not saved", timeout=2 * TRIES)
    expect(queued).to_contain_text("The server does not answer this entry")
    expect(line(page)).to_contain_text("1 entry not saved: see below.")
    assert typed(batch) == ["3.0"]
    assert (len(tries), len(set(tries))) == (5, 1)
    page.unroute(ENTRIES)
    with page.expect_response(ENTRIES) as answer:
        queued.get_by_role("button", name="Try again").click()
    assert answer.value.request.headers["idempotency-key"] == tries[0]
    expect(line(page)).to_have_text("✓Everything is saved.")
    assert Entry.objects.filter(batch=batch, field="kit_lot").count() == 1
