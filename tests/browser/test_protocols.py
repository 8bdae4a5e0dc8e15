"""Writing a protocol in the browser: checked as it is typed, found again after leaving, saved as a draft."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from labeling.models import ProtocolVersion
from labeling.services.downtime import attach_scan, issue_sheet, sign_transfer
from labeling.services.planning import plan_batch, start_batch
from labeling.services.recording import Reading, record_entry
from labeling.services.versions import import_protocol
from tests.browser import small_batch
from tests.browser.test_every_page import faults_of
from tests.factories import People, credential

pytestmark = pytest.mark.django_db(transaction=True)
PLACE = "/protocols/small/edit/?from=1"


def test_a_document_is_checked_as_it_is_typed_and_never_lost(person: Callable[..., Page]) -> None:
    small_batch.laboratory()
    page = person("operator")
    page.goto(PLACE)
    area = page.get_by_label("Text of the document")
    expect(page.get_by_text("The document is in order.")).to_be_visible()
    area.fill(small_batch.PROTOCOL.replace("type: volume", "type: volumes"))
    expect(page.get_by_text("is not a known type")).to_be_visible()
    expect(page.locator("[data-gutter] .bad").first).to_be_visible()
    page.locator("a[data-line]").first.click()
    selected = area.evaluate("a => a.value.slice(a.selectionStart, a.selectionEnd)")
    assert "type: volumes" in selected
    page.goto("/batches/")
    page.goto(PLACE)
    expect(page.get_by_text("What you had typed here before is back.")).to_be_visible()
    expect(area).to_have_value(small_batch.PROTOCOL.replace("type: volume", "type: volumes"))
    area.fill(small_batch.PROTOCOL.replace('max: "100"', 'max: "90"'))
    expect(page.get_by_text("The document is in order.")).to_be_visible()
    page.get_by_role("button", name="Save as a draft").click()
    page.wait_for_url("**/protocols/small/2/")
    expect(page.get_by_text("What changed since version 1")).to_be_visible()
    assert ProtocolVersion.objects.get(code="small", number=2).status == "draft"
    page.goto(PLACE)
    expect(page.get_by_text("What you had typed here before is back.")).to_be_hidden()


def test_without_script_the_button_checks(person: Callable[..., Page]) -> None:
    small_batch.laboratory()
    page = person("operator", java_script_enabled=False)
    page.goto(PLACE)
    page.get_by_label("Text of the document").fill(small_batch.PROTOCOL.replace("kind: synthesis", "kind: magic"))
    page.get_by_role("button", name="Check").click()
    expect(page.get_by_text("Line 3")).to_be_visible()
    expect(page.get_by_label("Text of the document")).to_have_value(
        small_batch.PROTOCOL.replace("kind: synthesis", "kind: magic")
    )


@pytest.mark.parametrize("light", ["light", "dark"])
def test_these_pages_have_no_serious_finding(person: Callable[..., Page], light: str) -> None:
    who = small_batch.laboratory()
    import_protocol(actor=who.operator, text=small_batch.PROTOCOL.replace('max: "100"', 'max: "90"'))
    places = ["/protocols/small/2/", "/protocols/small/compare/", PLACE, "/protocols/new/"]
    places += ["/protocols/small/1/dry-run/", "/downtime/", f"/downtime/{_entered_sheet(who)}/"]
    page = person("quality", color_scheme=light, bypass_csp=True)
    assert faults_of(page, places, light) == []


def _entered_sheet(who: People) -> str:
    """A sheet whose batch is entered and signed for by who worked, ready to be compared."""
    sheet = issue_sheet(actor=who.quality, protocol="small", issued_to="operator")
    batch = plan_batch(actor=who.operator, protocol="small", sheet=sheet.number)
    start_batch(actor=who.operator, number=batch.number)
    for step, field, value, unit in (*small_batch.VALUES, ("product", "volume", "3.0", "mL")):
        reading = Reading(value=value, unit=unit, equipment="DC-1" if field == "activity" else "")
        record_entry(actor=who.operator, number=batch.number, step=step, field=field, reading=reading)
    attach_scan(actor=who.operator, number=sheet.number, name="sheet.pdf", content=b"%PDF-1.7 filled")
    sign_transfer(actor=who.operator, number=sheet.number, credential=credential("operator"))
    return str(sheet.number)
