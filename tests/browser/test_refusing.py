"""Somebody is asked to sign, sees what changed since the last signature, and says no."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser import small_batch
from tests.browser.test_oversight import findings

Person = Callable[..., Page]
pytestmark = pytest.mark.django_db(transaction=True)
WHY = "The chromatogram of the second run is missing."


@pytest.mark.requirement("SIG-12")
def test_the_releaser_refuses_to_sign(person: Person) -> None:
    batch = small_batch.in_quarantine(small_batch.laboratory())
    page = person("releaser", bypass_csp=True)
    page.goto(f"/batches/{batch.number}/release/")
    form = page.locator("form.sign").first
    expect(form).not_to_contain_text("since then")  # a release is not compared with the completion
    page.get_by_text("Refuse to sign", exact=True).first.click()
    assert findings(page) == []
    page.get_by_label("Why you do not sign").first.fill(WHY)
    page.get_by_role("button", name="Refuse to sign").first.click()
    expect(page.locator("main")).to_contain_text("You refused to sign for batch")
    expect(page.locator("main")).to_contain_text(WHY)
    expect(page.locator(".verdict")).to_contain_text("cannot be released: one thing is in the way")
    page.goto(f"/batches/{batch.number}/history/")
    expect(page.locator(".story li").first).to_contain_text("refused to sign")
