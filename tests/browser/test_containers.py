"""Containers in a browser: the activity falls before one's eyes, nothing moves, and every page can be read."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.urls import reverse
from playwright.sync_api import Page

from labeling.models import Container
from labeling.selectors.clock import database_now
from labeling.services.containers import open_container, transfer
from labeling.services.decay_storage import store_for_decay
from tests import factories
from tests.browser.test_every_page import faults_of
from tests.factories import PASSWORD, People, fresh_code
from tests.integration.test_containers import own_batch

pytestmark = pytest.mark.django_db(transaction=True)
MOVED = """() => new Promise(done => { let moved = 0;
  new PerformanceObserver(list => { for (const e of list.getEntries()) moved += e.value; })
    .observe({type: 'layout-shift', buffered: true});
  setTimeout(() => done(moved), 2500); })"""


def bin_of(who: People, code: str, *, limit: str = "") -> Container:
    activity = {"value": "37.00", "unit": "MBq", "u": "0.20", "at": database_now().isoformat()}
    row = open_container(
        actor=who.operator, kind="waste", nuclide="Zr-89", code=code, name="Hot cell 2", activity=activity
    )
    given = {"limit": {"value": limit, "unit": "MBq"}, "limit_source": "Permit 12, annex 3"} if limit else {}
    store_for_decay(actor=who.operator, container_id=row.pk, place="Room 3, shelf B", **given)  # type: ignore[arg-type]
    return row


def vial_of(who: People) -> Container:
    activity, volume = {"value": "30.00", "unit": "MBq"}, {"value": "2.0", "unit": "mL"}
    row = open_container(
        actor=who.operator,
        kind="vial",
        nuclide="F-18",
        code="F18-1",
        name="Test vial",
        activity=activity,
        volume=volume,
    )
    open_container(actor=who.operator, kind="waste", nuclide="F-18", code="BIN-9", name="Waste bin at hot cell 1")
    transfer(actor=who.operator, container_id=row.pk, to="BIN-9", volume={"value": "0.4", "unit": "mL"})
    return row


@pytest.fixture(autouse=True)
def site_limit(settings: Any) -> None:
    settings.CLEARANCE_LIMITS = {"Zr-89": "50 MBq"}


def test_the_activity_falls_on_the_screen_and_nothing_moves(person: Callable[..., Page]) -> None:
    row = vial_of(factories.people())
    page = person("operator")
    page.goto(reverse("labeling:container", args=[row.pk]))
    shown = page.locator(".dials [data-decays]")
    before = float(shown.inner_text())
    assert page.evaluate(MOVED) < 0.01
    assert float(shown.inner_text()) < before
    page.goto("/containers/")
    assert page.evaluate(MOVED) < 0.01


def test_somebody_empties_a_vial_into_a_bin_and_cannot_take_more(person: Callable[..., Page]) -> None:
    row = vial_of(factories.people())
    page = person("operator")
    page.goto(reverse("labeling:container", args=[row.pk]))
    page.get_by_text("Move activity out of it").click()
    form = page.locator("#acts form").nth(1)
    form.get_by_label("Into").fill("BIN-9")
    form.get_by_label("Volume").fill("1.7")
    form.get_by_role("button", name="Move").click()
    page.get_by_text("F18-1 holds 1.600 mL").wait_for()
    assert form.get_by_label("Volume").input_value() == "1.7"
    form.get_by_label("Volume").fill("1.6")
    form.get_by_role("button", name="Move").click()
    page.get_by_role("heading", name="Readings and transfers").wait_for()
    assert page.locator("#events tbody tr").count() == 3
    assert page.locator(".dials").inner_text().startswith("Activity now\n0")


def test_radiation_safety_surveys_what_has_decayed(person: Callable[..., Page]) -> None:
    who = factories.people()
    factories.instrument(who, "SM-1", "survey_meter")
    row = bin_of(who, "BIN-1", limit="50")
    page = person("radiation_safety")
    page.goto(reverse("labeling:container", args=[row.pk]))
    form = page.locator("#survey form")
    form.get_by_label("Survey meter").select_option("SM-1")
    form.get_by_label("Outcome").select_option("pass")
    form.get_by_label("Background").fill("0.08")
    form.get_by_label("At the container").fill("0.09")
    form.get_by_label("The radiation label is defaced").check()
    form.get_by_label("Username").fill("radiation_safety")
    form.get_by_label("Password").fill(PASSWORD.format("radiation_safety"))
    code = form.get_by_label("One-time code")
    if code.is_visible():
        code.fill(fresh_code("radiation_safety"))
    form.get_by_role("button", name="Sign the survey").click()
    page.get_by_text("the container is cleared").wait_for()
    assert Container.objects.get(pk=row.pk).status == "cleared"


@pytest.mark.parametrize("light", ["light", "dark"])
def test_pages_of_containers_have_no_serious_finding(person: Callable[..., Page], light: str) -> None:
    who = factories.people()
    batch, vial = own_batch(who, "5.9"), vial_of(who)
    waiting, due = bin_of(who, "BIN-1", limit="1"), bin_of(who, "BIN-2", limit="50")
    factories.instrument(who, "SM-1", "survey_meter")
    places = ["/containers/", "/containers/new/", f"/batches/{batch.number}/activity/"]
    places += [reverse("labeling:container", args=[row.pk]) for row in (vial, waiting, due)]
    page = person("radiation_safety", color_scheme=light, bypass_csp=True)
    found = faults_of(page, places, light)
    assert not found, "; ".join(found)
