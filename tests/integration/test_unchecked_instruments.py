"""A reading on an instrument that is not in order: refused, or allowed by a second person's signature."""

from __future__ import annotations

from typing import Any

import pytest

from labeling.models import Batch, Deviation, Entry, ProtocolVersion, UncheckedUse
from labeling.selectors.clock import database_now
from labeling.services.equipment import record_check
from labeling.services.instrument_gate import allow_unchecked
from labeling.services.planning import plan_batch, start_batch
from labeling.services.versions import import_protocol
from lims.errors import InvalidInput
from lims.signatures.models import Signature
from tests.browser import small_batch
from tests.factories import PASSWORD, People, adopt, another, credential, fresh_code, instrument
from tests.integration.rest import Rest

LENIENT = small_batch.PROTOCOL.replace(
    "{key: calibrator, kind: dose_calibrator}", "{key: calibrator, kind: dose_calibrator, unchecked: signed_reason}"
)


def batch_of(who: People, text: str) -> Batch:
    version, _ = import_protocol(actor=who.operator, text=text)
    adopt(who, ProtocolVersion, version.code, version.number)
    instrument(who, "DC-2", "dose_calibrator", checked=False)
    return start_batch(actor=who.operator, number=plan_batch(actor=who.operator, protocol="small").number)


@pytest.fixture
def small(db: None) -> People:
    return small_batch.laboratory()


@pytest.fixture
def lenient(small: People) -> Batch:
    return batch_of(small, LENIENT)


def read(batch: Batch, *, by: str = "operator", signer: str = "", reason: str = "The source is on loan.") -> Any:
    body: dict[str, Any] = {"step": "product", "field": "activity", "value": "42.0", "unit": "MBq", "equipment": "DC-2"}
    if signer:
        otp = fresh_code(signer)
        body["signature"] = {"username": signer, "password": PASSWORD.format(signer), "otp": otp, "reason": reason}
    return Rest(by).post(f"batches/{batch.number}/entries/", body)


@pytest.mark.requirement("RAD-7")
def test_it_is_refused_where_the_protocol_says_nothing(small: People) -> None:
    batch = batch_of(small, small_batch.PROTOCOL.replace("title: Small synthesis", "title: Small synthesis, again"))
    assert read(batch).data["code"] == "instrument_not_checked"
    assert read(batch, signer="verifier").data["code"] == "instrument_not_checked"
    assert not UncheckedUse.objects.exists()


@pytest.mark.requirement("RAD-7")
@pytest.mark.parametrize("signer", ["verifier", "quality"])
def test_a_second_person_lets_it_count_and_a_deviation_says_so(lenient: Batch, signer: str) -> None:
    assert read(lenient).data["code"] == "instrument_not_checked"
    answer = read(lenient, signer=signer)
    assert answer.status_code == 201, answer.data
    use = UncheckedUse.objects.get()
    assert (use.signature.meaning, use.signature.reason) == ("allowed", "The source is on loan.")
    deviation = Deviation.objects.get(batch=lenient)
    assert deviation.kind == Deviation.Kind.INSTRUMENT
    assert "DC-2 has no passed check" in deviation.text
    assert "The source is on loan." in deviation.text
    assert deviation.entry == Entry.objects.get(batch=lenient)


@pytest.mark.requirement("RAD-7")
@pytest.mark.parametrize("signer", ["operator", "analyst", "releaser"])
def test_nobody_allows_it_without_the_role(lenient: Batch, signer: str) -> None:
    assert read(lenient, signer=signer).status_code == 403
    assert not Entry.objects.filter(batch=lenient).exists()
    assert not Signature.objects.filter(meaning="allowed").exists()


def test_a_reason_is_asked_for(lenient: Batch) -> None:
    answer = read(lenient, signer="verifier", reason=" ")
    assert (answer.status_code, answer.data["code"]) == (422, "reason_missing")


def test_there_is_nothing_to_allow_on_an_instrument_in_order(lenient: Batch) -> None:
    Rest("operator").post("equipment/DC-2/checks/", {"outcome": "pass"})
    assert read(lenient, signer="verifier").data["code"] == "nothing_to_allow"
    assert read(lenient).status_code == 201
    assert not Deviation.objects.exists()


def test_out_of_service_is_never_allowed(lenient: Batch) -> None:
    Rest("operator").signed("equipment/DC-2/status/", {"in_service": False, "reason": "Chamber contaminated."})
    assert read(lenient, signer="quality").data["code"] == "instrument_out_of_service"


def test_who_allowed_it_cannot_record_it(small: People, lenient: Batch) -> None:
    both = another("both", "operator", "verifier")
    allow_unchecked(
        actor=both,
        number=lenient.number,
        step="product",
        field="activity",
        equipment="DC-2",
        reason="The source is on loan.",
        credential=credential("both"),
    )
    assert read(lenient, by="both").data["code"] == "segregation_of_duties"
    assert read(lenient).status_code == 201


@pytest.mark.requirement("RAD-7")
def test_what_went_wrong_after_the_signature_is_not_allowed_by_it(small: People, lenient: Batch) -> None:
    allow_unchecked(
        actor=small.verifier,
        number=lenient.number,
        step="product",
        field="activity",
        equipment="DC-2",
        reason="The source is on loan.",
        credential=credential("verifier"),
    )
    record_check(actor=small.operator, code="DC-2", at=database_now(), outcome="fail")
    assert read(lenient).data["code"] == "instrument_not_checked"
    assert not Entry.objects.filter(batch=lenient, field="activity").exists()


def test_the_key_is_read_and_its_values_are_known(small: People) -> None:
    with pytest.raises(InvalidInput, match="unchecked"):
        import_protocol(actor=small.operator, text=LENIENT.replace("signed_reason", "never_mind"))
