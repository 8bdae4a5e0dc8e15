"""Containers through the services and over REST: they follow the batch, refuse an overdraft, and wait until decayed."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import IntegrityError, connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from labeling.models import Batch, Container, ContainerEvent, Deviation, ProtocolVersion
from labeling.selectors.balance import balance_document
from labeling.selectors.batch import find_batch
from labeling.selectors.clock import database_now
from labeling.selectors.containers import container_document, find_container
from labeling.selectors.facts import facts_of
from labeling.selectors.inventory import inventory
from labeling.services.completion import complete_batch
from labeling.services.containers import open_container, transfer
from labeling.services.decay_storage import store_for_decay
from labeling.services.materials import decide_lot, receive_lot
from labeling.services.planning import plan_batch, start_batch
from labeling.services.recording import Reading, correct_entry, record_entry
from labeling.services.versions import import_protocol
from lims.audit.operations import operation
from lims.errors import Conflict, InvalidInput
from lims.signatures.models import Signature
from tests import factories
from tests.factories import People
from tests.integration.rest import Rest
from tests.unit.test_balance import OWN


def vial(who: People, number: str, *, activity: str = "120.0", volume: str = "0.40") -> None:
    """An oxalate vial as it arrives: read, accepted, ready to be drawn from."""
    now = database_now()
    lot = receive_lot(
        actor=who.operator,
        number=number,
        material="oxalate",
        expires_at=now + timedelta(days=9),
        volume={"value": volume, "unit": "mL"},
        received={"value": activity, "unit": "MBq", "at": now.isoformat(), "equipment": "DC-1"},
    )
    decide_lot(actor=who.quality, lot_id=lot.pk, credential=factories.credential("quality"), accept=True)


def synthesis(who: People) -> str:
    batch = plan_batch(actor=who.operator, protocol="zr89-oxine-kit")
    return start_batch(actor=who.operator, number=batch.number).number


def enter(who: People, number: str, field: str, value: str, unit: str = "", equipment: str = "", **more: Any) -> Any:
    step, _, key = field.partition(".")
    reading = Reading(value=value, unit=unit, equipment=equipment, **more)
    return record_entry(actor=who.operator, number=number, step=step, field=key, reading=reading)


def draw(who: People, number: str, lot: str, activity: str, volume: str) -> None:
    enter(who, number, "dispense.oxalate_lot", lot)
    enter(who, number, "dispense.starting", activity, "MBq", "DC-1")
    enter(who, number, "dispense.oxalate_volume", volume, "mL")


def megabecquerel(code: str) -> float:
    held = Container.objects.get(code=code).content
    assert held is not None
    return held / 1e6


def test_a_batch_has_its_containers_from_the_start_and_they_follow_its_entries(laboratory: People) -> None:
    vial(laboratory, "VIAL-1")
    number = synthesis(laboratory)
    assert set(Container.objects.filter(batch__number=number).values_list("key", flat=True)) == {
        "syringe", "reaction", "product"}  # fmt: skip
    draw(laboratory, number, "VIAL-1", "75.0", "0.25")
    assert megabecquerel("VIAL-1") == pytest.approx(45.0, rel=1e-4)
    assert Container.objects.get(code="VIAL-1").content_volume == pytest.approx(0.15e-3)
    enter(laboratory, number, "residue.residual", "1.5", "MBq", "DC-1")
    assert megabecquerel(f"{number}-syringe") == pytest.approx(1.5)
    assert megabecquerel(f"{number}-reaction") == pytest.approx(73.5, rel=1e-4)
    enter(laboratory, number, "product.product", "63.0", "MBq", "DC-1")
    assert megabecquerel(f"{number}-reaction") == pytest.approx(10.5, rel=1e-3)
    assert megabecquerel(f"{number}-product") == pytest.approx(63.0)


def test_a_correction_is_followed_and_the_old_event_stays(laboratory: People) -> None:
    vial(laboratory, "VIAL-1")
    number = synthesis(laboratory)
    draw(laboratory, number, "VIAL-1", "75.0", "0.25")
    entry = facts_of(find_batch(number)).current["dispense.starting"]
    reading = Reading(value="57.0", unit="MBq", reason="digits swapped")
    correct_entry(actor=laboratory.operator, number=number, entry_id=entry.pk, reading=reading)
    assert megabecquerel("VIAL-1") == pytest.approx(63.0, rel=1e-4)
    events = container_document(Container.objects.get(code="VIAL-1"), at=database_now())["events"]
    drawn = [e for e in events if e["field"] == "dispense.starting"]
    assert [e["counts"] for e in drawn] == [False, False, True]  # without its volume, with it, corrected


def test_the_lot_may_be_named_after_the_activity(laboratory: People) -> None:
    vial(laboratory, "VIAL-1")
    number = synthesis(laboratory)
    enter(laboratory, number, "dispense.starting", "75.0", "MBq", "DC-1")
    assert megabecquerel("VIAL-1") == pytest.approx(120.0)
    enter(laboratory, number, "dispense.oxalate_lot", "VIAL-1")
    assert megabecquerel("VIAL-1") == pytest.approx(45.0, rel=1e-4)


@pytest.mark.requirement("RAD-11")
@pytest.mark.parametrize(
    ("activity", "volume", "told"),
    [
        ("75.0", "0.41", r"VIAL-1 holds 0\.4000 mL"),
        ("130.0", "0.25", r"VIAL-1 holds 120\.0 MBq at .* 130\.0 MBq cannot"),
    ],
)
def test_a_batch_cannot_take_more_than_the_vial_holds(
    laboratory: People, activity: str, volume: str, told: str
) -> None:
    vial(laboratory, "VIAL-1")
    number = synthesis(laboratory)
    with pytest.raises(Conflict, match=told) as refused:
        draw(laboratory, number, "VIAL-1", activity, volume)
    assert refused.value.code == "overdrawn"


def test_two_batches_share_one_vial_and_the_second_is_stopped(laboratory: People) -> None:
    vial(laboratory, "VIAL-1")
    draw(laboratory, synthesis(laboratory), "VIAL-1", "75.0", "0.25")
    with pytest.raises(Conflict) as refused:
        draw(laboratory, synthesis(laboratory), "VIAL-1", "44.0", "0.25")
    assert refused.value.code == "overdrawn"
    assert ContainerEvent.objects.filter(source__code="VIAL-1", corrected_by=None).count() == 2


def test_a_value_outside_its_range_is_kept_with_its_deviation(laboratory: People) -> None:
    vial(laboratory, "VIAL-1")
    number = synthesis(laboratory)
    draw(laboratory, number, "VIAL-1", "450", "0.25")
    assert Deviation.objects.get(batch__number=number).kind == "out_of_range"
    assert megabecquerel("VIAL-1") == 0


def test_a_labeling_draws_on_the_released_synthesis(laboratory: People) -> None:
    source = factories.released(laboratory)
    made = factories.campaign()["labelings"][0]
    drawn_from = {"dispense.oxine_batch": source.number}
    labeling = factories.recorded(laboratory, made, moved=_after(made), values=drawn_from)
    before = Container.objects.get(batch=source, product=True)
    event = ContainerEvent.objects.get(source=before, corrected_by=None)
    assert event.target is not None
    assert (event.target.code, event.activity) == (f"{labeling.number}-syringe", "8.852")
    assert before.content is not None
    assert before.content / 1e6 == pytest.approx(63.41 - 8.852, rel=5e-3)
    balance = balance_document(facts_of(find_batch(labeling.number)))
    assert balance is not None
    assert (balance["verdict"], balance["brought_in"][0]["name"]) == ("pass", source.number)


def _after(made: dict[str, Any]) -> timedelta:
    """The campaign's labeling, moved so that its last reading was a minute ago."""
    last = max(datetime.fromisoformat(entry["at"]) for entry in made["entries"] if "at" in entry)
    return database_now() - last - timedelta(minutes=1)


def own_batch(who: People, cells: str) -> Batch:
    """A batch of a protocol with containers of its own, all recorded; 9.5 MBq went in."""
    text = OWN.replace("kind: batch, protocol_kind: synthesis", "kind: radioactive")
    version, _ = import_protocol(actor=who.operator, text=text)
    factories.adopt(who, ProtocolVersion, version.code, version.number)
    lot = factories.lot(who, "LOOSE-1", "oxine")
    batch = plan_batch(actor=who.operator, protocol=version.code)
    start_batch(actor=who.operator, number=batch.number)
    for field, value in (("oxine", lot.number), ("full", "10.0"), ("drawn", "0.2"), ("empty", "0.5"),
                         ("washed", "3.5"), ("cells", cells)):  # fmt: skip
        unit = {"oxine": "", "drawn": "mL"}.get(field, "MBq")
        enter(who, batch.number, f"work.{field}", value, unit)
    return batch


@pytest.mark.parametrize(("cells", "opened"), [("5.9", 0), ("3.0", 1)])
def test_a_balance_that_does_not_close_opens_a_deviation_at_completion(
    laboratory: People, cells: str, opened: int
) -> None:
    batch = own_batch(laboratory, cells)
    complete_batch(actor=laboratory.operator, number=batch.number, credential=factories.credential("operator"))
    found = Deviation.objects.filter(batch=batch, kind=Deviation.Kind.ACTIVITY_BALANCE)
    assert found.count() == opened
    assert all("wanted is 95 to 105 % (the default" in deviation.text for deviation in found)


def test_the_record_prints_the_balance(laboratory: People) -> None:
    from lims.records.models import Document

    batch = factories.released(laboratory)
    context = Document.objects.get(subject=batch.number).context
    assert context["balance"]["drawing"].startswith("<svg")
    assert context["balance"]["unmeasured"] == ["Reaction vial and filter"]


# ------------------------------------------------------------------ outside a batch


def opened(rest: Rest, code: str, kind: str = "vial", activity: str = "", volume: str = "") -> int:
    body: dict[str, Any] = {"code": code, "kind": kind, "nuclide": "Zr-89"}
    if activity:
        body |= {"activity": {"value": activity, "unit": "MBq"}, "volume": {"value": volume, "unit": "mL"}}
    answer = rest.post("containers/", body)
    assert answer.status_code == 201, answer.data
    return int(answer.data["id"])


def test_a_transfer_takes_its_share_and_the_bin_receives_it(who: People) -> None:
    rest = Rest("operator")
    source, bin_ = opened(rest, "V-1", activity="40.0", volume="2.0"), opened(rest, "BIN-1", "waste")
    moved = rest.post(f"containers/{source}/transfers/", {"to": "BIN-1", "volume": {"value": "0.5", "unit": "mL"}})
    assert moved.status_code == 201, moved.data
    assert float(moved.data["now"]["value"]) == pytest.approx(30.0, rel=1e-4)
    assert float(rest.get(f"containers/{bin_}/").data["now"]["value"]) == pytest.approx(10.0, rel=1e-4)
    rest.post(f"containers/{source}/transfers/", {"to": "BIN-1"})
    assert rest.get(f"containers/{source}/").data["now"]["value"] == "0.0"
    assert rest.get(f"containers/{bin_}/").data["came_from"] == ["V-1"]


REFUSED: list[tuple[dict[str, Any], int, str]] = [
    ({"to": "BIN-1", "volume": {"value": "2.1", "unit": "mL"}}, 409, "overdrawn"),
    ({"to": "BIN-1", "activity": {"value": "43", "unit": "MBq"}}, 409, "overdrawn"),
    ({"to": "BIN-1", "activity": {"value": "1", "unit": "mL"}}, 422, "wrong_unit"),
    ({"to": "NOWHERE"}, 422, "unknown_container"),
    ({"to": "V-1"}, 422, "same_container"),
    ({}, 422, "reason_missing"),
    ({"to": "BIN-1", "at": "2099-01-01T00:00:00+00:00"}, 422, "future_time"),
    ({"to": "BIN-1", "by": "hand"}, 400, "malformed"),
]


def test_a_transfer_that_cannot_be_is_refused(who: People) -> None:
    rest = Rest("operator")
    source = opened(rest, "V-1", activity="40.0", volume="2.0")
    opened(rest, "BIN-1", "waste")
    for body, status, code in REFUSED:
        answer = rest.post(f"containers/{source}/transfers/", body)
        assert (answer.status_code, answer.data["code"]) == (status, code), answer.data
    assert ContainerEvent.objects.filter(source=source).count() == 0


def test_a_reading_is_corrected_with_a_reason(who: People) -> None:
    rest = Rest("operator")
    source = opened(rest, "V-1", activity="40.0", volume="2.0")
    read = rest.post(f"containers/{source}/readings/", {"activity": {"value": "93.0", "unit": "MBq"}})
    event = read.data["events"][-1]["id"]
    path = f"containers/{source}/events/{event}/correct/"
    corrected = {"activity": {"value": "39.0", "unit": "MBq"}}
    assert rest.post(path, corrected).data["code"] == "reason_missing"
    answer = rest.post(path, corrected | {"reason": "digits swapped"})
    assert answer.status_code == 201, answer.data
    assert float(answer.data["now"]["value"]) == pytest.approx(39.0, rel=1e-4)
    assert rest.post(path, corrected | {"reason": "again"}).data["code"] == "stale"


def test_the_activity_at_any_instant(who: People) -> None:
    rest = Rest("operator")
    source = opened(rest, "V-1", activity="40.0", volume="2.0")
    at = database_now() + timedelta(hours=78.41)
    answer = rest.get(f"containers/{source}/activity/", at=at.isoformat())
    assert float(answer.data["value"]) == pytest.approx(20.0, rel=1e-3)
    assert rest.get(f"containers/{source}/activity/", at="2026-03-03T10:00:00").data["code"] == "naive_time"


def test_who_only_looks_changes_nothing(who: People) -> None:
    source = opened(Rest("operator"), "V-1", activity="40.0", volume="2.0")
    rest = Rest("analyst")
    assert rest.get(f"containers/{source}/").status_code == 200
    read = {"activity": {"value": "1", "unit": "MBq"}}
    for path, body in (("readings/", read), ("transfers/", {"reason": "x"}), ("storage/", {"place": "x"})):
        assert rest.post(f"containers/{source}/{path}", body).status_code == 403, path
    survey = {"equipment": "SM-1", "background": "0.1", "reading": "0.1", "unit": "uSv/h", "outcome": "pass"}
    answer = rest.signed(f"containers/{source}/surveys/", survey)
    assert answer.status_code in (403, 409)
    assert Container.objects.get(pk=source).status == "in_use"


# ----------------------------------------------------------------------- used up


@pytest.mark.requirement("CH4-9")
def test_a_container_that_is_emptied_is_used_up_until_it_is_filled_again(who: People) -> None:
    rest = Rest("operator")
    source, other = opened(rest, "V-1", activity="40.0", volume="2.0"), opened(rest, "V-2")
    part = rest.post(f"containers/{source}/transfers/", {"to": "V-2", "volume": {"value": "0.5", "unit": "mL"}})
    assert part.data["status"] == "in_use"
    emptied = rest.post(f"containers/{source}/transfers/", {"to": "V-2"})
    assert emptied.data["status"] == "used_up"
    assert [row["code"] for row in rest.get("containers/", status="in_use").data["results"]] == ["V-2"]
    event = next(e for e in emptied.data["events"] if e["kind"] == "transfer" and float(e["volume"]["value"]) > 1)
    corrected = {"volume": {"value": "1.0", "unit": "mL"}, "reason": "half a milliliter stayed"}
    back = rest.post(f"containers/{source}/events/{event['id']}/correct/", corrected)
    assert back.data["status"] == "in_use"
    assert rest.post(f"containers/{other}/transfers/", {"to": "V-1"}).status_code == 201
    assert Container.objects.get(pk=other).status == "used_up"


@pytest.mark.requirement("CH4-9")
def test_a_person_says_that_a_container_with_a_rest_is_used_up_and_puts_it_away(who: People) -> None:
    rest = Rest("operator")
    source, bin_ = opened(rest, "V-1", activity="1.5", volume="0.1"), opened(rest, "BIN-1", kind="waste")
    path = f"containers/{source}/used-up/"
    assert Rest("inspector").post(path).status_code == 403
    assert rest.post(path, {"reason": "the rest is not drawn up"}).data["status"] == "used_up"
    assert rest.post(path).data["code"] == "already_recorded"
    held = inventory(at=database_now())
    assert next(row for row in held if row["nuclide"] == "Zr-89")["containers"] == 2, "its rest is on the site still"
    page = Client()
    page.force_login(who.operator.user)
    shown = page.get(f"/containers/{source}/").content.decode()
    assert "Used up" in shown
    assert "It is used up" not in shown
    assert "It is used up" in page.get(f"/containers/{bin_}/").content.decode()
    assert rest.post(f"containers/{source}/readings/", {"volume": {"value": "0.1", "unit": "mL"}}).status_code == 201
    assert Container.objects.get(pk=source).status == "in_use"
    assert page.post(f"/containers/{source}/used-up/", {"reason": ""}).status_code == 302
    assert rest.post(f"containers/{source}/storage/", {"place": "Room 3"}).data["status"] == "decay_storage"
    assert rest.post(path).data["code"] == "container_closed"


@pytest.mark.requirement("CH4-9")
def test_a_waste_bin_that_is_emptied_is_used_on(who: People) -> None:
    rest = Rest("operator")
    opened(rest, "BIN-2", kind="waste")
    full = opened(rest, "BIN-1", kind="waste", activity="4.0", volume="1.0")
    assert rest.post(f"containers/{full}/transfers/", {"to": "BIN-2"}).data["status"] == "in_use"


# ------------------------------------------------------------------------- waste


@pytest.fixture
def site_limit(settings: Any) -> None:
    """A clearance limit as wide as it can be, so that a stricter one can be stated."""
    settings.CLEARANCE_LIMITS, settings.CLEARANCE_SOURCE = {"Zr-89": "50 MBq"}, "Permit 12, annex 3"


def stored(who: People, *, limit: str = "", code: str = "BIN-1") -> Container:
    row = open_container(
        actor=who.radiation_safety,
        kind="waste",
        nuclide="Zr-89",
        code=code,
        activity={"value": "37", "unit": "MBq"},
    )
    given = {"limit": {"value": limit, "unit": "kBq"}, "limit_source": "permit 12"} if limit else {}
    store_for_decay(actor=who.radiation_safety, container_id=row.pk, place="Room 3", **given)  # type: ignore[arg-type]
    return Container.objects.get(pk=row.pk)


SURVEY = {"equipment": "SM-1", "background": "0.08", "reading": "0.09", "unit": "uSv/h", "outcome": "pass"}


@pytest.mark.requirement("RAD-10")
@pytest.mark.parametrize(("site", "limit", "days"), [("1 kBq", "", 49.6), ("50 MBq", "1", 49.6)])
def test_waste_waits_until_it_has_decayed(who: People, settings: Any, site: str, limit: str, days: float) -> None:
    settings.CLEARANCE_LIMITS = {"Zr-89": site}
    row = stored(who, limit=limit)
    factories.instrument(who, "SM-1", "survey_meter")
    waits = row.decay_storage.earliest_release_at - row.decay_storage.stored_at
    assert waits.total_seconds() / 86400 == pytest.approx(days, abs=0.05)
    answer = Rest("radiation_safety").signed(f"containers/{row.pk}/surveys/", SURVEY | {"label_defaced": True})
    assert (answer.status_code, answer.data["code"]) == (409, "too_early"), answer.data
    with pytest.raises(Conflict, match="nothing goes in or out"):
        transfer(actor=who.operator, container_id=row.pk, reason="to the bin outside")


@pytest.mark.requirement("RAD-10")
def test_early_disposal_is_refused_by_the_database_too(who: People) -> None:
    row = stored(who)
    with (
        pytest.raises(IntegrityError, match="no survey that clears it"),
        operation(actor=who.radiation_safety, action="attack"),
    ):
        Container.objects.filter(pk=row.pk).update(status="cleared")


@pytest.mark.requirement("RAD-2")
@pytest.mark.requirement("RAD-10")
def test_a_survey_that_radiation_safety_signs_clears_it(who: People, site_limit: None) -> None:
    row = stored(who, limit="40000")  # it holds less than the limit already
    factories.instrument(who, "SM-1", "survey_meter")
    factories.instrument(who, "DC-1", "dose_calibrator")
    path, rest = f"containers/{row.pk}/surveys/", Rest("radiation_safety")
    assert rest.signed(path, SURVEY).data["code"] == "label_not_defaced"
    assert rest.signed(path, SURVEY | {"reading": "0.20", "label_defaced": True}).data["code"] == "above_background"
    assert rest.signed(path, SURVEY | {"equipment": "DC-1"}).data["code"] == "wrong_instrument"
    assert rest.signed(path, SURVEY | {"label_defaced": True}, role="operator").status_code == 403
    failed = rest.signed(path, SURVEY | {"reading": "0.20", "outcome": "fail"})
    assert (failed.status_code, failed.data["status"]) == (201, "decay_storage"), failed.data
    answer = rest.signed(path, SURVEY | {"label_defaced": True})
    assert (answer.status_code, answer.data["status"]) == (201, "cleared"), answer.data
    assert [survey["outcome"] for survey in answer.data["surveys"]] == ["fail", "pass"]
    signed = json.loads(Signature.objects.get(meaning="surveyed", manifest__contains='"outcome":"pass"').manifest)
    assert (signed["clearance_limit"], signed["clearance_limit_source"]) == ("40000 kBq", "permit 12")
    assert signed["earliest_release_at"] == row.decay_storage.earliest_release_at.isoformat()
    assert rest.signed(path, SURVEY | {"label_defaced": True}).data["code"] == "not_in_decay_storage"


@pytest.mark.requirement("RAD-10")
def test_without_a_limit_of_the_site_waste_is_stored_and_never_released(who: People, settings: Any) -> None:
    settings.CLEARANCE_LIMITS = {}
    with pytest.raises(InvalidInput, match="whoever stores waste does not set one") as refusal:
        stored(who, limit="50000")
    assert refusal.value.code == "no_site_limit"
    row = stored(who, code="BIN-2")
    factories.instrument(who, "SM-1", "survey_meter")
    path, rest = f"containers/{row.pk}/surveys/", Rest("radiation_safety")
    refused = rest.signed(path, SURVEY | {"label_defaced": True})
    assert (refused.status_code, refused.data["code"]) == (409, "no_clearance_limit"), refused.data
    assert "LIMS_CLEARANCE_LIMITS" in refused.data["detail"]
    held = rest.get(f"containers/{row.pk}/").data
    assert (held["can_be_surveyed"], held["storage"]["limit_missing"][:30]) == (False, "The site has set no clearance ")
    settings.CLEARANCE_LIMITS = {"Zr-89": "1 kBq"}
    later = rest.get(f"containers/{row.pk}/").data
    assert later["earliest_release_at"] > held["earliest_release_at"]
    assert rest.signed(path, SURVEY | {"label_defaced": True}).data["code"] == "too_early"
    settings.CLEARANCE_LIMITS = {"Zr-89": "40 MBq"}  # reached at once, and the ten half-lives still count
    assert rest.signed(path, SURVEY | {"label_defaced": True}).data["code"] == "too_early"


@pytest.mark.requirement("RAD-11")
def test_the_inventory_stands_against_the_licence(who: People, settings: Any) -> None:
    settings.LICENCE_LIMITS = {"Zr-89": "100 MBq", "In-111": "1 GBq"}
    for code in ("VIAL-1", "VIAL-2"):
        activity = {"value": "90.0", "unit": "MBq"}
        open_container(actor=who.operator, kind="vial", nuclide="Zr-89", code=code, activity=activity)
        if code == "VIAL-1":
            first = inventory(at=database_now())
    now = database_now()
    indium, zirconium = first
    assert (zirconium["nuclide"], zirconium["state"]) == ("Zr-89", "within")
    assert (indium["activity"]["value"], indium["state"]) == ("0.0", "within")
    held = Rest("radiation_safety").get("inventory/").data["nuclides"][1]
    assert held["state"] == "over"
    assert float(held["activity"]["value"]) == pytest.approx(180.0, rel=1e-3)
    later = inventory(at=now + timedelta(hours=78.41))[1]
    assert float(later["activity"]["value"]) == pytest.approx(90.0, rel=1e-2)


def test_a_clearance_limit_says_where_it_comes_from(who: People) -> None:
    row = open_container(actor=who.operator, kind="waste", nuclide="Zr-89")
    limit = {"value": "1", "unit": "kBq"}
    with pytest.raises(InvalidInput, match="Say where this clearance limit comes from"):
        store_for_decay(actor=who.operator, container_id=row.pk, place="Room 3", limit=limit)


def test_containers_cost_the_same_number_of_queries_whatever_their_number(laboratory: People) -> None:
    rest = Rest("radiation_safety")
    counts = []
    for turn in range(2):
        stored(laboratory, code=f"BIN-{turn}")
        vial(laboratory, f"VIAL-{turn}")
        draw(laboratory, synthesis(laboratory), f"VIAL-{turn}", "40.0", "0.1")
        vials = Container.objects.get(code="VIAL-0")
        for path in ("containers/", f"containers/{vials.pk}/", "inventory/"):
            with CaptureQueriesContext(connection) as queries:
                assert rest.get(path).status_code == 200
            counts.append((path, len(queries)))
        transfer(actor=laboratory.operator, container_id=vials.pk, to=f"VIAL-{turn}") if turn else None
    assert counts[:3] == counts[3:]
    assert find_container(vials.pk).code == "VIAL-0"
