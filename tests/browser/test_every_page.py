"""Every page: no serious finding of axe in either light, and nothing that sticks out at three widths."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page

from lims.oversight.models import Alarm
from lims.oversight.services import sound_alarm
from tests.browser import small_batch
from tests.browser.conftest import VENDOR
from tests.factories import lot

pytestmark = pytest.mark.django_db(transaction=True)
# What the light changes is contrast; the rest is asked once.
RULES: dict[str, dict[str, object]] = {"light": {}, "dark": {"runOnly": ["color-contrast"]}}
WIDTHS = (1440, 1024, 390)
SERIOUS = """async rules => (await axe.run({resultTypes: ['violations'], ...rules})).violations
  .filter(v => ['serious', 'critical'].includes(v.impact))
  .map(v => v.id + ': ' + v.nodes.map(n => n.target.join(' ')).slice(0, 3).join(', '))"""
PLACES = (
    *("/", "/batches/", "/batches/new/", "/release/", "/records/", "/stock/", "/stock/new/", "/instruments/"),
    *("/instruments/new/", "/instruments/DC-1/", "/protocols/", "/protocols/small/1/", "/protocols/import/"),
    *("/instruments/DC-1/log/", "/instruments/DC-1/restate/", "/instruments/sources/"),
    *("/specifications/", "/specifications/small/1/", "/nowhere/", "/alarms/", "/health/", "/api/v1/docs/"),
    *("/protocols/small/edit/", "/protocols/small/compare/", "/protocols/small/1/dry-run/", "/downtime/"),
)

PLACES_OF_PEOPLE = (
    *("/people/", "/people/new/", "/people/operator/", "/access/", "/access/review/"),
    *("/account/", "/account/password/", "/account/statement/"),
)


def places_of_the_laboratory() -> list[str]:
    """Pages of a batch at work, one in quarantine, one only planned, a lot that waits, and all the registers."""
    who = small_batch.laboratory()
    working, decided = small_batch.recorded(who, volume="11.5"), small_batch.in_quarantine(who, purity="93.1")
    sound_alarm(kind=Alarm.Kind.CLOCK, subject="server clock", text="The server's clock is not synchronized.")
    waiting = lot(who, "KIT-2", "kit", accepted=False)
    tabs = [
        f"/batches/{decided.number}/{tab}" for tab in ("", "tests/", "release/", "history/", "genealogy/", "records/")
    ]
    return [*PLACES, f"/batches/{working.number}/", *tabs, f"/stock/{waiting.pk}/", f"/stock/{waiting.pk}/genealogy/"]


@pytest.mark.timeout(400)
@pytest.mark.parametrize("light", ["light", "dark"])
def test_no_page_has_a_serious_finding_or_sticks_out(person: Callable[..., Page], light: str) -> None:
    places = places_of_the_laboratory()
    page = person("operator", color_scheme=light, bypass_csp=True)
    found = faults_of(page, places, light)
    administrator = person("administrator", color_scheme=light, bypass_csp=True)
    found += faults_of(administrator, list(PLACES_OF_PEOPLE), light)
    assert found == []


def faults_of(page: Page, places: list[str], light: str) -> list[str]:
    found: list[str] = []
    for path in places:
        page.goto(path)
        page.add_script_tag(path=VENDOR / "axe.min.js")
        found += [f"{path} {finding}" for finding in page.evaluate(SERIOUS, RULES[light])]
        for width in WIDTHS if light == "light" else ():
            page.set_viewport_size({"width": width, "height": 800})
            beyond = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
            if beyond > 0:
                found.append(f"{path} is {beyond} px wider than {width}")
        page.set_viewport_size({"width": 1024, "height": 768})
        assert "/sign-in/" not in page.url, path
    return found
