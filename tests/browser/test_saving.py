"""What was saved outlives the browser; what was only typed is no event."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from labeling.models import Entry
from lims.audit.models import Operation
from tests.browser import small_batch
from tests.browser.test_journeys import save

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.requirement("DI-12")
@pytest.mark.requirement("AUD-9")
def test_each_value_is_kept_at_once_and_typing_alone_is_no_event(person: Callable[..., Page]) -> None:
    batch = small_batch.in_progress(small_batch.laboratory())
    page = person("operator")
    page.goto(f"/batches/{batch.number}/#product")
    before = Operation.objects.count()
    page.locator('[data-entry="product.volume"] [name=value]').press_sequentially("3.0")
    assert Operation.objects.count() == before
    save(page, "product.kit_lot", "KIT-1")
    expect(page.locator("#product")).to_contain_text("KIT-1")
    expect(page.locator("#line-says")).to_contain_text("Everything is saved.")
    assert Operation.objects.count() == before + 1
    page.context.close()  # in the middle of the step
    assert Entry.objects.filter(batch=batch).values_list("field", "typed").get() == ("kit_lot", "KIT-1")
    again = person("operator")
    again.goto(f"/batches/{batch.number}/")
    expect(again.locator("#product")).to_contain_text("KIT-1")
