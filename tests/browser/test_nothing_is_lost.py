"""Entries survive a dead network, an ended session, a killed server and a restarted browser: each is recorded once."""

from __future__ import annotations

import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, Page, Route, expect

from labeling.models import Batch, Entry, TimerEvent
from labeling.services.recording import Reading, record_entry
from lims.audit.models import Operation
from lims.development import processes
from tests.browser import small_batch
from tests.factories import PASSWORD, fresh_code

Person = Callable[..., Page]
expect.set_options(timeout=15_000)
pytestmark = pytest.mark.django_db(transaction=True)


def put(page: Page, field: str, value: str) -> None:
    unfold(page)
    form = page.locator(f'form[data-entry="{field}"].first')
    form.locator("[name=value]").fill(value)
    form.locator("[name=value]").press("Enter")


def line(page: Page) -> Locator:
    return page.locator("#line-says")


def opened(page: Page, number: str) -> Page:
    page.set_default_timeout(20_000)
    page.goto(f"/batches/{number}/")
    page.wait_for_selector("html[data-worksheet=ready]")
    return page


def unfold(page: Page) -> None:
    folded = page.locator("#product > details:not([open]) > summary")
    if folded.count():
        folded.click()


def sign_in(page: Page, username: str) -> None:
    page.get_by_label("Username").fill(username)
    page.get_by_label("Password").fill(PASSWORD.format(username))
    page.get_by_label("One-time code").fill(fresh_code(username))
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(lambda url: "sign-in" not in url)


def typed(batch: Batch) -> list[str]:
    return list(Entry.objects.filter(batch=batch).order_by("id").values_list("typed", flat=True))


@pytest.fixture
def batch() -> Batch:
    return small_batch.in_progress(small_batch.laboratory())


@pytest.fixture
def faults() -> list[str]:
    """A browser notes each request that failed in its console; here they are meant to fail."""
    return []


@pytest.mark.requirement("DI-12")
def test_entries_made_without_a_network_wait_in_sight_and_go_up_in_order(person: Person, batch: Batch) -> None:
    page = opened(person("operator"), batch.number)
    page.context.set_offline(True)
    page.get_by_role("button", name="Yes, confirmed").click()
    put(page, "product.kit_lot", "KIT-1")
    put(page, "product.activity", "42.0")
    put(page, "product.volume", "3.0")
    expect(line(page)).to_contain_text("No connection. 4 entries kept here")
    expect(page.locator('[data-slot="product.activity"] .queued')).to_contain_text("42.0 MBq")
    expect(page.locator('[data-slot="product.activity"] .queued')).to_contain_text("Waiting for the network")
    assert typed(batch) == []
    page.context.set_offline(False)
    expect(line(page)).to_contain_text("Everything is saved.")
    assert typed(batch) == ["true", "KIT-1", "42.0", "3.0"]
    expect(page.locator("#result-concentration")).to_contain_text("14.00 MBq/mL")
    expect(page.locator(".queued")).to_have_count(0)
    made = list(Entry.objects.filter(batch=batch).order_by("id").values_list("measured_at", flat=True))
    assert made == sorted(made)


@pytest.mark.requirement("DI-12")
def test_what_waits_survives_a_reload_and_a_closed_page(person: Person, batch: Batch) -> None:
    page = opened(person("operator"), batch.number)
    page.route("**/api/**", lambda route: route.abort())
    put(page, "product.kit_lot", "KIT-1")
    expect(line(page)).to_contain_text("1 entry kept here")
    page.reload()
    expect(page.locator('[data-slot="product.kit_lot"] .queued')).to_contain_text("KIT-1")
    context = page.context
    page.close()
    again = opened(context.new_page(), batch.number)
    expect(line(again)).to_contain_text("Everything is saved.")
    assert typed(batch) == ["KIT-1"]


@pytest.mark.requirement("DI-12")
def test_an_entry_whose_answer_was_lost_is_recorded_once(person: Person, batch: Batch) -> None:
    page = opened(person("operator"), batch.number)
    tries: list[str] = []

    def swallow(route: Route) -> None:
        tries.append(route.request.headers["idempotency-key"])
        if len(tries) > 2:
            return route.continue_()
        route.fetch()  # the server records it, and nobody hears of it
        return route.abort()

    page.route("**/api/v1/batches/*/entries/", swallow)
    put(page, "product.kit_lot", "KIT-1")
    expect(line(page)).to_contain_text("1 entry kept here")
    expect(line(page)).to_contain_text("Everything is saved.", timeout=20000)
    assert len(tries) == 3
    assert len(set(tries)) == 1
    assert typed(batch) == ["KIT-1"]


@pytest.mark.requirement("A11D-11.8")
def test_a_session_that_ended_keeps_the_entries_until_the_person_is_back(person: Person, batch: Batch) -> None:
    page = opened(person("operator"), batch.number)
    page.context.clear_cookies(name="oxinate_session")
    put(page, "product.kit_lot", "KIT-1")
    expect(line(page)).to_contain_text("Your session has ended. 1 entry kept here, not yet saved.")
    page.get_by_role("link", name="Sign in again").click()
    sign_in(page, "operator")
    page.wait_for_url(f"**/batches/{batch.number}/")
    expect(line(page)).to_contain_text("Everything is saved.")
    assert typed(batch) == ["KIT-1"]


@pytest.mark.requirement("DI-5")
def test_nobody_sends_the_entries_of_another_person(person: Person, batch: Batch) -> None:
    page = opened(person("operator"), batch.number)
    page.context.clear_cookies(name="oxinate_session")
    put(page, "product.kit_lot", "KIT-1")
    page.get_by_role("link", name="Sign in again").click()
    sign_in(page, "verifier")
    page.wait_for_url(f"**/batches/{batch.number}/")
    expect(page.locator("#line-more")).to_contain_text("it goes up when operator signs in on this computer again")
    assert typed(batch) == []
    page.get_by_role("button", name="Sign out").click()
    sign_in(page, "operator")
    opened(page, batch.number)
    expect(line(page)).to_contain_text("Everything is saved.")
    assert Entry.objects.get(batch=batch).recorded_by.username == "operator"


@pytest.mark.requirement("DI-12")
def test_an_entry_that_waited_long_is_late_and_says_so(person: Person) -> None:
    who = small_batch.laboratory()
    batch = small_batch.in_progress(who, minutes_ago=60)
    page = opened(person("operator"), batch.number)
    page.context.set_offline(True)
    put(page, "product.kit_lot", "KIT-1")
    expect(line(page)).to_contain_text("1 entry kept here")
    made_earlier(page, minutes=20)
    page.context.set_offline(False)
    expect(line(page)).to_contain_text("Everything is saved.")
    entry = Entry.objects.get(batch=batch)
    assert entry.late
    assert entry.reason == "Waited 20 min in the browser for the network."
    assert timedelta(minutes=19) < entry.recorded_at - entry.measured_at < timedelta(minutes=22)


def made_earlier(page: Page, *, minutes: int) -> None:
    """As if the lid had been closed: what waits in the browser was made that much earlier."""
    page.evaluate(
        """minutes => new Promise((resolve, reject) => {
          const open = indexedDB.open("oxinate");
          open.onsuccess = () => {
            const transaction = open.result.transaction("entries", "readwrite");
            const table = transaction.objectStore("entries");
            table.getAll().onsuccess = ({target}) => {
              for (const item of target.result) {
                const body = JSON.parse(item.body);
                item.made -= minutes * 60000;
                body.at = new Date(item.made).toISOString();
                table.put({...item, body: JSON.stringify(body)});
              }
            };
            transaction.oncomplete = () => { open.result.close(); resolve(); };
            transaction.onabort = reject;
          };
        })""",
        minutes,
    )


def test_two_people_see_each_others_entries_without_reloading(person: Person, batch: Batch) -> None:
    first, second = opened(person("operator"), batch.number), opened(person("verifier"), batch.number)
    half = first.locator('[data-entry="product.volume"] [name=value]')
    unfold(first)
    half.press_sequentially("3.")
    put(first, "product.kit_lot", "KIT-1")
    half.focus()
    expect(second.locator('[data-slot="product.kit_lot"]')).to_contain_text("KIT-1")
    colleague = Reading(value="41.5", unit="MBq", equipment="DC-1")
    record_entry(
        actor=small_batch.operator_too(), number=batch.number, step="product", field="activity", reading=colleague
    )
    expect(first.locator('[data-slot="product.activity"]')).to_contain_text("41.5")
    expect(half).to_have_value("3.")
    expect(half).to_be_focused()


@pytest.mark.requirement("DI-12")
def test_two_values_for_one_field_are_both_shown_and_neither_overwrites(person: Person, batch: Batch) -> None:
    page = opened(person("operator"), batch.number)
    unfold(page)
    page.context.set_offline(True)
    put(page, "product.activity", "42.0")
    expect(line(page)).to_contain_text("1 entry kept here")
    other = Reading(value="41.5", unit="MBq", equipment="DC-1")
    record_entry(actor=small_batch.operator_too(), number=batch.number, step="product", field="activity", reading=other)
    page.context.set_offline(False)
    slot = page.locator('[data-slot="product.activity"]')
    expect(slot.locator(".slot-line")).to_contain_text("41.5")
    expect(slot.locator(".queued")).to_contain_text("42.0 MBq")
    expect(slot.locator(".queued")).to_contain_text("Conflict")
    assert typed(batch) == ["41.5"]
    slot.get_by_text("Give it up, and say why").click()
    slot.locator(".giving-up input").fill("The colleague's reading is the right one.")
    slot.get_by_role("button", name="Give it up").click()
    expect(line(page)).to_contain_text("Everything is saved.")
    expect(slot.locator(".queued")).to_have_count(0)
    expect(slot.get_by_role("button", name="Correct it to 42.0 MBq")).to_have_count(0)
    kept = Operation.objects.get(subject=batch.number, action="entry.discard")
    assert re.match(r"Product activity: 42.0 MBq, made at .+\. The colleague's reading is the right one\.", kept.reason)


def test_of_two_values_the_right_one_becomes_a_correction(person: Person, batch: Batch) -> None:
    page = opened(person("operator"), batch.number)
    unfold(page)
    page.context.set_offline(True)
    put(page, "product.activity", "42.0")
    expect(line(page)).to_contain_text("1 entry kept here")
    other = Reading(value="41.5", unit="MBq", equipment="DC-1")
    record_entry(actor=small_batch.operator_too(), number=batch.number, step="product", field="activity", reading=other)
    page.context.set_offline(False)
    slot = page.locator('[data-slot="product.activity"]')
    slot.get_by_role("button", name="Correct it to 42.0 MBq").click()
    expect(slot.locator("form.correcting [name=reason_code]")).to_be_focused()
    slot.locator("form.correcting [name=reason_code]").select_option("misread")
    slot.locator("form.correcting [name=reason]").fill("Read before the vial stood in its holder.")
    slot.get_by_role("button", name="Save the correction").click()
    expect(slot.locator(".slot-line > .slot-meta s")).to_contain_text("41.5")
    expect(slot.locator(".queued")).to_have_count(0)
    assert typed(batch) == ["41.5", "42.0"]


def test_a_refused_entry_stays_with_the_sentence_and_is_mended(person: Person, batch: Batch) -> None:
    page = opened(person("operator"), batch.number)
    unfold(page)
    put(page, "product.kit_lot", "KIT-7")
    slot = page.locator('[data-slot="product.kit_lot"]')
    expect(slot).to_contain_text("There is no lot KIT-7.")
    expect(line(page)).to_contain_text("1 entry not saved")
    page.reload()
    expect(slot.locator("[name=value]")).to_have_value("KIT-7")
    put(page, "product.kit_lot", "KIT-1")
    expect(line(page)).to_contain_text("Everything is saved.")
    assert typed(batch) == ["KIT-1"]


KEPT_PAGES = "async () => (await (await caches.open('oxinate-worksheet')).keys()).length"


def test_signing_out_clears_the_pages_that_the_browser_kept(person: Person, batch: Batch) -> None:
    page = opened(person("operator"), batch.number)
    page.wait_for_function(f"async () => (await ({KEPT_PAGES})()) > 12")
    page.get_by_role("button", name="Sign out").click()
    page.wait_for_url("**/sign-in/**")
    page.wait_for_function(f"async () => (await ({KEPT_PAGES})()) === 0")


@dataclass(slots=True)
class Server:
    """A real gunicorn on this test's database, to be killed and started again on the same port."""

    environment: dict[str, str]
    port: int
    log: Path
    running: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        command = [sys.executable, "-W", "ignore", "-m", "gunicorn", "-c", "python:lims.serving", "lims.wsgi"]
        bound = {**self.environment, "LIMS_BIND": f"127.0.0.1:{self.port}", "LIMS_WEB_WORKERS": "1"}
        with self.log.open("ab") as log:
            process = subprocess.Popen(
                command,
                env=bound,
                stdout=log,
                stderr=log,
                preexec_fn=processes.tied_to_parent(signal.SIGKILL),  # noqa: PLW1509
            )
        self.running.append(process)
        started = time.monotonic()
        while True:
            try:
                urlopen(f"{self.url}/sign-in/", timeout=2).close()  # noqa: S310
                return
            except (URLError, OSError):
                assert time.monotonic() - started < 40, self.log.read_text()
                time.sleep(0.2)

    def kill(self) -> None:
        processes.stop(self.running.pop(), (signal.SIGKILL, 5))


@pytest.fixture
def server(transactional_db: None, process_environment: dict[str, str], tmp_path: Path) -> Iterator[Server]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = Server(process_environment, port, tmp_path / "gunicorn.log")
    server.start()
    yield server
    for process in server.running:
        processes.stop(process, (signal.SIGKILL, 1))


@pytest.mark.timeout(180)
@pytest.mark.requirement("DI-12")
def test_a_server_killed_in_the_middle_of_a_step_loses_nothing(server: Server, browser: Browser) -> None:
    batch = small_batch.in_progress(small_batch.laboratory(timer="1"))
    context: BrowserContext = browser.new_context(base_url=server.url, viewport={"width": 1024, "height": 768})
    context.set_default_timeout(10000)
    page = context.new_page()
    page.goto("/sign-in/")
    sign_in(page, "operator")
    opened(page, batch.number)
    page.get_by_role("button", name="Yes, confirmed").click()
    expect(line(page)).to_contain_text("Everything is saved.")
    unfold(page)
    page.wait_for_function(f"async () => (await ({KEPT_PAGES})()) > 12")
    server.kill()
    page.locator("#product form[data-timer] button[type=submit]").click()
    put(page, "product.kit_lot", "KIT-1")
    put(page, "product.activity", "42.0")
    expect(line(page)).to_contain_text("No connection. 3 entries kept here", timeout=20000)
    page.reload()  # out of the browser's own store: there is no server
    expect(line(page)).to_contain_text("This page is as it was at")
    expect(line(page)).to_contain_text("3 entries kept here")
    unfold(page)
    expect(page.locator('[data-slot="product.activity"] .queued')).to_contain_text("42.0 MBq")
    server.start()
    expect(line(page)).to_contain_text("Everything is saved.", timeout=20000)
    page.wait_for_selector("html[data-worksheet=ready]:not([data-kept])")
    put(page, "product.volume", "3.0")
    expect(page.locator("#result-concentration")).to_contain_text("14.00 MBq/mL")
    assert typed(batch) == ["true", "KIT-1", "42.0", "3.0"]
    assert TimerEvent.objects.filter(batch=batch).count() == 1
    context.close()
