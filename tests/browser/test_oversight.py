"""The pages that watch over others: the review of a trail, alarms, and what a wrong clock on the desk looks like."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from lims.oversight.models import Acknowledgement, Alarm
from lims.oversight.services import sound_alarm
from lims.people.services import change_roles
from tests import factories
from tests.browser import small_batch
from tests.browser.conftest import VENDOR
from tests.browser.test_every_page import SERIOUS
from tests.browser.test_journeys import sign

Person = Callable[..., Page]
pytestmark = pytest.mark.django_db(transaction=True)


def findings(page: Page) -> object:
    page.add_script_tag(path=VENDOR / "axe.min.js")
    return page.evaluate(SERIOUS, {})


@pytest.mark.requirement("DI-7")
def test_the_reviewer_signs_for_the_trail_and_a_later_event_undoes_it(person: Person) -> None:
    who = small_batch.laboratory()
    batch = small_batch.in_quarantine(who, reviewed=False)
    page = person("reviewer", bypass_csp=True)
    page.goto(f"/batches/{batch.number}/history/")
    expect(page.locator("#review")).to_contain_text("Not reviewed")
    assert findings(page) == []
    sign(page, "reviewer", button="Sign: audit trail reviewed", password="not the password")
    expect(page.locator("#review")).to_contain_text("Nothing was signed")
    sign(page, "reviewer", button="Sign: audit trail reviewed")
    expect(page.locator("#review")).to_contain_text("by Reviewer Test")
    from labeling.services.completion import hold_batch

    hold_batch(actor=who.quality, number=batch.number, reason="A question from the ward.")
    page.reload()
    expect(page.locator("#review")).to_contain_text("Undone by a later event")


@pytest.mark.requirement("AUD-7")
def test_the_inspector_looks_for_exceptions_and_takes_the_trail_along(person: Person) -> None:
    batch = small_batch.recorded(small_batch.laboratory(), volume="11.5")
    page = person("inspector", bypass_csp=True)
    page.goto("/audit/")
    assert findings(page) == []
    page.get_by_label("Subject").fill(batch.number)
    page.get_by_role("button", name="Show exceptions only").click()
    expect(page.locator(".story li")).to_have_count(1)
    expect(page.locator(".story")).to_contain_text("Out of range")
    assert findings(page) == []
    with page.expect_download() as download:
        page.get_by_role("button", name="Export as CSV").click()
    text = download.value.path().read_text(encoding="utf-8")
    assert batch.number in text
    for width in (1440, 1024, 390):
        page.set_viewport_size({"width": width, "height": 800})
        assert page.evaluate("document.documentElement.scrollWidth - window.innerWidth") <= 0


@pytest.mark.requirement("A11D-8")
def test_an_alarm_stands_in_the_frame_until_somebody_has_said_what_they_did(person: Person) -> None:
    factories.people()
    sound_alarm(kind=Alarm.Kind.CLOCK, subject="server clock", text="The clock is not synchronized.")
    page = person("operator", bypass_csp=True)
    page.locator(".strip").get_by_role("link", name="1 alarm").click()
    assert findings(page) == []
    page.get_by_role("button", name="Acknowledge").click()
    expect(page.get_by_text("Say what you found and did about it.")).to_be_visible()
    page.get_by_label("What you found and did").fill("Time server restarted.")
    page.get_by_role("button", name="Acknowledge").click()
    expect(page.get_by_role("region", name="Acknowledged alarms")).to_contain_text("Time server restarted.")
    expect(page.locator(".strip").get_by_role("link", name="alarm")).to_have_count(0)
    assert Acknowledgement.objects.get().by.username == "operator"


@pytest.mark.requirement("TIM-1")
@pytest.mark.parametrize(("ahead_s", "warned"), [(3600, True), (-3600, True), (20, False)])
def test_a_wrong_clock_of_the_browser_is_told_and_changes_nothing(person: Person, ahead_s: int, warned: bool) -> None:
    factories.people()
    page = person("operator", bypass_csp=True)
    page.add_init_script(f"const real = Date.now; Date.now = () => real() + {ahead_s * 1000};")
    page.goto("/batches/")
    expect(page.locator("#clock-warning")).to_have_count(1 if warned else 0)
    if warned:
        assert findings(page) == []


@pytest.mark.requirement("P11-300b")
@pytest.mark.requirement("A11D-11.10-11")
def test_quality_reviews_who_has_access_and_sees_what_changed_since(person: Person) -> None:
    who = factories.people()
    page = person("quality", bypass_csp=True)
    page.goto("/access/")
    page.get_by_role("link", name="Access review").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Not yet reviewed")
    expect(page.locator("#account-operator")).to_contain_text("Never used")
    expect(page.locator("#account-quality")).not_to_contain_text("Never used")
    assert findings(page) == []
    page.get_by_label("What you conclude").fill("All accounts are needed.")
    sign(page, "quality", button="Sign: access reviewed", password="not the password")
    expect(page.locator("#review")).to_contain_text("Nothing was signed")
    expect(page.get_by_label("What you conclude")).to_have_value("All accounts are needed.")
    sign(page, "quality", button="Sign: access reviewed")
    expect(page.get_by_role("heading", level=1)).to_contain_text("Reviewed")
    expect(page.locator("main")).to_contain_text("All accounts are needed.")
    change_roles(actor=who.administrator, username="operator", roles=["operator", "releaser"], reason="Night shift.")
    page.reload()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Changed since")
    expect(page.locator("#account-operator")).to_contain_text("Makes batches and releases batches.")
    assert findings(page) == []
    with page.expect_download() as download:
        page.get_by_role("link", name="List as signed").click()
    assert "operator" in download.value.path().read_text(encoding="utf-8")
    for width in (1440, 1024, 390):
        page.set_viewport_size({"width": width, "height": 800})
        assert page.evaluate("document.documentElement.scrollWidth - window.innerWidth") <= 0
