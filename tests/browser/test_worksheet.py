"""The worksheet under a hand: what works says so and moves nothing, what the server cannot take holds up nobody."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from labeling.models import Batch, Entry, Scan, TimerEvent, Verification
from tests import factories
from tests.browser import small_batch
from tests.browser.test_journeys import sign
from tests.browser.test_nothing_is_lost import line, opened, put, typed, unfold
from tests.browser.test_scanning import wedge
from tests.factories import People

Person = Callable[..., Page]
expect.set_options(timeout=15_000)
pytestmark = pytest.mark.django_db(transaction=True)
ENTRIES = "**/api/v1/batches/*/entries/"
TRIES = 30_000  # an entry is tried five times, three seconds apart


@pytest.fixture
def faults() -> list[str]:
    """A browser notes each request that failed in its console; here they are meant to fail."""
    return []


@pytest.fixture
def team(transactional_db: None) -> People:
    return small_batch.laboratory()


@pytest.fixture
def batch(team: People) -> Batch:
    return small_batch.in_progress(team)


@pytest.mark.requirement("SIG-6")
@pytest.mark.requirement("P11-200a1")
def test_two_steps_are_verified_with_one_signing_at_the_workstation_of_the_first_person(
    person: Person, team: People
) -> None:
    batch = small_batch.recorded(team, volume="12")
    page = opened(person("operator"), batch.number)
    page.get_by_text("Verify 2 steps").click()
    series = page.locator("#verify-series")
    expect(series.locator("details[open] > summary", has_text="Assay the product")).to_contain_text("Look closer")
    expect(series).to_contain_text("Out of range")
    sign(page, "operator", button="Sign: steps verified")
    expect(series).to_contain_text("may not verify entries and steps as the second person")
    assert not Verification.objects.exists()
    sign(page, "verifier", button="Sign: steps verified")
    expect(page.get_by_text("2 steps verified by verifier.")).to_be_visible()
    expect(series).to_have_count(0)
    expect(page.locator("#clearance")).to_contain_text("Done")
    assert [v.signature.username for v in Verification.objects.all()] == ["verifier", "verifier"]


def test_a_step_that_is_not_ticked_is_not_signed_and_stays_unticked(person: Person, team: People) -> None:
    batch = small_batch.recorded(team)
    page = opened(person("verifier"), batch.number)
    tick = page.locator("#series-product")
    tick.uncheck()
    sign(page, "verifier", button="Sign: steps verified")
    expect(page.locator("#clearance")).to_contain_text("Done")
    assert [v.step for v in Verification.objects.all()] == ["clearance"]


def hold(page: Page, path: str) -> list[Route]:
    """What is sent there waits for its answer until the test gives it."""
    held: list[Route] = []

    def keep(route: Route) -> None:
        held.append(route)

    page.route(path, keep)
    return held


def test_a_button_works_until_the_answer_is_there_and_records_once(person: Person, batch: Batch) -> None:
    page = opened(person("operator"), batch.number)
    unfold(page)
    held = hold(page, ENTRIES)
    form = page.locator('form[data-entry="product.volume"].first')
    button, below = form.get_by_role("button", name="Save"), page.locator("#complete")
    form.locator("[name=value]").fill("3.0")
    before = (top(button), top(below))
    button.click()
    expect(button).to_have_attribute("aria-busy", "true")
    button.click()
    assert (top(button), top(below)) == before
    expect(page.locator(".queued")).to_have_count(0)
    held[0].continue_()
    expect(page.locator('[data-slot="product.volume"] .slot-line')).to_contain_text("3.0")
    expect(page.locator("[aria-busy]")).to_have_count(0)
    assert typed(batch) == ["3.0"]


def test_an_answer_that_takes_long_is_said_in_words(person: Person, batch: Batch) -> None:
    page = opened(person("operator"), batch.number)
    held = hold(page, ENTRIES)
    put(page, "product.kit_lot", "KIT-1")
    expect(page.locator('[data-slot="product.kit_lot"] .queued')).to_contain_text("KIT-1")
    expect(page.locator('form[data-entry="product.kit_lot"].first')).to_be_hidden()
    held[0].continue_()
    expect(line(page)).to_contain_text("Everything is saved.")
    assert typed(batch) == ["KIT-1"]


@pytest.mark.parametrize("width", [390, 861, 1024, 1440])
def test_the_line_above_the_steps_keeps_its_height(person: Person, batch: Batch, width: int) -> None:
    page = opened(person("operator", viewport={"width": width, "height": 768}), batch.number)
    expect(line(page)).to_contain_text("Everything is saved.")
    steps = page.locator("ol.steps")
    heights, tops = [height(page.locator(".line"))], [top(steps)]

    def look() -> None:
        heights.append(height(page.locator(".line")))
        tops.append(top(steps))

    page.context.set_offline(True)
    expect(line(page)).to_contain_text("No connection.")
    look()
    put(page, "product.kit_lot", "KIT-1")
    expect(line(page)).to_contain_text("1 entry kept here")
    look()
    wedge(page, "A-CODE-THAT-NOBODY-KNOWS-AND-THAT-IS-LONG")
    expect(page.locator("#scan-says")).to_contain_text("was scanned; expected is an instrument")
    look()
    page.context.clear_cookies(name="oxinate_session")
    page.context.set_offline(False)
    expect(page.get_by_role("link", name="Sign in again")).to_be_visible()
    look()
    assert len(set(heights)) == 1
    assert len(set(tops)) == 1
    assert page.evaluate("document.getElementById('line-says').scrollHeight") <= heights[0]


def height(place: Locator) -> float:
    box = place.bounding_box()
    assert box is not None
    return box["height"]


def top(place: Locator) -> float:
    return float(place.evaluate("element => element.getBoundingClientRect().top + scrollY"))


def test_the_line_of_scans_is_cleared_by_an_entry_that_was_taken(
    person: Person, monkeypatch: pytest.MonkeyPatch, transactional_db: None
) -> None:
    named = small_batch.PROTOCOL.replace("label: Kit lot", 'label: "Lot of the [89Zr] kit"')
    monkeypatch.setattr(small_batch, "PROTOCOL", named)
    batch = small_batch.in_progress(small_batch.laboratory())
    page = opened(person("operator"), batch.number)
    unfold(page)
    said = page.locator("#scan-says")
    page.locator('[data-entry="product.kit_lot"] [name=value]').focus()
    page.context.set_offline(True)
    wedge(page, "89Zr-77")
    expect(said).to_contain_text("“89Zr-77” was scanned; expected is a lot for Lot of the [⁸⁹Zr] kit.")
    page.context.set_offline(False)
    expect(said).to_contain_text("There is no lot 89Zr-77.")
    expect(said).to_have_attribute("data-scan", "bad")
    put(page, "product.kit_lot", "KIT-1")
    expect(said).to_have_text("Scan a lot, an instrument or the identity at any time.")
    expect(said).not_to_have_attribute("data-scan", "bad")
    assert Scan.objects.get(batch=batch).scanned == "89Zr-77"


# ----------------------------------------------------------------- an entry that the server cannot take


def failing(page: Page, path: str, *, about: str) -> list[str]:
    """The server fails over what holds `about`, each time, and answers everything else. Gives the tries."""
    tries: list[str] = []

    def answer(route: Route) -> None:
        if about not in (route.request.post_data or ""):
            return route.continue_()
        tries.append(route.request.headers["idempotency-key"])
        return route.fulfill(status=500, body="")

    page.route(path, answer)
    return tries


@pytest.mark.requirement("DI-12")
def test_an_entry_that_the_server_cannot_take_holds_up_no_other(person: Person, batch: Batch) -> None:
    page = opened(person("operator"), batch.number)
    tries = failing(page, ENTRIES, about="kit_lot")
    put(page, "product.kit_lot", "KIT-1")
    put(page, "product.activity", "42.0")
    put(page, "product.volume", "3.0")
    slot = page.locator('[data-slot="product.kit_lot"]')
    expect(slot.locator(".queued")).to_contain_text("Not saved", timeout=TRIES)
    expect(slot.locator(".queued")).to_contain_text("The server could not take this entry")
    expect(line(page)).to_contain_text("1 entry not saved: see below.")
    assert typed(batch) == ["42.0", "3.0"]
    assert len(tries) == 5
    assert len(set(tries)) == 1
    expect(slot.locator("form.entry")).to_be_hidden()  # its place is taken until it is decided what becomes of it
    page.reload()
    page.get_by_role("link", name="see below").click()
    expect(slot.locator(".queued")).to_contain_text("KIT-1")
    with page.expect_response(ENTRIES):  # until then what it says is of the try before
        slot.get_by_role("button", name="Try again").click()
    expect(slot.locator(".queued")).to_contain_text("Not saved")
    page.unroute(ENTRIES)
    slot.get_by_role("button", name="Try again").click()
    expect(line(page)).to_have_text("✓Everything is saved.")
    assert typed(batch) == ["42.0", "3.0", "KIT-1"]
    made = Entry.objects.get(batch=batch, field="kit_lot")
    assert made.measured_at < Entry.objects.get(batch=batch, field="activity").measured_at


@pytest.mark.requirement("DI-12")
def test_it_is_given_up_with_a_reason_and_its_place_is_free_again(person: Person, batch: Batch) -> None:
    page = opened(person("operator"), batch.number)
    failing(page, ENTRIES, about="kit_lot")
    put(page, "product.kit_lot", "KIT-1")
    slot = page.locator('[data-slot="product.kit_lot"]')
    expect(slot.locator(".queued")).to_contain_text("Not saved", timeout=TRIES)
    slot.get_by_text("Give it up, and say why").click()
    slot.locator("[name=why]").fill("Written on paper instead.")
    slot.get_by_role("button", name="Give it up").click()
    expect(line(page)).to_have_text("✓Everything is saved.")
    page.unroute(ENTRIES)
    put(page, "product.kit_lot", "KIT-1")
    expect(slot.locator(".slot-line")).to_contain_text("KIT-1")
    assert typed(batch) == ["KIT-1"]


@pytest.mark.requirement("DI-12")
def test_a_stop_waits_for_the_start_that_the_server_could_not_take(person: Person) -> None:
    batch = small_batch.in_progress(small_batch.laboratory(timer="0.01"))
    page = opened(person("operator"), batch.number)
    unfold(page)
    failing(page, "**/api/v1/batches/*/timers/", about='"start"')
    button = page.locator("#product form[data-timer] button[type=submit]")
    button.click()
    queued = page.locator("#product .timer .queued")
    expect(queued).to_contain_text("Not saved", timeout=TRIES)
    button.click()
    expect(queued.nth(1)).to_contain_text("Waits for the entry before it")
    put(page, "product.kit_lot", "KIT-1")
    expect(page.locator('[data-slot="product.kit_lot"] .slot-line')).to_contain_text("KIT-1")
    expect(line(page)).to_contain_text("2 entries not saved: see below.")
    assert not TimerEvent.objects.exists()
    page.unroute("**/api/v1/batches/*/timers/")
    queued.first.get_by_role("button", name="Try again").click()
    expect(line(page)).to_have_text("✓Everything is saved.")
    assert [event.event for event in TimerEvent.objects.order_by("id")] == ["start", "stop"]


@pytest.mark.requirement("DI-12")
def test_what_a_server_that_is_down_does_not_take_is_never_put_aside(person: Person, batch: Batch) -> None:
    page = opened(person("operator"), batch.number)
    tries: list[str] = []

    def down(route: Route) -> None:
        if route.request.method == "POST":
            tries.append(route.request.url)
        route.fulfill(status=500, body="")

    page.route("**/api/**", down)
    put(page, "product.kit_lot", "KIT-1")
    while len(tries) < 7:
        page.wait_for_event("request", lambda request: request.method == "POST", timeout=TRIES)
    expect(page.locator('[data-slot="product.kit_lot"] .queued')).to_contain_text("Waiting for the network")
    expect(line(page)).to_contain_text("No connection. 1 entry kept here")
    page.unroute("**/api/**")
    expect(line(page)).to_contain_text("Everything is saved.")
    assert typed(batch) == ["KIT-1"]


@pytest.mark.requirement("A11-6")
def test_enter_confirms_nothing_that_nobody_chose(person: Person, batch: Batch) -> None:
    page = opened(person("operator"), batch.number)
    form = page.locator('[data-entry="clearance.clear"]')
    expect(form.locator("fieldset")).to_be_focused()
    page.keyboard.press("Enter")
    form.get_by_role("button", name="Yes, confirmed").click()  # it still stands there
    expect(page.locator("#clearance .slot-line")).to_contain_text("Yes")
    assert Entry.objects.filter(batch=batch).count() == 1


@pytest.mark.requirement("SIG-6")
def test_how_a_value_was_read_and_what_is_unusual_of_it_stays_in_sight(person: Person, team: People) -> None:
    batch = small_batch.recorded(team, volume="12")
    page = opened(person("operator"), batch.number)
    fold = page.locator("#product > details > summary")
    expect(fold).to_contain_text("✕ out of range")
    unfold(page)
    slot = page.locator('[data-slot="product.activity"]')
    slot.get_by_text("Correct", exact=True).click()
    fields = [slot.locator(f"[name={name}]") for name in ("setting", "geometry", "reason_code", "reason")]
    places = [box for field in fields if (box := field.bounding_box())]
    assert len(places) == len(fields)
    assert all(one["y"] + one["height"] <= other["y"] for one in places[:2] for other in places[2:])
    fields[0].fill("465")
    fields[1].fill("vial 10R")
    slot.locator("[name=value]").fill("42.1")
    fields[2].select_option(index=1)
    fields[3].fill("Misread.")
    slot.get_by_role("button", name="Save the correction").click()
    expect(slot).to_contain_text("on DC-1, setting 465, vial 10R")
    expect(fold).to_contain_text("! corrected")


def test_a_value_that_was_mended_stands_saved_with_nothing_of_its_refusal(person: Person, batch: Batch) -> None:
    page = opened(person("operator"), batch.number)
    put(page, "product.kit_lot", "KIT-7")
    slot = page.locator('[data-slot="product.kit_lot"]')
    expect(slot.get_by_role("alert")).to_contain_text("There is no lot KIT-7.")
    put(page, "product.kit_lot", "KIT-1")
    expect(slot.locator(".slot-line")).to_contain_text("KIT-1")
    expect(slot.locator("form.correcting")).to_be_hidden()
    expect(slot.locator(".error")).to_have_count(0)


def test_a_saved_correction_folds_its_form(person: Person, batch: Batch) -> None:
    page = opened(person("operator"), batch.number)
    put(page, "product.volume", "3.0")
    slot = page.locator('[data-slot="product.volume"]')
    slot.get_by_text("Correct", exact=True).click()
    slot.locator("form.correcting [name=value]").fill("3.1")
    slot.locator("form.correcting [name=reason_code]").select_option("misread")
    slot.locator("form.correcting [name=reason]").fill("Read against the light.")
    slot.get_by_role("button", name="Save the correction").click()
    expect(slot.locator(".slot-line > .slot-meta s")).to_contain_text("3.0")
    expect(slot.locator("form.correcting")).to_be_hidden()


def test_an_instrument_of_another_batch_does_not_slip_into_this_one(person: Person, team: People) -> None:
    factories.instrument(team, "DC-2", "dose_calibrator")
    first, second = small_batch.in_progress(team), small_batch.in_progress(team)
    page = opened(person("operator"), first.number)
    chosen = page.locator('[data-entry="product.activity"].first [name=equipment]')
    unfold(page)
    chosen.select_option("DC-1")
    opened(page, second.number)
    unfold(page)
    expect(chosen).to_have_value("DC-1")  # what was chosen last at this workstation
    chosen.select_option("DC-2")
    opened(page, first.number)
    expect(chosen).to_have_value("DC-1")
