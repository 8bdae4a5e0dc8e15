"""Ways around what guards the bench: waited entries, containers, waste, deviations, down-time sheets."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from labeling.domain.deviations import Assessed, Conclusion, DeviationClass
from labeling.domain.protocol import Material
from labeling.models import Batch, Container, DecayStorage, Deviation, Dispatch, DowntimeSheet, Entry
from labeling.selectors.clock import database_now
from labeling.selectors.facts import facts_of
from labeling.services.containers import open_container, transfer
from labeling.services.decay_storage import store_for_decay
from labeling.services.deviations import assess_deviation, report_deviation
from labeling.services.dispatch import Consignment, dispatch_batch
from labeling.services.downtime import AGREES, attach_scan, issue_sheet, reconcile_sheet, sign_transfer
from labeling.services.materials import usable_batch
from labeling.services.planning import plan_batch, start_batch
from labeling.services.recording import Reading, record_entry
from lims.errors import Conflict, InvalidInput, SegregationOfDuties
from tests import factories
from tests.browser import small_batch
from tests.factories import People, credential
from tests.integration.rest import Rest

KIT = {"step": "product", "field": "kit_lot", "value": "KIT-1"}


def small(who: People) -> str:
    small_batch.adopt_small(who)
    number = plan_batch(actor=who.operator, protocol="small").number
    at = database_now() - timedelta(hours=10)
    start_batch(actor=who.operator, number=number, started_at=at, reason=factories.LATE)
    return number


# ------------------------------------------------------------------------------------------------- what waited


@pytest.mark.requirement("DI-12")
def test_a_minute_of_waiting_does_not_excuse_hours(who: People) -> None:
    number, rest = small(who), Rest("operator")
    at = (database_now() - timedelta(hours=9)).isoformat()
    answer = rest.client.post(f"/api/v1/batches/{number}/entries/", {**KIT, "at": at}, headers={"Oxinate-Waited": "60"})
    assert (answer.status_code, answer.data.get("code")) == (422, "late_needs_reason"), answer.data
    assert not Entry.objects.exists()


@pytest.mark.requirement("DI-12")
def test_waiting_is_no_reason_for_a_correction(who: People) -> None:
    number, rest = small(who), Rest("operator")
    first = rest.post(f"batches/{number}/entries/", KIT).data["entry"]["id"]
    answer = rest.client.post(
        f"/api/v1/batches/{number}/entries/{first}/correct/", {"value": "KIT-1"}, headers={"Oxinate-Waited": "60"}
    )
    assert (answer.status_code, answer.data.get("code")) == (422, "reason_missing"), answer.data
    assert Entry.objects.count() == 1


# -------------------------------------------------------------------------------------------------- containers


def vial(who: People, code: str = "V-1") -> Container:
    return open_container(
        actor=who.operator, kind="vial", nuclide="Zr-89", code=code, activity={"value": "100", "unit": "MBq"}
    )


@pytest.mark.requirement("RAD-11")
def test_nothing_is_taken_by_a_time_before_the_container_was_there(who: People) -> None:
    """Decay reckoned backwards would make a thousand times as much of it, ten half-lives ago."""
    row = vial(who)
    with pytest.raises(InvalidInput, match="was not there yet"):
        transfer(
            actor=who.operator,
            container_id=row.pk,
            activity={"value": "90000", "unit": "MBq"},
            at=database_now() - timedelta(days=33),
            reason="to the hospital",
        )


@pytest.mark.requirement("RAD-11")
def test_a_claimed_uncertainty_is_no_licence_to_overdraw(who: People) -> None:
    row = vial(who)
    with pytest.raises((Conflict, InvalidInput)):
        transfer(
            actor=who.operator,
            container_id=row.pk,
            activity={"value": "1000", "unit": "MBq", "u": "1000"},
            reason="to the hospital",
        )


def arriving(**given: Any) -> dict[str, Any]:
    return {"number": "V-9", "material": "oxalate", "expires_at": "2099-01-01T00:00:00+00:00", **given}


@pytest.mark.parametrize("year", ["2199", "1901"])
def test_a_mistyped_year_does_not_take_down_the_lists(who: People, year: str) -> None:
    rest, at = Rest("operator"), f"{year}-01-01T00:00:00+00:00"
    stated = {"value": "100", "unit": "MBq", "at": at if year > "2100" else database_now().isoformat()}
    received = {"value": "90", "unit": "MBq", "at": at}
    given = {"stated": stated} | ({"received": received} if year < "2000" else {})
    answer = rest.post("lots/", arriving(nuclide="Zr-89", **given))
    assert (answer.status_code, answer.data.get("code")) == (422, "out_of_range"), answer.data
    assert rest.get("containers/").status_code == rest.get("inventory/").status_code == 200


def test_what_is_stated_for_hundreds_of_half_lives_ahead_is_not_known(who: People) -> None:
    rest = Rest("operator")
    at = (database_now() + timedelta(days=59)).isoformat()
    answer = rest.post("lots/", arriving(nuclide="F-18", stated={"value": "100", "unit": "MBq", "at": at}))
    assert answer.status_code == 201, answer.data
    (row,) = rest.get("containers/").data["results"]
    assert row["now"] is None
    (held,) = rest.get("inventory/").data["nuclides"]
    assert (held["nuclide"], held["unknown"]) == ("F-18", 1)
    assert rest.get(f"containers/{row['id']}/").status_code == 200
    assert rest.get(f"containers/{row['id']}/activity/", at="1900-01-01T00:00:00+00:00").data["value"] is None


# ------------------------------------------------------------------------------------------------------- waste


@pytest.mark.requirement("RAD-10")
def test_whoever_stores_waste_does_not_widen_the_clearance_limit_of_the_site(who: People, settings: Any) -> None:
    settings.CLEARANCE_LIMITS = {"Zr-89": "1 kBq"}
    row = vial(who, "BIN-1")
    with pytest.raises(InvalidInput, match="limit of the site"):
        store_for_decay(
            actor=who.operator,
            container_id=row.pk,
            place="Room 3",
            limit={"value": "1", "unit": "GBq"},
            limit_source="me",
        )
    assert not DecayStorage.objects.exists()


@pytest.mark.requirement("RAD-10")
def test_a_survey_is_read_in_what_a_survey_meter_shows(who: People, settings: Any) -> None:
    settings.CLEARANCE_LIMITS = {"Zr-89": "200 MBq"}
    row = vial(who, "BIN-2")
    store_for_decay(
        actor=who.radiation_safety,
        container_id=row.pk,
        place="Room 3",
        limit={"value": "200", "unit": "MBq"},
        limit_source="Permit 12",
    )
    factories.instrument(who, "SM-1", "survey_meter")
    body = {"equipment": "SM-1", "background": "1", "reading": "1", "unit": "mL", "outcome": "pass"}
    answer = Rest("radiation_safety").signed(f"containers/{row.pk}/surveys/", body | {"label_defaced": True})
    assert answer.status_code == 422, answer.data


# -------------------------------------------------------------------------------------------------- deviations


@pytest.mark.requirement("SIG-6")
def test_whoever_recorded_the_values_does_not_assess_what_a_colleague_reported(who: People) -> None:
    number = small(who)
    both = factories.another("both", "operator", "reviewer")
    record_entry(actor=both, number=number, step="product", field="kit_lot", reading=Reading(value="KIT-1"))
    found = report_deviation(
        actor=who.analyst, number=number, text="The kit was warm.", severity="minor", step="product"
    )
    with pytest.raises(SegregationOfDuties):
        assess_deviation(
            actor=both,
            number=number,
            deviation_id=found.pk,
            assessed=Assessed("No harm.", DeviationClass.MINOR),
            credential=credential("both"),
        )


CRITICAL = Assessed(
    "The seal was broken.",
    DeviationClass.CRITICAL,
    Conclusion.AFFECTED,
    impact="Sterility is lost.",
    cause="material",
    root_cause="The crimp was loose.",
)


@pytest.mark.requirement("PET-90")
def test_what_is_found_after_the_release_keeps_the_product_where_it_is(laboratory: People) -> None:
    """Neither handed over nor used while a critical deviation is open, and never once the product is affected."""
    who, number = laboratory, factories.released(laboratory).number
    found = report_deviation(actor=who.analyst, number=number, text="The seal was broken.", severity="critical")
    with pytest.raises(Conflict, match="critical deviation"):
        hand_over(who, number)
    with pytest.raises(Conflict, match="critical deviation"):
        use(number)
    assess_deviation(
        actor=who.quality, number=number, deviation_id=found.pk, assessed=CRITICAL, credential=credential("quality")
    )
    with pytest.raises(Conflict, match="affects the product"):
        hand_over(who, number)
    with pytest.raises(Conflict, match="affects the product"):
        use(number)
    assert not Dispatch.objects.exists()


@pytest.mark.requirement("PET-90")
def test_growth_after_the_release_keeps_the_product_where_it_is(laboratory: People) -> None:
    who, number = laboratory, factories.released(laboratory).number
    factories.give_results(who, number, {"sterility": "growth"}, reviewed=False)
    found = Deviation.objects.get(batch__number=number, kind=Deviation.Kind.AFTER_RELEASE)
    assert (found.severity, found.is_open) == ("critical", True)
    assert "Sterility is growth, known only after the release; the limit is no growth." in found.text
    with pytest.raises(Conflict, match="critical deviation"):
        hand_over(who, number)
    with pytest.raises(Conflict, match="critical deviation"):
        use(number)


@pytest.mark.requirement("PET-90")
def test_a_claimed_time_hands_nothing_over_that_has_expired_since(laboratory: People) -> None:
    number = factories.released(laboratory).number
    to = Consignment(number, "Ward 4", "1 Hospital Road", "+31 20 555 0101", "Courier", "1 syringe")
    with pytest.raises(InvalidInput, match="a handing over is signed when it happens"):
        dispatch_batch(
            actor=laboratory.operator,
            number=number,
            consignment=to,
            credential=credential("operator"),
            at=database_now() - timedelta(minutes=16),
        )
    assert not Dispatch.objects.exists()


def hand_over(who: People, number: str) -> Dispatch:
    to = Consignment(number, "Ward 4", "1 Hospital Road", "+31 20 555 0101", "Courier", "1 syringe")
    return dispatch_batch(actor=who.operator, number=number, consignment=to, credential=credential("operator"))


def use(number: str) -> None:
    kind = Batch.objects.get(number=number).protocol_version.kind
    material = Material(key="oxine", name="Oxine", kind="batch", protocol_kind=kind)
    usable_batch(number, material=material, at=database_now())


# --------------------------------------------------------------------------------------------- down-time sheets


@pytest.mark.requirement("DI-6")
def test_a_sheet_of_today_proves_nothing_of_last_week(who: People) -> None:
    small_batch.adopt_small(who)
    sheet = issue_sheet(actor=who.operator, protocol="small", issued_to="operator")
    number = plan_batch(actor=who.operator, protocol="small", sheet=sheet.number).number
    at = database_now() - timedelta(days=7)
    with pytest.raises(InvalidInput, match=r"before .* was issued"):
        start_batch(actor=who.operator, number=number, started_at=at, reason="on paper")


@pytest.mark.requirement("DI-6")
def test_whoever_worked_on_the_paper_does_not_compare_it(who: People) -> None:
    small_batch.adopt_small(who)
    paper = factories.another("paper", "operator", "verifier")
    sheet = issue_sheet(actor=who.operator, protocol="small", issued_to="paper")
    number = plan_batch(actor=who.operator, protocol="small", sheet=sheet.number).number
    start_batch(actor=who.operator, number=number)
    filled(who, number)
    attach_scan(actor=who.operator, number=sheet.number, name="s.png", content=b"\x89PNG\r\n\x1a\n" + b"x")
    with pytest.raises(Conflict, match="was issued to") as refusal:
        sign_transfer(actor=who.operator, number=sheet.number, credential=credential("operator"))
    assert refusal.value.code == "not_who_worked"
    sign_transfer(actor=paper, number=sheet.number, credential=credential("paper"))
    facts = facts_of(DowntimeSheet.objects.get().batch)  # type: ignore[arg-type]
    with pytest.raises(SegregationOfDuties):
        reconcile_sheet(
            actor=paper,
            number=sheet.number,
            credential=credential("paper"),
            compared=dict.fromkeys(facts.current, AGREES),
        )


def filled(who: People, number: str) -> None:
    for step, field, value, unit in (*small_batch.VALUES, ("product", "volume", "3.0", "mL")):
        reading = Reading(value=value, unit=unit, equipment="DC-1" if field == "activity" else "")
        record_entry(actor=who.operator, number=number, step=step, field=field, reading=reading)
