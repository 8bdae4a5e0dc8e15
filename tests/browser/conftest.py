"""A real browser on a live server, on a database of its own. A fault in the console of any page fails the test."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from tests.factories import PASSWORD, fresh_code

CHROMIUM = shutil.which("chromium")  # Debian's; without it, the one that Playwright would bring
QUIETLY = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync", "--disable-dev-shm-usage"),
)
VENDOR = Path(__file__).parent / "vendor"
# A page that refuses answers 4xx, and the browser notes that in its console; that is not a fault.
EXPECTED = "the server responded with a status of 4"


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    # Playwright's synchronous interface keeps an event loop in this thread, in which Django would refuse to work.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=CHROMIUM, args=list(QUIETLY))
        yield running
        running.close()
    del os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"]


@pytest.fixture
def open_context(browser: Browser, live_server: object) -> Iterator[Callable[..., BrowserContext]]:
    """A new browser profile, as for another person at another workstation."""
    contexts: list[BrowserContext] = []

    def make(**options: object) -> BrowserContext:
        wanted = {"viewport": {"width": 1024, "height": 768}, "base_url": str(live_server), **options}
        context = browser.new_context(**wanted)  # type: ignore[arg-type]
        context.set_default_timeout(8000)
        context.set_default_navigation_timeout(30_000)  # the first page loads the whole site, perhaps on a busy machine
        contexts.append(context)
        return context

    yield make
    for context in contexts:
        context.close()


@pytest.fixture
def faults() -> Iterator[list[str]]:
    """What browsers complained of: refused scripts and styles, errors of our own."""
    noted: list[str] = []
    yield noted
    assert noted == []


@pytest.fixture
def person(open_context: Callable[..., BrowserContext], faults: list[str]) -> Callable[..., Page]:
    """A page of somebody who is signed in, or of nobody."""

    def sign_in(username: str = "", **options: object) -> Page:
        page = open_context(**options).new_page()
        page.on("console", lambda m: faults.append(m.text) if m.type == "error" and EXPECTED not in m.text else None)
        page.on("pageerror", lambda error: faults.append(str(error)))
        if username:
            page.goto("/sign-in/")
            page.get_by_label("Username").fill(username)
            page.get_by_label("Password").fill(PASSWORD.format(username))
            page.get_by_label("One-time code").fill(fresh_code(username))
            page.get_by_role("button", name="Sign in").click()
            page.wait_for_url(lambda url: "sign-in" not in url)
        return page

    return sign_in
