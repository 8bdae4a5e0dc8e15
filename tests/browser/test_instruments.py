"""The pages of the instruments: a source read and compared, a past calibration restated, and how they look."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from labeling.models import Calibration, EquipmentCheck, Restatement, UncheckedUse
from labeling.selectors.clock import database_now
from labeling.services.calibrating import record_calibration
from labeling.services.instrument_checks import SourceReading, record_constancy, record_linearity, register_source
from labeling.services.instrument_rules import set_rules
from tests.browser import small_batch
from tests.browser.conftest import VENDOR
from tests.browser.test_every_page import SERIOUS, WIDTHS
from tests.browser.test_journeys import sign
from tests.factories import People, credential
from tests.integration.test_unchecked_instruments import LENIENT, batch_of

Person = Callable[..., Page]
pytestmark = pytest.mark.django_db(transaction=True)
PICTURES = os.environ.get("PICTURES", "")  # a folder for pictures of these pages; none where it is not named


def picture(page: Page, name: str) -> None:
    if PICTURES:
        page.screenshot(path=Path(PICTURES) / f"{name}.png", full_page=True)


def findings(page: Page) -> object:
    page.add_script_tag(path=VENDOR / "axe.min.js")
    return page.evaluate(SERIOUS, {})


def sticks_out(page: Page) -> list[int]:
    beyond = []
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 800})
        beyond.append(page.evaluate("document.documentElement.scrollWidth - window.innerWidth"))
    page.set_viewport_size({"width": 1024, "height": 768})
    return [size for size in beyond if size > 0]


def used_calibrator(who: People) -> None:
    """DC-1 with a source, some weeks of constancy and a linearity."""
    now = database_now()
    register_source(
        actor=who.operator,
        code="CS-1",
        nuclide="Cs-137",
        activity="7.400",
        unit="MBq",
        reference_at=now - timedelta(days=700),
        certificate="PTB-2025-0815",
        relative_u_percent="1.5",
    )
    for day, value in enumerate(("7.10", "7.12", "7.09", "7.14", "7.50", "7.11", "6.20", "7.12"), start=1):
        reading = SourceReading(value=value, unit="MBq", at=now - timedelta(days=9 - day), source="CS-1")
        record_constancy(actor=who.operator, code="DC-1", reading=reading, reason="From the paper log.")
    series = [
        SourceReading(
            value=f"{400 * 0.5 ** (h / 78.41) * (1 + e / 100):.5g}", unit="MBq", at=now - timedelta(hours=400 - h)
        )
        for h, e in ((0, -3), (60, -1), (120, 0.4), (200, 0.2), (300, 0.5), (390, 0.6))
    ]
    record_linearity(actor=who.operator, code="DC-1", nuclide="Zr-89", readings=series, reason="From the paper log.")
    record_calibration(
        actor=who.operator,
        code="DC-1",
        valid_from=now - timedelta(days=200),
        valid_until=now + timedelta(days=165),
        relative_u_percent="1.8",
        repeatability_percent="0.3",
        nuclide="Zr-89",
        setting="517",
        geometry="vial 10R, 3 mL",
        factor="1.012",
        certificate="NPL-2026-077",
        traceability="NPL secondary standard",
    )
    set_rules(
        actor=who.quality,
        code="DC-1",
        credential=credential("quality"),
        reason="Procedure on dose calibrators, version 3.",
        linearity_days=10,
        calibration_days=365,
        daily_source="CS-1",
    )


@pytest.mark.requirement("RAD-7")
def test_the_source_is_read_in_the_morning_and_the_page_says_what_it_means(person: Person) -> None:
    used_calibrator(small_batch.laboratory())
    page = person("operator", bypass_csp=True)
    page.goto("/instruments/")
    expect(page.get_by_role("region", name="Instruments")).to_contain_text("due soon")
    picture(page, "list")
    assert findings(page) == []
    page.goto("/instruments/DC-1/")
    expect(page.locator(".notice-warn")).to_contain_text("checked every day against CS-1")
    constancy = page.locator('form[action$="/constancy/"]')
    constancy.get_by_label("Reading").fill("7,1")
    constancy.get_by_role("button", name="Save the reading").click()
    expect(constancy.get_by_text("ambiguous")).to_be_visible()
    constancy.get_by_label("Reading").fill("7.09")
    constancy.get_by_label("Background").fill("0.01")
    constancy.get_by_role("button", name="Save the reading").click()
    expect(page.locator("main")).not_to_contain_text("checked every day against CS-1")
    newest = EquipmentCheck.objects.order_by("-id").first()
    assert newest is not None
    assert (newest.kind, newest.outcome) == (EquipmentCheck.Kind.CONSTANCY, EquipmentCheck.Outcome.PASS)
    expect(page.locator("svg.trend")).to_be_visible()
    picture(page, "instrument")
    assert findings(page) == []
    assert sticks_out(page) == []
    page.get_by_role("link", name="Linearity").click()
    expect(page.locator("svg.trend")).to_be_visible()
    expect(page.get_by_text("geometric mean")).to_be_visible()
    picture(page, "linearity")
    assert findings(page) == []
    page.goto("/instruments/DC-1/log/")
    expect(page.get_by_role("region", name="Log book")).to_contain_text("Limits and intervals set")
    picture(page, "log")
    assert findings(page) == []
    assert sticks_out(page) == []
    page.goto("/instruments/sources/")
    picture(page, "sources")
    assert findings(page) == []
    assert sticks_out(page) == []


@pytest.mark.requirement("RAD-7")
def test_quality_sees_what_a_new_factor_would_move_and_signs_for_it(person: Person) -> None:
    who = small_batch.laboratory()
    kept, working = small_batch.in_quarantine(who), small_batch.recorded(who)
    page = person("quality", bypass_csp=True)
    page.goto("/instruments/DC-1/")
    page.get_by_role("link", name="see what another factor or setting would move").click()
    page.get_by_label("Readings from").fill((database_now() - timedelta(days=1)).strftime("%Y-%m-%dT%H:%M:%S"))
    page.get_by_label("Factor that is right").fill("3.8")
    page.get_by_label("Certificate or report").fill("PTB-2026-1")
    page.get_by_role("button", name="Show what would move").click()
    preview = page.locator("#preview")
    expect(preview).to_contain_text("2 batches with such readings")
    expect(preview.get_by_role("region", name=kept.number)).to_contain_text("53.20 MBq/mL")
    expect(preview).to_contain_text("Verdict moves")
    picture(page, "restate")
    assert findings(page) == []
    assert sticks_out(page) == []
    form = page.locator("form.sign")
    form.get_by_label("Reason").fill("The recalibration found the chamber leaking.")
    sign(page, "quality", button="Sign: restate")
    expect(page.locator("main")).to_contain_text("2 of 2 batches")
    picture(page, "restatement")
    assert findings(page) == []
    assert Restatement.objects.get().batches == [kept.number, working.number]
    page.goto(f"/batches/{kept.number}/")
    expect(page.locator(".notice-warn").first).to_contain_text("another verdict comes out")
    expect(page.locator("aside")).to_contain_text("14.00 MBq/mL")
    picture(page, "batch")
    assert findings(page) == []


@pytest.mark.requirement("CH4-31")
def test_an_instrument_goes_out_of_service_and_back_on_its_page(person: Person) -> None:
    used_calibrator(small_batch.laboratory())
    page = person("quality", color_scheme="dark", bypass_csp=True)
    page.goto("/instruments/DC-1/")
    page.get_by_text("Take out of service").click()
    page.locator("form.sign:visible").get_by_label("Reason").fill("Chamber contaminated.")
    sign(page, "quality", button="Sign: out of service")
    expect(page.locator("h1")).to_contain_text("Out of service")
    expect(page.locator(".notice-warn")).to_contain_text("Chamber contaminated")
    picture(page, "dark")
    assert findings(page) == []
    page.get_by_text("Put back into service").click()
    page.locator("form.sign:visible").get_by_label("Reason").fill("Decontaminated.")
    sign(page, "quality", button="Sign: in service")
    expect(page.locator("h1")).not_to_contain_text("Out of service")
    page.get_by_text("Set limits and intervals").click()
    picture(page, "rules")
    page.set_viewport_size({"width": 390, "height": 800})
    picture(page, "phone")


@pytest.mark.requirement("RAD-7")
def test_a_second_person_lets_one_reading_count_on_the_page_of_the_instrument(person: Person) -> None:
    who = small_batch.laboratory()
    batch = batch_of(who, LENIENT)
    page = person("verifier", bypass_csp=True)
    page.goto("/instruments/DC-2/")
    page.get_by_text("Let one reading count in spite of this").click()
    form = page.locator("form.sign:visible")
    form.get_by_label("Reading").select_option(label=f"{batch.number}: Assay the product, Product activity")
    form.get_by_label("Reason").fill("The source is on loan.")
    assert findings(page) == []
    picture(page, "allow")
    sign(page, "verifier", button="Sign: allowed")
    expect(page.locator("h1")).to_contain_text("DC-2")
    use = UncheckedUse.objects.get()
    assert (use.batch, use.field, use.signature.username) == (batch, "activity", "verifier")


def test_accuracy_a_certificate_and_the_register_are_kept_on_the_page(person: Person, tmp_path: Path) -> None:
    used_calibrator(small_batch.laboratory())
    certificate = tmp_path / "certificate.pdf"
    certificate.write_bytes(b"%PDF-1.7 as the institute sent it")
    page = person("operator", bypass_csp=True)
    page.goto("/instruments/DC-1/")
    page.get_by_text("Record accuracy").click()
    page.get_by_label("Reading of CS-1 (Cs-137)").fill("7.10")
    page.get_by_role("button", name="Save the accuracy").click()
    expect(page.get_by_role("link", name="Accuracy")).to_be_visible()
    page.get_by_text("Record a calibration").click()
    form = page.locator('form[action$="/calibrations/"]')
    form.get_by_label("Relative standard uncertainty").fill("1.5")
    form.get_by_label("Valid from").fill(database_now().strftime("%Y-%m-%dT%H:%M:%S"))
    form.get_by_label("The certificate's file").set_input_files(certificate)
    form.get_by_role("button", name="Save the calibration").click()
    expect(page.locator("main")).to_contain_text("u 1.5 %")
    newest = Calibration.objects.order_by("-id").first()
    assert newest is not None
    assert newest.certificate_sha256 == hashlib.sha256(b"%PDF-1.7 as the institute sent it").hexdigest()
    page.get_by_text("Change the register").click()
    form = page.locator('form[action$="/description/"]')
    form.get_by_label("Location").fill("Hot cell 2")
    form.get_by_label("Reason").fill("Moved.")
    assert findings(page) == []
    form.get_by_role("button", name="Save the change").click()
    expect(page.locator(".head").first).to_contain_text("Hot cell 2")
