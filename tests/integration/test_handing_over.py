"""Handing over moves activity: what left the site is no longer in stock, and nothing leaves it twice."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from django.db import connection, transaction
from django.test import Client

from labeling.models import Batch, Container, ContainerEvent, Deviation, Dispatch
from labeling.selectors.batch import batch_document
from labeling.selectors.clock import database_now
from labeling.selectors.containers import container_document, find_container
from labeling.selectors.facts import facts_of
from labeling.selectors.inventory import inventory
from labeling.selectors.today import decaying_stock, expiring
from labeling.services.containers import correct_event, open_container, transfer
from labeling.services.dispatch import Consignment, dispatch_batch
from labeling.views.activity import activity_now
from lims.errors import Conflict, InvalidInput
from lims.oversight.models import Alarm
from tests import factories
from tests.factories import PASSWORD, People, credential, fresh_code
from tests.integration.rest import Rest

SENT: dict[str, Any] = {
    "recipient": "Ward 4, Dr. Novak",
    "address": "1 Hospital Road",
    "phone": "+31 20 555 0101",
    "carrier": "Courier of the pharmacy",
    "quantity": "1 vial",
}


@pytest.fixture
def batch(laboratory: People) -> Batch:
    return factories.released(laboratory)


def hand_over(who: People, batch: Batch, **more: Any) -> Dispatch:
    sent = replace(Consignment(scanned=batch.number, **SENT), **more)
    return dispatch_batch(actor=who.operator, number=batch.number, consignment=sent, credential=credential("operator"))


def product(batch: Batch) -> Container:
    return Container.objects.get(batch=batch, product=True)


def held() -> float:
    """MBq of the site."""
    return sum(float(row["activity"]["value"]) for row in inventory(at=database_now()) if row["nuclide"] == "Zr-89")


@pytest.mark.requirement("PET-90")
def test_what_is_handed_over_whole_leaves_the_inventory(laboratory: People, batch: Batch) -> None:
    before, vessel = held(), product(batch)
    given = hand_over(laboratory, batch)
    row = product(batch)
    assert (row.status, row.content, given.vessel_id, given.whole) == ("dispatched", 0.0, vessel.pk, True)
    event = ContainerEvent.objects.get(dispatch=given)
    assert event.kind == "removal"
    assert before - held() == pytest.approx(float(event.activity or 0), rel=1e-3)
    assert row.code not in [stock["code"] for stock in decaying_stock(at=database_now())]
    assert batch.number not in [line["name"] for line in expiring(now=database_now())]
    document = container_document(find_container(row.pk), at=database_now())
    assert document["handed_over_at"] == given.at.isoformat()
    assert document["handed_over"][0]["recipient"] == SENT["recipient"]
    assert document["decay"] is None


@pytest.mark.requirement("PET-90")
def test_the_same_product_is_not_handed_over_twice(laboratory: People, batch: Batch) -> None:
    hand_over(laboratory, batch)
    with pytest.raises(Conflict, match=r"was handed over to Ward 4, Dr\. Novak at .* by Operator Test") as refusal:
        hand_over(laboratory, batch, recipient="Ward 5")
    assert refusal.value.code == "handed_over"
    assert Dispatch.objects.count() == 1


def test_a_part_leaves_the_rest_in_stock_until_nothing_is_left(laboratory: People, batch: Batch) -> None:
    vessel = product(batch)
    volume = (vessel.content_volume or 0) * 1e3
    first = hand_over(laboratory, batch, volume={"value": f"{volume / 2:.6f}", "unit": "mL"})
    assert not first.whole
    assert product(batch).status == "in_use"
    with pytest.raises(Conflict, match="cannot be taken from it"):
        hand_over(laboratory, batch, volume={"value": f"{volume:.6f}", "unit": "mL"})
    shown = activity_now(facts_of(batch), at=first.at)
    assert shown
    assert float(str(shown["now"])) == pytest.approx((product(batch).content or 0) / 1e6, abs=0.01)
    second = hand_over(laboratory, batch)
    assert activity_now(facts_of(batch), at=second.at) == {"handed_over_at": second.at.isoformat()}
    assert second.whole
    assert product(batch).status == "dispatched"
    sent = batch_document(batch.number)["dispatches"]
    assert [row["handed_over"]["whole"] for row in sent] == [False, True]
    assert len(sent[1]["handed_over"]["volume"]["value"]) < 10
    assert sent[0]["handed_over"]["from_container"] == vessel.code
    shares = [float(row["handed_over"]["activity"]["value"]) for row in sent]
    assert shares[0] == pytest.approx(shares[1], rel=1e-2)


def test_a_part_that_is_everything_is_the_whole(laboratory: People, batch: Batch) -> None:
    volume = repr((product(batch).content_volume or 0) * 1e3)
    assert hand_over(laboratory, batch, volume={"value": volume, "unit": "mL"}).whole
    assert product(batch).status == "dispatched"


def test_an_empty_container_is_not_handed_over(laboratory: People, batch: Batch) -> None:
    open_container(actor=laboratory.operator, kind="waste", nuclide="Zr-89", code="BIN-1")
    transfer(actor=laboratory.operator, container_id=product(batch).pk, to="BIN-1")
    with pytest.raises(Conflict, match="Nothing is left in") as refusal:
        hand_over(laboratory, batch)
    assert refusal.value.code == "nothing_left"


def test_a_syringe_filled_from_the_product_is_handed_over_by_its_own_code(laboratory: People, batch: Batch) -> None:
    open_container(actor=laboratory.operator, kind="syringe", nuclide="Zr-89", code="SYR-1")
    transfer(
        actor=laboratory.operator, container_id=product(batch).pk, to="SYR-1", volume={"value": "0.2", "unit": "mL"}
    )
    assert hand_over(laboratory, batch, from_container="SYR-1").vessel == Container.objects.get(code="SYR-1")
    assert product(batch).status == "in_use"
    open_container(actor=laboratory.operator, kind="syringe", nuclide="Zr-89", code="SYR-2")
    with pytest.raises(InvalidInput, match="SYR-2 holds nothing of") as refusal:
        hand_over(laboratory, batch, from_container="SYR-2")
    assert refusal.value.details["field"] == "from_container"


def test_the_code_of_the_container_is_its_name_too(laboratory: People, batch: Batch) -> None:
    assert hand_over(laboratory, batch, scanned=product(batch).code).whole


def test_what_was_signed_as_handed_over_is_not_corrected_away(laboratory: People, batch: Batch) -> None:
    given = hand_over(laboratory, batch, volume={"value": "0.1", "unit": "mL"})
    with pytest.raises(Conflict, match="signed") as refusal:
        correct_event(
            actor=laboratory.operator,
            container_id=product(batch).pk,
            event_id=given.event_id or 0,
            volume={"value": "0.2", "unit": "mL"},
            reason="misread",
        )
    assert refusal.value.code == "signed_for"


def test_the_database_knows_no_container_handed_over_to_nobody(laboratory: People, batch: Batch) -> None:
    with pytest.raises(Exception, match="nobody has signed"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("UPDATE labeling_container SET status = 'dispatched' WHERE id = %s", [product(batch).pk])


@pytest.mark.requirement("PET-90")
def test_a_client_that_names_no_container_hands_over_the_whole_once(laboratory: People, batch: Batch) -> None:
    rest, place = Rest("releaser"), f"batches/{batch.number}/dispatches/"
    body = {"scanned": batch.number, **SENT}
    answer = rest.signed(place, body)
    assert answer.status_code == 201, answer.data
    assert answer.data["dispatches"][0]["handed_over"]["whole"]
    again = rest.signed(place, body)
    assert (again.status_code, again.data["code"]) == (409, "handed_over")
    assert "Ward 4, Dr. Novak" in again.data["detail"]


def test_a_client_names_the_container_and_the_part(laboratory: People, batch: Batch) -> None:
    code = product(batch).code
    part = {"from_container": code, "volume": {"value": "0.1", "unit": "mL"}}
    answer = Rest("releaser").signed(f"batches/{batch.number}/dispatches/", {"scanned": batch.number, **SENT, **part})
    assert answer.status_code == 201, answer.data
    row = answer.data["dispatches"][0]["handed_over"]
    assert (row["from_container"], row["whole"], row["volume"]["value"]) == (code, False, "0.1")


# ------------------------------------------------------------------------------------------------ on the page


def page_of(role: str) -> Client:
    client = Client()
    signed_in = client.post("/sign-in/", {"username": role, "password": PASSWORD.format(role), "otp": fresh_code(role)})
    assert signed_in.status_code == 302, signed_in.content.decode()[-2000:]
    return client


def typed(batch: Batch, **more: str) -> dict[str, str]:
    signature = {"username": "operator", "password": PASSWORD.format("operator"), "otp": fresh_code("operator")}
    return {"scanned": batch.number, **SENT, **signature, **more}


def revision(batch: Batch) -> str:
    return str(batch_document(batch.number)["revision"])


@pytest.mark.requirement("CELL-4")
def test_a_form_that_was_refused_as_stale_goes_through_the_second_time(laboratory: People, batch: Batch) -> None:
    client, place = page_of("operator"), f"/batches/{batch.number}/dispatch/"
    stale = client.post(place, typed(batch, revision=str(int(revision(batch)) - 1)))
    text = stale.content.decode()
    assert stale.status_code == 409
    assert "The record changed while this page was open" in text
    assert "Ward 4, Dr. Novak" in text
    assert f'name="revision" value="{revision(batch)}"' in text
    done = client.post(place, typed(batch, revision=revision(batch)))
    assert done.status_code == 302
    answer = client.get(f"/batches/{batch.number}/").content.decode()
    assert "Hand over the product" not in answer
    assert "handed over" in answer


def test_ones_own_refused_scan_is_no_change_by_others(laboratory: People, batch: Batch) -> None:
    client, place = page_of("operator"), f"/batches/{batch.number}/dispatch/"
    before = revision(batch)
    refused = client.post(place, typed(batch, scanned="S-2020-0001", revision=before))
    text = refused.content.decode()
    assert refused.status_code == 422
    assert revision(batch) == str(int(before) + 1)
    assert f'name="revision" value="{revision(batch)}"' in text
    assert "Ward 4, Dr. Novak" in text
    found = Deviation.objects.get(batch=batch, kind="identity")
    shown = client.get(f"/batches/{batch.number}/").content.decode()
    assert "It is handed over when quality has assessed" in shown
    assert f"/batches/{batch.number}/deviations/{found.pk}/" in shown
    assert 'id="dispatch-scanned"' not in shown


def test_the_form_says_what_the_label_carries(laboratory: People, batch: Batch) -> None:
    text = page_of("operator").get(f"/batches/{batch.number}/").content.decode()
    assert f"the batch number {batch.number}, as this batch is not bound to a person" in text
    assert product(batch).code in text


# ------------------------------------------------------------------------------------------------ the alarm


@pytest.mark.requirement("CELL-4")
def test_another_identity_sounds_an_alarm_at_once(laboratory: People, batch: Batch) -> None:
    with pytest.raises(InvalidInput):
        hand_over(laboratory, batch, scanned="S-2020-0001")
    alarm = Alarm.objects.get(kind="another_identity")
    assert (alarm.severity, alarm.subject) == ("critical", batch.number)
    assert "S-2020-0001" in alarm.text
