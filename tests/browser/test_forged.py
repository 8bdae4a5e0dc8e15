"""What somebody else put where a page reads it: into the browser's database, and into a document that is shown."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Dialog, Page, expect

from labeling.models import EquipmentCheck
from labeling.selectors.clock import database_now
from labeling.services.downtime import attach_scan, issue_sheet
from labeling.services.equipment import record_check
from labeling.services.planning import plan_batch, start_batch
from labeling.services.recording import Reading, record_entry
from lims.accounts.models import User
from tests.browser import small_batch
from tests.factories import LATE

Person = Callable[..., Page]
pytestmark = pytest.mark.django_db(transaction=True)
PATHS = (
    "../../people/",
    "complete/",
    "entries/1/verify/",
    "entries/../hold/",
    "https://elsewhere.example/",
    "Entries/",
)
FORGE = """([paths, person, batch]) => new Promise((done, failed) => {
  const request = indexedDB.open("oxinate", 1);
  request.onerror = () => failed(request.error);
  request.onsuccess = () => {
    const change = request.result.transaction("entries", "readwrite");
    for (const path of paths) change.objectStore("entries").add({
      key: "forged" + path, person, batch, path, body: "{}", slot: "product.kit_lot", label: "Forged", shown: "x",
      made: Date.now(), status: "waiting" });
    change.oncomplete = () => { request.result.close(); done(); };
  };
})"""
MARKUP = (
    '"><img src=x onerror=alert(1)>',
    "</textarea><script>alert(1)</script>",
    "javascript:alert(1)",
    "'-alert(1)-'",
    "{{ 7|add:7 }}",
    "<svg/onload=alert(1)>",
    "</code></pre><style>body{display:none}</style>",
)


def seen(page: Page, name: str) -> None:
    """A picture for whoever asks for one."""
    if folder := os.environ.get("PICTURES"):
        page.screenshot(path=Path(folder) / f"{name}.png", full_page=True)


def test_a_forged_entry_goes_to_no_other_address(person: Person) -> None:
    batch = small_batch.in_progress(small_batch.laboratory())
    page = person("operator")
    posted: list[str] = []
    page.on("request", lambda request: posted.append(request.url) if request.method == "POST" else None)
    page.goto(f"/batches/{batch.number}/")
    page.wait_for_selector("html[data-worksheet=ready]")
    page.evaluate(FORGE, [list(PATHS), "operator", batch.number])
    page.reload()
    page.wait_for_selector("html[data-worksheet=ready]")
    expect(page.get_by_text("This was not made on a worksheet; it is not sent.").first).to_be_attached()
    page.wait_for_function(
        """() => new Promise(done => { const r = indexedDB.open("oxinate", 1); r.onsuccess = () => {
          const q = r.result.transaction("entries").objectStore("entries").getAll();
          q.onsuccess = () => { r.result.close(); done(q.result.every(i => i.status === "refused")); }; }; })"""
    )
    assert [url for url in posted if "/live/" not in url] == []


def test_markup_in_a_document_stays_text_in_the_editor(person: Person) -> None:
    """A script that ran would open a dialog or stand in the console, which fails every test here."""
    small_batch.laboratory()
    page = person("operator")
    dialogs: list[str] = []

    def opened(dialog: Dialog) -> None:
        dialogs.append(dialog.message)
        dialog.dismiss()

    page.on("dialog", opened)
    page.goto("/protocols/small/edit/?from=1")
    area = page.get_by_label("Text of the document")
    for text in MARKUP:
        quoted = "'" + text.replace("'", "''") + "'"
        area.fill(small_batch.PROTOCOL.replace("Assay the product", "HERE").replace("HERE", quoted))
        expect(page.get_by_text("The document is in order.")).to_be_visible()
        expect(page.get_by_text(text).first).to_be_attached()
        area.fill(f"{quoted}: 1\nprotocol: {quoted}\n")
        expect(page.get_by_text(text).first).to_be_attached()
    assert dialogs == []


def test_the_pages_of_late_checks_and_of_standing_in(person: Person) -> None:
    who = small_batch.laboratory()
    now = database_now()
    record_check(actor=who.operator, code="DC-1", at=now - timedelta(hours=3), outcome="pass", reason=LATE)
    page = person("operator")
    page.goto("/instruments/DC-1/")
    form = page.locator('form[action$="/checks/"]')
    form.get_by_label("Passed").check()
    form.get_by_label("Checked at").fill("2026-01-05T08:00:00")
    form.get_by_label("Note").fill("Background as ever")
    form.get_by_role("button", name="Save the check").click()
    expect(page.get_by_text("after it was made. Say why.").first).to_be_visible()
    expect(form.get_by_label("Note")).to_have_value("Background as ever")
    seen(page, "late-refused")
    form.get_by_label("Kind of reason").select_option("forgotten")
    form.get_by_role("button", name="Save the check").click()
    expect(page.get_by_text(": Forgotten at the time")).to_be_visible()
    assert EquipmentCheck.objects.filter(reason="Forgotten at the time", late=True).exists()
    seen(page, "late-kept")
    page.goto("/instruments/DC-1/log/")
    seen(page, "late-log")

    sheet = issue_sheet(actor=who.quality, protocol="small", issued_to="operator")
    number = plan_batch(actor=who.operator, protocol="small", sheet=sheet.number).number
    start_batch(actor=who.operator, number=number)
    for step, field, value, unit in (*small_batch.VALUES, ("product", "volume", "3.0", "mL")):
        equipment = "DC-1" if field == "activity" else ""
        record_entry(
            actor=who.operator, number=number, step=step, field=field, reading=Reading(value, unit, equipment=equipment)
        )
    attach_scan(actor=who.operator, number=sheet.number, name="s.png", content=b"\x89PNG\r\n\x1a\n" + b"x")
    name = User.objects.get(username="operator").full_name
    for role, options in (
        ("quality", {}),
        ("quality", {"color_scheme": "dark", "viewport": {"width": 390, "height": 844}}),
    ):
        page = person(role, **options)
        page.goto(f"/downtime/{sheet.number}/")
        expect(page.get_by_text("signs in their place and says why").first).to_be_visible()
        page.get_by_text(f"{name} is not available", exact=True).click()
        expect(page.get_by_role("button", name="Sign in their place")).to_be_visible()
        seen(page, f"stand-in-{len(options)}")
