"""Entering from a down-time sheet: the time on the paper counts, and “now” never takes its place."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from playwright.sync_api import Page, expect

from labeling.models import DowntimeSheet, Entry, TimerEvent
from labeling.selectors.clock import database_now
from labeling.services.downtime import issue_sheet
from labeling.services.planning import plan_batch, start_batch
from lims.audit.operations import operation
from tests import factories
from tests.browser import small_batch

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.requirement("DI-6")
def test_what_is_entered_from_paper_has_the_time_on_the_paper(person: Callable[..., Page]) -> None:
    who = small_batch.laboratory(timer="5")
    sheet = issue_sheet(actor=who.quality, protocol="small", issued_to="operator")
    began = (database_now() - timedelta(hours=2)).replace(second=0, microsecond=0)
    with operation(actor=who.quality, action="test"):
        DowntimeSheet.objects.update(issued_at=began - timedelta(days=1))
    batch = plan_batch(actor=who.operator, protocol="small", sheet=sheet.number)
    start_batch(actor=who.operator, number=batch.number, started_at=began, reason=factories.LATE)
    page = person("operator")
    page.goto(f"/batches/{batch.number}/")
    clear = page.locator("[data-entry='clearance.clear']")
    clear.get_by_role("button", name="Yes, confirmed").click()
    expect(page.locator("#clearance")).to_contain_text("Down-time sheet")
    entry = Entry.objects.get()
    assert (entry.measured_at, entry.reason) == (began, f"Written on paper first: Down-time sheet {sheet.number}")
    timer = page.locator("#product form[data-timer]")
    timer.get_by_role("button", name="Start the timer").click()
    stop = timer.get_by_role("button", name="Stop")
    expect(stop).to_be_visible()
    expect(timer.get_by_label("Measured at")).to_have_value("")
    assert TimerEvent.objects.get().measured_at == began
