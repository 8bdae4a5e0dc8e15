"""Lots with what comes with them and what leaves them: certificates, surveys, stock that cannot go below zero."""

from __future__ import annotations

import hashlib
import threading
from datetime import timedelta
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import DatabaseError, IntegrityError, connection
from django.test import Client
from django.utils import timezone

from labeling.models import Batch, CertificateFile, Lot, LotCertificate, Withdrawal
from labeling.selectors.clock import database_now
from labeling.selectors.stock import expiring_lots, usable_lots
from labeling.services import stock
from labeling.services.materials import decide_lot, receive_lot
from labeling.services.planning import plan_batch, start_batch
from labeling.services.receipts import Certificate, Delivery, Survey, attach_certificate
from labeling.services.recording import Reading, correct_entry, record_entry
from labeling.services.stock import withdraw
from lims.audit.models import Change
from lims.audit.operations import operation
from lims.errors import Conflict, DomainError, InvalidInput
from tests.browser import small_batch
from tests.factories import People, credential
from tests.integration.rest import Rest

PDF = b"%PDF-1.7\ncertificate of analysis"
CERTIFICATE = Certificate(content=PDF, number="CoA-17", issuer="Isotopes GmbH", name="../CoA 17.exe")
SURVEY = Survey(
    surface={"value": "42", "unit": "uSv/h"},
    one_meter={"value": "1.1", "unit": "uSv/h"},
    condition="intact",
    wipe="clean",
)


def received(who: People, number: str = "L-1", **changed: Any) -> Lot:
    told: dict[str, Any] = {"material": "kit", "expires_at": database_now() + timedelta(days=30), **changed}
    return receive_lot(actor=who.operator, number=number, **told)


def accepted(who: People, number: str = "L-1", *, reason: str = "", **changed: Any) -> Lot:
    lot = received(who, number, **changed)
    return decide_lot(actor=who.quality, lot_id=lot.pk, credential=credential("quality"), accept=True, reason=reason)


def counted(who: People, number: str = "L-1", value: str = "2", unit: str = "piece", **changed: Any) -> Lot:
    return accepted(who, number, delivery=Delivery(quantity={"value": value, "unit": unit}), **changed)


def zr(measured: str = "122.3", *, delivery: Delivery | None = None, **stated: Any) -> dict[str, Any]:
    """The receipt of 148 MBq stated for a day ago."""
    now = database_now()
    return {
        "kind": "radioactive",
        "stated": {"value": "148", "unit": "MBq", "at": (now - timedelta(hours=21.3333)).isoformat(), **stated},
        "received": {"value": measured, "unit": "MBq", "at": now.isoformat()},
        "delivery": delivery or Delivery(nuclide="Zr-89"),
    }


def working(who: People) -> Batch:
    batch = plan_batch(actor=who.operator, protocol="small")
    return start_batch(actor=who.operator, number=batch.number, started_at=None)


def use(who: People, batch: Batch, lot: str) -> Any:
    return record_entry(
        actor=who.operator, number=batch.number, step="product", field="kit_lot", reading=Reading(value=lot)
    )


def left(lot: Lot) -> Any:
    return Lot.objects.get(pk=lot.pk).left


@pytest.mark.requirement("PET-40")
def test_a_certificate_is_kept_byte_for_byte_under_its_hash(who: People, client: Client) -> None:
    lot = received(who, delivery=Delivery(certificate=CERTIFICATE))
    kept = LotCertificate.objects.get(lot=lot)
    assert (kept.file_id, kept.content_type, kept.size) == (
        hashlib.sha256(PDF).hexdigest(),
        "application/pdf",
        len(PDF),
    )
    assert kept.name == "CoA-17.pdf"
    client.force_login(who.operator.user)
    answer = client.get(f"/api/v1/certificates/{kept.pk}/content/")
    assert answer.content == PDF
    assert answer["Content-Disposition"] == 'attachment; filename="CoA-17.pdf"'
    assert answer["X-Content-Type-Options"] == "nosniff"
    row = Change.objects.get(table_name="labeling_lotcertificate").new_row
    assert row is not None
    assert row["file_id"] == kept.file_id
    assert not Change.objects.filter(table_name="labeling_certificatefile").exists(), "no second copy of the bytes"


@pytest.mark.requirement("PET-40")
def test_a_certificate_is_told_by_its_content(who: People) -> None:
    lot = received(who)
    for content, code in (
        (b"<html>", "wrong_file"),
        (b"", "missing_value"),
        (b"%PDF-" + bytes(10 * 2**20), "too_large"),
    ):
        with pytest.raises(InvalidInput) as refused:
            attach_certificate(
                actor=who.operator, lot_id=lot.pk, certificate=Certificate(content=content, number="1", issuer="i")
            )
        assert refused.value.code == code
    attach_certificate(actor=who.operator, lot_id=lot.pk, certificate=CERTIFICATE)
    attach_certificate(actor=who.operator, lot_id=lot.pk, certificate=CERTIFICATE)
    assert (lot.certificates.count(), CertificateFile.objects.count()) == (2, 1)


def test_the_database_keeps_a_certificate_under_no_other_hash_and_never_changes_it(who: People) -> None:
    def refused(pattern: str, write: Any) -> None:
        with pytest.raises(DatabaseError, match=pattern), operation(actor=who.operator, action="x"):
            write()

    received(who, delivery=Delivery(certificate=CERTIFICATE))
    refused("hash of its bytes", lambda: CertificateFile.objects.create(sha256="0" * 64, content=b"%PDF-"))
    refused("append-only|denied", lambda: CertificateFile.objects.update(content=b"other"))
    refused("append-only|denied", lambda: LotCertificate.objects.update(number="other"))


@pytest.mark.requirement("RAD-10")
def test_an_activity_within_its_limit_is_compared_and_signed(who: People) -> None:
    lot = accepted(who, **zr(delivery=Delivery(nuclide="Zr-89", certificate=CERTIFICATE, survey=SURVEY)))
    assert lot.arrival is not None
    assert lot.arrival["verdict"] == "pass"
    assert float(lot.arrival["difference_percent"]) == pytest.approx(-0.2, abs=0.1)
    signature = lot.disposition_signature
    assert signature is not None
    manifest = str(signature.manifest)
    assert "CoA-17" in manifest
    assert hashlib.sha256(PDF).hexdigest() in manifest
    assert "42" in manifest


@pytest.mark.requirement("RAD-10")
@pytest.mark.parametrize(
    ("receipt", "concern"),
    [
        (zr, "no certificate"),
        (lambda: zr("100", delivery=Delivery(nuclide="Zr-89", certificate=CERTIFICATE)), "beyond 10 %"),
        (
            lambda: zr(
                delivery=Delivery(
                    nuclide="Zr-89",
                    certificate=CERTIFICATE,
                    survey=Survey(SURVEY.surface, SURVEY.one_meter, condition="leaking", wipe="contaminated"),
                )
            ),
            "leaking and contaminated",
        ),
    ],
)
def test_what_is_wrong_with_a_lot_is_accepted_with_a_reason_alone(who: People, receipt: Any, concern: str) -> None:
    lot = received(who, **receipt())
    accept: dict[str, Any] = {"actor": who.quality, "lot_id": lot.pk, "accept": True}
    with pytest.raises(InvalidInput, match=concern):
        decide_lot(**accept, credential=credential("quality"))
    told = decide_lot(**accept, credential=credential("quality"), reason="The supplier was asked.")
    assert told.status == Lot.Status.ACCEPTED


@pytest.mark.requirement("PET-40")
def test_a_use_takes_one_piece_and_a_correction_gives_it_back(db: None) -> None:
    who = small_batch.laboratory()
    first, second = counted(who, "A"), counted(who, "B", "1")
    batch = working(who)
    entry = use(who, batch, "A")
    assert (left(first), left(second)) == (1, 1)
    reading = Reading(value="B", reason="misread")
    correction = correct_entry(actor=who.operator, number=batch.number, entry_id=entry.pk, reading=reading)
    assert (left(first), left(second)) == (2, 0)
    correct_entry(actor=who.operator, number=batch.number, entry_id=correction.pk, reading=reading)
    assert left(second) == 0, "the same lot again: given back, then taken"
    with pytest.raises(Conflict, match="Lot B is used up"):
        use(who, working(who), "B")
    uncounted = accepted(who, "C")
    use(who, working(who), "C")
    assert left(uncounted) is None
    assert not uncounted.withdrawals.exists()


@pytest.mark.requirement("PET-40")
def test_something_is_taken_by_hand_with_a_reason(who: People) -> None:
    lot = counted(who, value="1.0", unit="mL")
    withdraw(actor=who.operator, lot_id=lot.pk, amount={"value": "250", "unit": "uL"}, reason="sample")
    assert str(left(lot)) == "0.750000"
    refusals: list[tuple[dict[str, str], str, str]] = [
        ({"value": "0.76", "unit": "mL"}, "sample", "stock_too_low"),
        ({"value": "1", "unit": "piece"}, "sample", "wrong_unit"),
        ({"value": "0.1", "unit": "mL"}, " ", "reason_missing"),
    ]
    for amount, reason, code in refusals:
        with pytest.raises(DomainError) as refused:
            withdraw(actor=who.operator, lot_id=lot.pk, amount=amount, reason=reason)
        assert refused.value.code == code
    assert str(left(lot)) == "0.750000"


@pytest.mark.requirement("PET-40")
def test_the_database_keeps_the_stock_too(who: People) -> None:
    lot = counted(who, value="2")

    def attempt(pattern: str, **row: Any) -> None:
        with pytest.raises(IntegrityError, match=pattern), operation(actor=who.operator, action="x") as op:
            Withdrawal.objects.create(lot=lot, recorded_by=who.operator.user, operation=op, **row)

    attempt("lot_stock_not_below_zero", amount=3, reason="r")
    attempt("withdrawal_for_an_entry_or_a_reason", amount=1)
    attempt("withdrawal_given_back_by_an_entry|lot_stock_not_below_zero", amount=-1, reason="r")
    for change, pattern in (({"taken": 1}, "sum of its withdrawals"), ({"quantity": 9}, "does not change")):
        with pytest.raises(IntegrityError, match=pattern), operation(actor=who.operator, action="x"):
            Lot.objects.filter(pk=lot.pk).update(**change)
    assert left(lot) == 2


@pytest.mark.django_db(transaction=True)
@pytest.mark.requirement("PET-40")
@pytest.mark.parametrize(("locked", "outcome"), [(True, "stock_too_low"), (False, "lot_stock_not_below_zero")])
def test_two_who_take_the_last_piece_at_once(
    who: People, monkeypatch: pytest.MonkeyPatch, locked: bool, outcome: str
) -> None:
    """Without the lock both find a piece there, and the database refuses the second one."""
    lot = counted(who, value="1")
    meet = threading.Barrier(2, timeout=10)
    take = stock._take
    if not locked:
        monkeypatch.setattr(stock, "lock_lots", lambda *pks: {row.pk: row for row in Lot.objects.filter(pk__in=pks)})

        def together(*args: Any, **kwargs: Any) -> Any:
            meet.wait()
            return take(*args, **kwargs)

        monkeypatch.setattr(stock, "_take", together)
    outcomes: list[str] = []

    def go() -> None:
        if locked:
            meet.wait()
        try:
            withdraw(actor=who.operator, lot_id=lot.pk, amount={"value": "1", "unit": "piece"}, reason="r")
            outcomes.append("taken")
        except Conflict as refusal:
            outcomes.append(refusal.code)
        except IntegrityError as refusal:
            outcomes.append("lot_stock_not_below_zero" if "lot_stock_not_below_zero" in str(refusal) else str(refusal))
        finally:
            connection.close()

    threads = [threading.Thread(target=go) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert sorted(outcomes) == sorted(["taken", outcome])
    assert left(lot) == 0


@pytest.mark.requirement("PET-40")
def test_the_first_to_expire_is_offered_first(who: People) -> None:
    now = database_now()
    for number, days, value in (("late", 30, "1"), ("soon", 2, "1"), ("used", 1, "1")):
        counted(who, number, value, expires_at=now + timedelta(days=days))
    received(who, "waiting", expires_at=now + timedelta(days=1))
    accepted(who, "hers", expires_at=now + timedelta(days=3), identity="COI-2")
    used = Lot.objects.get(number="used")
    withdraw(actor=who.operator, lot_id=used.pk, amount={"value": "1", "unit": "piece"}, reason="dropped")
    assert [lot.number for lot in usable_lots(at=now)] == ["soon", "hers", "late"]
    assert [lot.number for lot in usable_lots(at=now, identity="COI-1")] == ["soon", "late"]
    assert [lot.number for lot in usable_lots(at=now + timedelta(days=2))] == ["hers", "late"], "at the minute of use"
    assert [lot.number for lot in expiring_lots(timedelta(days=7), at=now)] == ["soon", "hers"]


@pytest.mark.requirement("RAD-10")
def test_a_receipt_over_rest_with_all_that_came(who: People) -> None:
    operator = Rest("operator")
    now = timezone.now()
    body = {
        "number": "ZR-9",
        "material": "oxalate",
        "expires_at": (now + timedelta(days=9)).isoformat(),
        "nuclide": "Zr-89",
        "supplier": "Isotopes GmbH",
        "stated": {
            "value": "148",
            "unit": "MBq",
            "at": (now + timedelta(hours=5)).isoformat(),
            "zone": "America/New_York",
        },
        "received": {"value": "150", "unit": "MBq", "at": now.isoformat(), "u": "1", "setting": "465"},
        "quantity": {"value": "0.4", "unit": "mL"},
        "survey": {
            "surface": {"value": "42", "unit": "uSv/h"},
            "one_meter": {"value": "0.001", "unit": "mSv/h"},
            "condition": "intact",
            "wipe": "clean",
        },
    }
    answer = operator.post("lots/", body)
    assert answer.status_code == 201, answer.data
    assert answer.data["arrival"]["verdict"] == "pass"
    assert answer.data["left"] == {"value": "0.4", "unit": "mL"}
    lot_id = answer.data["id"]
    file = SimpleUploadedFile("coa.pdf", PDF, content_type="text/html")
    told = {"file": file, "number": "CoA-17", "issuer": "Isotopes GmbH"}
    kept = operator.client.post(f"/api/v1/lots/{lot_id}/certificates/", told, format="multipart")
    assert kept.status_code == 201, kept.data
    assert kept.data["content_type"] == "application/pdf"
    taken = operator.post(f"lots/{lot_id}/withdrawals/", {"value": "100", "unit": "uL", "reason": "sample"})
    assert taken.status_code == 201, taken.data
    assert taken.data["left"] == {"value": "0.3", "unit": "mL"}
    over = operator.post(f"lots/{lot_id}/withdrawals/", {"value": "1", "unit": "mL", "reason": "sample"})
    assert (over.status_code, over.data["code"]) == (409, "stock_too_low")
    assert Rest("verifier").post(f"lots/{lot_id}/withdrawals/", {"value": "1", "unit": "mL"}).status_code == 403


def test_a_client_that_states_no_quantity_finds_all_as_it_was(who: People) -> None:
    operator = Rest("operator")
    body = {"number": "K-1", "material": "kit", "expires_at": (timezone.now() + timedelta(days=9)).isoformat()}
    answer = operator.post("lots/", body)
    assert answer.status_code == 201, answer.data
    assert (answer.data["quantity"], answer.data["left"], answer.data["arrival"]) == (None, None, None)
    assert operator.signed(f"lots/{answer.data['id']}/accept/", role="quality").status_code == 200


def test_the_list_of_the_stock_is_filtered_and_goes_on_by_expiry(who: People, client: Client) -> None:
    now = database_now()
    for number in range(52):
        received(who, f"N-{number:02}", expires_at=now + timedelta(days=1 + number), kind="reagent")
    client.force_login(who.operator.user)
    first = client.get("/stock/")
    assert [row["number"] for row in first.context["rows"]][:2] == ["N-00", "N-01"]
    rest = client.get(f"/stock/{first.context['older']}")
    assert [row["number"] for row in rest.context["rows"]] == ["N-50", "N-51"]
    assert len(client.get("/stock/", {"within": "7", "kind": "reagent"}).context["rows"]) == 7
    for query in ({"kind": "cells"}, {"status": "gone"}, {"material": "none"}, {"number": "X"}):
        assert client.get("/stock/", query).context["rows"] == []
    assert client.get("/stock/?after=nonsense_1").status_code == 200
