"""A deviation assessed by its page: what was chosen and written stands there afterwards."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from labeling.models import Deviation
from labeling.services.deviations import report_deviation
from tests.browser import small_batch
from tests.factories import PASSWORD, fresh_code

Person = Callable[..., Page]
pytestmark = pytest.mark.django_db(transaction=True)


def test_the_kind_of_cause_is_asked_once_and_kept(person: Person) -> None:
    who = small_batch.laboratory()
    batch = small_batch.in_quarantine(who)
    found = report_deviation(actor=who.analyst, number=batch.number, text="The vial was dropped.", severity="minor")
    page = person("reviewer")
    page.goto(f"/batches/{batch.number}/deviations/{found.pk}/")
    expect(page.get_by_label("Kind of cause")).to_have_count(1)
    page.get_by_label("Conclusion").select_option("unaffected")
    page.get_by_label("Assessment").fill("The vial did not break.")
    page.get_by_label("Kind of cause").select_option(label="Person")
    page.get_by_label("Username of the signer").fill("reviewer")
    page.get_by_label("Password").fill(PASSWORD.format("reviewer"))
    if not page.get_by_label("One-time code").is_visible():
        page.get_by_text("One-time code or security key, where somebody else signs").click()
    page.get_by_label("One-time code").fill(fresh_code("reviewer"))
    page.get_by_role("button", name="Sign: assessed").click()
    expect(page.get_by_text("The vial did not break.").first).to_be_visible()
    page.goto(f"/batches/{batch.number}/deviations/{found.pk}/")
    expect(page.locator("dl.facts")).to_contain_text("Person")
    assert Deviation.objects.get(pk=found.pk).cause == "person"
