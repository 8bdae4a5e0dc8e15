"""Training on the pages: refused at the bench, trained by signature, at work again, withdrawn."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from playwright.sync_api import Page, expect

from labeling.selectors.clock import database_now
from labeling.services.training import Given, record_training
from tests.browser import small_batch
from tests.browser.conftest import VENDOR
from tests.browser.test_every_page import RULES, SERIOUS
from tests.browser.test_journeys import save, sign
from tests.factories import People, credential

pytestmark = pytest.mark.django_db(transaction=True)


def expire(who: People, username: str) -> None:
    """A media fill of a year ago, which is over since this morning."""
    over = database_now() - timedelta(hours=1)
    given = Given([username], "small", 1, ["make"], "media_fill", over, over - timedelta(days=365), "Media fill 7.")
    record_training(actor=who.quality, given=given, credential=credential("quality"))


@pytest.mark.requirement("P11-10i")
@pytest.mark.requirement("PET-10")
def test_an_operator_whose_training_expired_works_again_once_it_is_renewed(person: Callable[..., Page]) -> None:
    who = small_batch.laboratory()
    number = small_batch.in_progress(who).number
    expire(who, "operator")

    operator = person("operator")
    operator.goto(f"/batches/{number}/")
    expect(operator.get_by_text("(media fill) expired at")).to_be_visible()
    expect(operator.get_by_role("button", name="Yes, confirmed")).to_have_count(0)
    operator.goto("/batches/new/")
    expect(operator.get_by_text("You are trained for none of the effective protocols.")).to_be_visible()

    quality = person("quality")
    quality.get_by_role("link", name="Training", exact=True).click()
    expect(quality.locator("section", has_text="To be renewed").first).to_contain_text("Operator Test")
    quality.get_by_role("link", name="Record training").click()
    quality.get_by_label("Protocol version").select_option("small/1")
    quality.get_by_text("Operator Test, operator").click()
    quality.get_by_text("Make", exact=True).click()
    quality.get_by_label("How").select_option("media_fill")
    sign(quality, "quality", button="Sign: trained")
    expect(quality.get_by_text("1 training record signed.")).to_be_visible()

    operator.goto(f"/batches/{number}/")
    operator.get_by_role("button", name="Yes, confirmed").click()
    expect(operator.locator("#clearance")).to_contain_text("To be verified")

    quality.goto("/training/people/operator/")
    quality.locator("summary", has_text="Withdraw").first.click()
    quality.get_by_label("Reason").first.fill("Growth in two of three vials.")
    sign(quality, "quality", button="Sign: withdrawn")
    expect(quality.get_by_text("“Growth in two of three vials.”").first).to_be_visible()
    save(operator, "product.kit_lot", "KIT-1")
    expect(operator.get_by_text("was withdrawn").first).to_be_visible()


@pytest.mark.parametrize("light", ["light", "dark"])
def test_no_page_of_training_has_a_serious_finding(person: Callable[..., Page], light: str) -> None:
    who = small_batch.laboratory()
    expire(who, "operator")
    page = person("quality", color_scheme=light, bypass_csp=True)
    for path in ("/training/", "/training/new/", "/training/people/operator/", "/account/"):
        page.goto(path)
        page.add_script_tag(path=VENDOR / "axe.min.js")
        assert page.evaluate(SERIOUS, RULES[light]) == [], path
        for width in (1440, 1024, 390):
            page.set_viewport_size({"width": width, "height": 800})
            assert page.evaluate("document.documentElement.scrollWidth - window.innerWidth") <= 0, (path, width)
