"""Scans by a wedge, the stop at another identity, timers, the pad, and the second person at the same workstation."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from labeling.models import Batch, Deviation, Dispatch, Entry, Scan
from labeling.services.planning import plan_batch, start_batch
from labeling.services.recording import Reading, record_entry
from qc.services.disposition import release_batch
from tests import factories
from tests.browser import small_batch
from tests.browser.test_journeys import sign
from tests.browser.test_nothing_is_lost import line, opened, put, typed, unfold
from tests.factories import People, credential

Person = Callable[..., Page]
pytestmark = pytest.mark.django_db(transaction=True)
OURS = "COI-302-1"


@pytest.fixture
def faults() -> list[str]:
    """A browser notes each request that was made without a network; here they are meant to fail."""
    return []


def wedge(page: Page, code: str) -> None:
    """A scanner that types: faster than any person and than this machine's browser driver, and Enter at its end."""
    page.evaluate(
        """code => {
          for (const key of [...code, "Enter"]) {
            const target = document.activeElement;
            const free = target.dispatchEvent(new KeyboardEvent("keydown", {key, bubbles: true, cancelable: true}));
            if (free && key.length === 1 && target.matches("input")) document.execCommand("insertText", false, key);
          }
        }""",
        code,
    )


@pytest.fixture
def team(transactional_db: None) -> People:
    return small_batch.laboratory()


@pytest.fixture
def cells(team: People) -> str:
    """A labeling of the cells COI-302-1 whose cells are received next."""
    factories.adopt_library(team)
    for code, kind in (("CC-1", "cell_counter"), ("CF-1", "centrifuge")):
        factories.instrument(team, code, kind)
    factories.lot(team, "CELLS-1", "cells", identity=OURS)
    number = plan_batch(actor=team.operator, protocol="t-cell-labeling", identity=OURS).number
    start_batch(actor=team.operator, number=number)
    clear = Reading(value="true")
    record_entry(actor=team.operator, number=number, step="line_clearance", field="clear", reading=clear)
    return number


@pytest.mark.requirement("CELL-4")
def test_scans_find_their_fields_whatever_has_the_focus(person: Person, cells: str) -> None:
    page = opened(person("operator"), cells)
    page.locator("body").click(position={"x": 5, "y": 5})
    wedge(page, OURS)
    expect(page.locator("#scan-says")).to_contain_text("COI-302-1: Chain-of-identity number")
    wedge(page, "CELLS-1")
    expect(page.locator("#scan-says")).to_contain_text("CELLS-1: Cell product")
    expect(page.locator('[data-slot="receive_cells.cell_lot"] .slot-line')).to_contain_text("CELLS-1")
    expect(line(page)).to_contain_text("Everything is saved.")
    batch = Batch.objects.get(number=cells)
    assert typed(batch) == ["true", OURS, "CELLS-1"]
    value = page.locator('[data-entry="receive_cells.viable_before"] [name=value]')
    value.focus()
    wedge(page, "CC-1")  # into a number: it goes to the instrument, and the number stays as it was
    expect(value).to_have_value("")
    expect(page.locator('[data-entry="receive_cells.viable_before"] [name=equipment]')).to_have_value("CC-1")
    assert page.evaluate("document.documentElement.dataset.sounded") == "good"


def test_a_site_with_a_prefix_asks_for_no_speed(person: Person, team: People, settings: Any) -> None:
    settings.SCAN_PREFIX = "~"
    batch = small_batch.in_progress(team)
    page = opened(person("operator"), batch.number)
    unfold(page)
    volume = page.locator('[data-entry="product.volume"] [name=value]')
    volume.fill("3.")
    volume.focus()
    page.keyboard.type("~KIT-1", delay=60)
    page.keyboard.press("Enter")
    expect(page.locator('[data-slot="product.kit_lot"] .slot-line')).to_contain_text("KIT-1")
    expect(volume).to_have_value("3.")


def test_a_wrong_scan_is_said_refused_and_recorded(person: Person, team: People) -> None:
    batch = small_batch.in_progress(team)
    page = opened(person("operator"), batch.number)
    unfold(page)
    page.locator('[data-entry="product.kit_lot"] [name=value]').focus()
    wedge(page, "KIT-77")
    expect(page.locator("#scan-says")).to_contain_text("“KIT-77” was scanned; expected is a lot")
    assert page.evaluate("document.documentElement.dataset.sounded") == "bad"
    expect(page.locator("#scan-says")).to_contain_text("There is no lot KIT-77.")
    kept = Scan.objects.get(batch=batch)
    assert (kept.scanned, kept.outcome, kept.field) == ("KIT-77", "wrong", "kit_lot")
    assert not Entry.objects.filter(batch=batch).exists()


@pytest.mark.requirement("CELL-4")
def test_another_identity_stops_the_step_with_and_without_a_network(person: Person, team: People, cells: str) -> None:
    page = opened(person("operator"), cells)
    page.context.set_offline(True)
    page.locator('[data-entry="receive_cells.identity"] [name=value]').focus()
    wedge(page, "COI-999-9")
    step = page.locator("#receive_cells")
    expect(step.get_by_role("alert").first).to_contain_text("This step is stopped.")
    put(page, "receive_cells.identity", OURS)  # the browser refuses it by itself
    page.context.set_offline(False)
    expect(step).to_contain_text("Nothing is recorded here until quality has assessed the critical deviation.")
    expect(step.locator("form.entry")).to_have_count(0)
    expect(page.locator("#chain")).to_contain_text("Another identity")
    deviation = Deviation.objects.get(batch__number=cells)
    assert (deviation.severity, deviation.kind) == ("critical", "identity")
    small_batch.settle(team, cells)
    expect(step.locator('[data-entry="receive_cells.identity"]')).to_be_visible()  # nobody reloaded the page
    put(page, "receive_cells.identity", OURS)
    expect(line(page)).to_contain_text("Everything is saved.")
    assert Entry.objects.filter(batch__number=cells, field="identity").get().value == OURS


def test_timers_warn_alarm_and_survive_a_reload(person: Person) -> None:
    team = small_batch.laboratory(timer="1", longest="2")
    batch = small_batch.in_progress(team, minutes_ago=30)
    started = small_batch.timer_started(team, batch.number, seconds_ago=75)
    page = opened(person("operator"), batch.number)
    unfold(page)
    timer = page.locator("#product .timer")
    expect(timer).to_have_attribute("data-state", "soon")
    expect(timer.locator("[data-timer-says]")).to_contain_text("Stop within")
    page.clock.install()
    page.reload()
    unfold(page)
    expect(timer).to_have_attribute("data-state", "soon")
    page.clock.run_for(60_000)
    expect(timer).to_have_attribute("data-state", "alarm")
    expect(timer.locator("[data-timer-says]")).to_contain_text("past its maximum. Stop it now.")
    assert page.evaluate("document.documentElement.dataset.sounded") == "alarm"
    assert started


def test_the_pad_types_numbers_and_units_and_goes_on(person: Person, team: People) -> None:
    batch = small_batch.in_progress(team)
    page = opened(person("operator"), batch.number)
    unfold(page)
    page.locator("#pad-toggle").click()
    page.locator('[data-entry="product.activity"] [name=value]').focus()
    for key in ("4", "2", ".", "5", "⌫", "0"):
        page.locator(f'#pad [data-key="{key}"]').click()
    expect(page.locator("#pad output")).to_have_text("= 42.0 MBq")
    page.locator("#pad").get_by_role("button", name="kBq").click()
    expect(page.locator("#pad output")).to_have_text("= 42.0 kBq")
    page.locator("#pad").get_by_role("button", name="MBq", exact=True).click()
    page.get_by_role("button", name="Save and go on").click()
    expect(page.locator('[data-entry="product.volume"] [name=value]')).to_be_focused()
    expect(line(page)).to_contain_text("Everything is saved.")
    entry = Entry.objects.get(batch=batch)
    assert (entry.typed, entry.unit, entry.equipment and entry.equipment.code) == ("42.0", "MBq", "DC-1")


def test_a_comma_is_refused_before_it_waits(person: Person, team: People) -> None:
    batch = small_batch.in_progress(team)
    page = opened(person("operator"), batch.number)
    page.context.set_offline(True)
    put(page, "product.volume", "3,2")
    expect(page.locator('[data-slot="product.volume"]')).to_contain_text("Write a decimal point")
    expect(page.locator(".queued")).to_have_count(0)


@pytest.mark.requirement("SIG-6")
def test_the_second_person_verifies_one_value_at_this_workstation(person: Person, team: People) -> None:
    batch = small_batch.in_progress(team)
    page = opened(person("operator"), batch.number)
    put(page, "product.activity", "42.0")
    slot = page.locator('[data-slot="product.activity"]')
    slot.get_by_text("Verify this value as the second person").click()
    sign(page, "verifier", button="Sign: value verified")
    unfold(page)
    expect(slot).to_contain_text("Verified")
    assert Entry.objects.get(batch=batch).verification.signature.username == "verifier"


@pytest.mark.requirement("SIG-6")
def test_the_line_is_cleared_by_two_people_before_the_first_entry(person: Person) -> None:
    team = small_batch.laboratory(more="line_clearance: {verified_by_second_person: true, text: The cell is empty.}\n")
    batch = small_batch.in_progress(team)
    page = opened(person("operator"), batch.number)
    expect(page.locator("form.entry")).to_have_count(0)
    sign(page, "operator", button="Sign: line cleared")
    sign(page, "verifier", button="Sign: verified")
    expect(page.locator("#line-clearance")).to_contain_text("Verified by Verifier Test")
    put(page, "product.kit_lot", "KIT-1")
    expect(line(page)).to_contain_text("Everything is saved.")
    assert typed(batch) == ["KIT-1"]


@pytest.mark.requirement("PET-90")
def test_a_released_batch_is_handed_over_with_its_container_scanned(person: Person, team: People) -> None:
    batch = small_batch.in_quarantine(team)
    release_batch(actor=team.releaser, number=batch.number, credential=credential("releaser"))
    page = opened(person("operator"), batch.number)
    page.get_by_text("Hand over the product").click()
    for label, text in (
        ("Batch number on the container", batch.number),
        ("What is handed over", "1 vial, 40 MBq in 3 mL"),
        ("Receiver", "Ward 4"),
        ("Phone", "+31 20 555 0101"),
        ("Address", "1 Hospital Road"),
        ("Carried by", "Courier of the pharmacy"),
    ):
        page.locator("#dispatch").get_by_label(label).fill(text)
    sign(page, "operator", button="Sign: handed over")
    expect(page.locator("#dispatch")).to_contain_text("Ward 4")
    assert Dispatch.objects.get(batch=batch).phone == "+31 20 555 0101"
