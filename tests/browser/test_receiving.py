"""The form of a new lot asks for what its kind of material comes with, and for nothing else."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from labeling.models import Lot
from tests.factories import adopt_library, instrument, people

Person = Callable[..., Page]
pytestmark = pytest.mark.django_db(transaction=True)


def test_a_lot_is_asked_for_what_its_kind_comes_with(person: Person) -> None:
    who = people()
    adopt_library(who)
    instrument(who, "DC-1", "dose_calibrator")
    instrument(who, "PH-1", "ph_meter")
    page = person("operator")
    page.goto("/stock/new/")
    stated, identity = page.get_by_label("Activity stated by the supplier"), page.get_by_label("Chain-of-identity")
    expect(stated).to_be_hidden()
    expect(identity).to_be_hidden()
    material = page.get_by_label("Material")
    material.select_option("oxalate")
    expect(stated).to_be_visible()
    expect(identity).to_be_hidden()
    read_on = page.get_by_role("combobox", name="Instrument")
    expect(read_on.locator("option")).to_have_text(["Choose", "DC-1"])
    material.select_option("cells")
    expect(stated).to_be_hidden()
    expect(identity).to_be_visible()


def test_what_was_refused_stays_in_sight_whatever_the_material(person: Person) -> None:
    adopt_library(people())
    page = person("operator")
    page.goto("/stock/new/")
    page.get_by_label("Lot number").fill("ZR-1")
    page.get_by_label("Expires").fill("2099-01-01T12:00:00")
    page.get_by_label("Material").select_option("oxalate")
    page.get_by_label("Activity stated by the supplier").fill("a lot")
    page.get_by_role("button", name="Receive into quarantine").click()
    expect(page.locator(".only-radioactive .error").first).to_be_visible()
    page.get_by_label("Material").select_option("kit")
    expect(page.get_by_label("Activity stated by the supplier")).to_have_value("a lot")
    expect(page.get_by_label("Activity stated by the supplier")).to_be_visible()
    assert not Lot.objects.exists()
