"""Around the entries: what waited, scans that did not fit, the chain of identity, line clearance, handing over."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from rest_framework.response import Response

from labeling.models import Deviation, Dispatch, Entry, LineClearance, Scan
from labeling.selectors.batch import batch_document
from labeling.selectors.clock import database_now
from labeling.services.clearance import clear_line, verify_line
from labeling.services.dispatch import Consignment, dispatch_batch
from labeling.services.planning import plan_batch, start_batch
from labeling.services.recording import Reading, record_entry
from labeling.services.scanning import record_scan
from labeling.services.timers import record_timer
from lims.audit.models import Operation
from lims.errors import Conflict, InvalidInput, SegregationOfDuties
from tests import factories
from tests.browser import small_batch
from tests.factories import People, credential
from tests.integration.rest import Rest

OURS = "COI-302-1"
FORBIDDEN = r"append-only|permission denied"
SENT = Consignment(
    scanned="",
    recipient="Ward 4, Dr. Novak",
    address="1 Hospital Road",
    phone="+31 20 555 0101",
    carrier="Courier of the pharmacy",
    quantity="1 syringe, 10 MBq",
)


def cells(who: People) -> str:
    """A labeling batch of the cells OURS, in progress."""
    number = plan_batch(actor=who.operator, protocol="t-cell-labeling", identity=OURS).number
    start_batch(actor=who.operator, number=number)
    return number


def scanned(who: People, number: str, code: str, *, field: str = "identity", step: str = "receive_cells") -> Scan:
    return record_scan(actor=who.operator, number=number, code=code, step=step, field=field)


# ------------------------------------------------------------------------------------------------- what waited


def small(who: People) -> str:
    small_batch.adopt_small(who)
    number = plan_batch(actor=who.operator, protocol="small").number
    at = database_now() - timedelta(hours=1)
    start_batch(actor=who.operator, number=number, started_at=at, reason=factories.LATE)
    return number


def sent(rest: Rest, number: str, *, minutes: int, **headers: str) -> Response:
    at = (database_now() - timedelta(minutes=minutes)).isoformat()
    body = {"step": "product", "field": "kit_lot", "value": "KIT-1", "at": at}
    return rest.client.post(f"/api/v1/batches/{number}/entries/", body, headers=headers)


@pytest.mark.requirement("DI-12")
def test_an_entry_that_waited_for_the_network_says_so_and_is_marked_late(who: People) -> None:
    number, rest = small(who), Rest("operator")
    refused = sent(rest, number, minutes=20)
    assert (refused.status_code, refused.data["code"]) == (422, "late_needs_reason")
    answer = sent(rest, number, minutes=20, **{"Oxinate-Waited": "1205"})
    assert answer.status_code == 201
    assert answer.data["entry"]["late"] is True
    assert answer.data["entry"]["reason"] == "Waited 20 min in the browser for the network."


@pytest.mark.parametrize("waited", ["soon", "-1", "9" * 12])
def test_a_waiting_time_that_is_none_is_refused(who: People, waited: str) -> None:
    number, rest = small(who), Rest("operator")
    answer = sent(rest, number, minutes=2, **{"Oxinate-Waited": waited})
    assert (answer.status_code, answer.data["code"]) == (422, "bad_wait")


@pytest.mark.requirement("DI-5")
def test_what_one_person_made_is_not_recorded_by_another_session(who: People) -> None:
    number, rest = small(who), Rest("operator")
    answer = sent(rest, number, minutes=2, **{"Oxinate-Person": "verifier"})
    assert (answer.status_code, answer.data["code"]) == (409, "other_person")
    assert not Entry.objects.exists()
    assert sent(rest, number, minutes=2, **{"Oxinate-Person": "operator"}).status_code == 201


def test_giving_up_a_refused_entry_is_kept_with_its_reason(who: People) -> None:
    number, rest = small(who), Rest("operator")
    body = {
        "what": "Kit lot: KIT-7",
        "at": database_now().isoformat(),
        "refusal": "There is no lot KIT-7.",
        "reason": "",
    }
    assert rest.post(f"batches/{number}/discards/", body).status_code == 400
    answer = rest.post(f"batches/{number}/discards/", {**body, "reason": "Typed twice."})
    assert answer.status_code == 201
    kept = Operation.objects.get(subject=number, action="entry.discard").reason
    assert kept.startswith("Kit lot: KIT-7, made at ")
    assert kept.endswith("Typed twice. (refused: There is no lot KIT-7.)")


# ------------------------------------------------------------------------------------------ scans and identity


@pytest.mark.requirement("CELL-4")
def test_another_identity_stops_the_step_until_the_deviation_is_assessed(laboratory: People) -> None:
    number = cells(laboratory)
    scan = scanned(laboratory, number, "COI-302-2")
    assert (scan.outcome, scan.scanned) == (Scan.Outcome.MISMATCH, "COI-302-2")
    deviation = Deviation.objects.get(batch__number=number)
    assert (deviation.kind, deviation.severity, deviation.step) == ("identity", "critical", "receive_cells")
    right = Reading(value=OURS)
    with pytest.raises(Conflict, match="is stopped") as refusal:
        record_entry(actor=laboratory.operator, number=number, step="receive_cells", field="identity", reading=right)
    assert refusal.value.code == "step_stopped"
    assert [step["key"] for step in batch_document(number)["steps"] if step["stopped"]] == ["receive_cells"]
    small_batch.settle(laboratory, number)
    record_entry(actor=laboratory.operator, number=number, step="receive_cells", field="identity", reading=right)
    chain = batch_document(number)["chain_of_identity"]
    assert [(row["point"], row["read"], row["matched"]) for row in chain] == [
        ("Planned", OURS, True),
        ("Scan: Chain-of-identity number", "COI-302-2", False),
        ("Chain-of-identity number", OURS, True),
    ]


@pytest.mark.requirement("CELL-4")
def test_the_timer_of_a_stopped_step_does_not_start(laboratory: People) -> None:
    number = cells(laboratory)
    scanned(laboratory, number, "COI-302-2", step="incubate", field="pbs_lot")
    with pytest.raises(Conflict, match="is stopped"):
        record_timer(actor=laboratory.operator, number=number, step="incubate", event="start")


@pytest.mark.requirement("CELL-4")
def test_a_typed_identity_of_others_is_kept_as_a_scan_too(laboratory: People) -> None:
    number = cells(laboratory)
    with pytest.raises(InvalidInput):
        record_entry(
            actor=laboratory.operator,
            number=number,
            step="receive_cells",
            field="identity",
            reading=Reading(value="COI-302-2"),
        )
    kept = Scan.objects.get(batch__number=number)
    assert (kept.field, kept.scanned, kept.outcome) == ("identity", "COI-302-2", "mismatch")


@pytest.mark.requirement("CELL-4")
@pytest.mark.parametrize("field", ["identity", "cell_lot", "viable_before", ""])
@pytest.mark.parametrize("code", ["CELLS-302-2", "COI-302-2"])
def test_what_belongs_to_other_cells_is_a_mismatch_whatever_was_expected(
    laboratory: People, field: str, code: str
) -> None:
    factories.lot(laboratory, "CELLS-OTHER", "cells", identity="COI-302-2")
    number = cells(laboratory)
    wrong = "CELLS-OTHER" if code == "CELLS-302-2" else code
    assert scanned(laboratory, number, wrong, field=field).outcome == Scan.Outcome.MISMATCH


def test_a_wrong_scan_is_refused_and_kept_without_a_deviation(laboratory: People) -> None:
    number = cells(laboratory)
    rest = Rest("operator")
    body = {"code": "DC-1", "step": "receive_cells", "field": "viable_before"}
    answer = rest.post(f"batches/{number}/scans/", body)
    assert answer.status_code == 201
    assert (answer.data["matched"], answer.data["outcome"]) == (False, "wrong")
    assert answer.data["says"] == (
        "The instrument DC-1 was scanned; expected is a cell counter. "
        "It belongs to “Dispense the 89Zr-oxine”: Activity dispensed."
    )
    assert not Deviation.objects.filter(batch__number=number).exists()
    assert Operation.objects.filter(subject=number, action="scan.refuse").count() == 1
    assert "gave another code" in rest.get(f"batches/{number}/history/").data["results"][-1]["sentence"]


def test_scans_are_append_only(laboratory: People) -> None:
    scan = scanned(laboratory, cells(laboratory), "COI-302-2")
    with pytest.raises(Exception, match=FORBIDDEN), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("UPDATE labeling_scan SET scanned = 'x' WHERE id = %s", [scan.pk])


# ---------------------------------------------------------------------------------------------- line clearance

CLEARED = "line_clearance: {verified_by_second_person: true, text: Nothing of another product is in the hot cell.}\n"


@pytest.fixture
def uncleared(who: People) -> str:
    """A batch of a protocol that asks for line clearance."""
    small_batch.adopt_small(who, more=CLEARED)
    return small_batch.in_progress(who).number


def confirm(who: People, number: str) -> Entry:
    return record_entry(
        actor=who.operator, number=number, step="product", field="kit_lot", reading=Reading(value="KIT-1")
    )


@pytest.mark.requirement("SIG-6")
def test_nothing_is_recorded_before_the_line_is_cleared_and_verified(who: People, uncleared: str) -> None:
    with pytest.raises(Conflict, match="The line is not cleared yet"):
        confirm(who, uncleared)
    clear_line(actor=who.operator, number=uncleared, credential=credential("operator"))
    with pytest.raises(Conflict, match="not verified yet"):
        confirm(who, uncleared)
    verify_line(actor=who.verifier, number=uncleared, credential=credential("verifier"))
    assert batch_document(uncleared)["line_clearance"]["is_clear"]
    assert confirm(who, uncleared)


@pytest.mark.requirement("SIG-6")
def test_nobody_verifies_the_line_they_cleared(who: People, uncleared: str) -> None:
    both = factories.another("both", "operator", "verifier")
    clear_line(actor=both, number=uncleared, credential=credential("both"))
    with pytest.raises(SegregationOfDuties):
        verify_line(actor=both, number=uncleared, credential=credential("both"))
    with pytest.raises(Conflict, match="cleared already"):
        clear_line(actor=who.operator, number=uncleared, credential=credential("operator"))
    assert LineClearance.objects.count() == 1


def test_a_protocol_without_line_clearance_works_as_before(who: People) -> None:
    number = small(who)
    with pytest.raises(Conflict, match="asks for no line clearance"):
        clear_line(actor=who.operator, number=number, credential=credential("operator"))
    assert confirm(who, number)


# ------------------------------------------------------------------------------------------------ handing over


def hand_over(who: People, number: str, **changed: Any) -> Dispatch:
    consignment = replace(SENT, **{"scanned": number, **changed})
    return dispatch_batch(actor=who.operator, number=number, consignment=consignment, credential=credential("operator"))


@pytest.mark.requirement("PET-90")
@pytest.mark.requirement("CELL-4")
def test_a_released_batch_is_handed_over_once_its_container_was_scanned(laboratory: People) -> None:
    batch = factories.released(laboratory)
    given = hand_over(laboratory, batch.number)
    (row,) = batch_document(batch.number)["dispatches"]
    assert (row["recipient"], row["phone"], row["scanned"]) == (SENT.recipient, SENT.phone, batch.number)
    assert given.signature.meaning == "handed_over"
    with pytest.raises(Exception, match=FORBIDDEN), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("UPDATE labeling_dispatch SET phone = 'x'")


@pytest.mark.requirement("CELL-4")
def test_another_container_is_not_handed_over_and_opens_a_critical_deviation(laboratory: People) -> None:
    batch = factories.released(laboratory)
    with pytest.raises(InvalidInput, match="it is not that of") as refusal:
        hand_over(laboratory, batch.number, scanned="S-2020-0001")
    assert refusal.value.code == "identity_mismatch"
    deviation = Deviation.objects.get(batch=batch, kind="identity")
    assert deviation.severity == "critical"
    with pytest.raises(Conflict, match="Another identity was scanned"):
        hand_over(laboratory, batch.number)
    assert not Dispatch.objects.exists()


@pytest.mark.requirement("PET-90")
@pytest.mark.parametrize("field", ["recipient", "address", "phone", "carrier", "quantity"])
def test_a_handing_over_names_everything_a_recall_needs(laboratory: People, field: str) -> None:
    batch = factories.released(laboratory)
    with pytest.raises(InvalidInput) as refusal:
        hand_over(laboratory, batch.number, **{field: " "})
    assert refusal.value.details["field"] == field


def test_what_is_not_released_is_not_handed_over(laboratory: People) -> None:
    batch = factories.completed(laboratory)
    with pytest.raises(Conflict, match="only a released batch"):
        hand_over(laboratory, batch.number)


def test_a_handing_over_by_rest_is_signed(laboratory: People) -> None:
    batch = factories.released(laboratory)
    rest = Rest("releaser")
    body = {
        "scanned": batch.number,
        **{name: getattr(SENT, name) for name in ("recipient", "address", "phone", "carrier", "quantity")},
    }
    assert rest.post(f"batches/{batch.number}/dispatches/", body).status_code == 400
    answer = rest.signed(f"batches/{batch.number}/dispatches/", body)
    assert answer.status_code == 201, answer.data
    assert answer.data["dispatches"][0]["signed"]["username"] == "releaser"


@pytest.mark.requirement("CELL-4")
def test_a_scanned_container_stands_for_the_batch_whose_product_it_is(db: None) -> None:
    who = factories.people()
    factories.furnish(who)
    made = factories.released(who)
    batch = plan_batch(actor=who.operator, protocol="t-cell-labeling", identity="COI-302-1")
    start_batch(actor=who.operator, number=batch.number)
    body = {"code": f"{made.number}-product", "step": "dispense", "field": "oxine_batch"}
    answer = Rest("operator").post(f"batches/{batch.number}/scans/", body)
    assert (answer.data["matched"], answer.data["value"], answer.data["says"]) == (True, made.number, "")
    wrong = Rest("operator").post(f"batches/{batch.number}/scans/", {"code": f"{made.number}-reaction"})
    assert wrong.data["says"].startswith(f"The container {made.number}-reaction was scanned")
    assert wrong.data["container"] is not None
