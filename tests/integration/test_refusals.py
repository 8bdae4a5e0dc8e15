"""Before a signature: what changed since the last one. Instead of one: a refusal with its reason (SIG-12)."""

from __future__ import annotations

import pytest
from django.db import IntegrityError, transaction
from django.test import Client

from labeling.models import Batch
from labeling.selectors.exceptions import Exceptional, exceptions
from labeling.services.recording import Reading, correct_entry, find_entry
from labeling.services.verification import verify_step
from lims.accounts.models import AccessEvent
from lims.audit.models import Operation
from lims.oversight.trail import Wanted, wanted_of
from lims.signatures.models import Refusal, Signature
from lims.signatures.proposals import differences
from qc.services.disposition import release_batch
from qc.services.proposals import ACTS
from tests import factories
from tests.factories import PASSWORD, People, campaign, credential, fresh_code
from tests.integration.rest import Rest, sign_in

WHY = "The chromatogram of the second run is missing."


def asked(ready: Batch, **changed: str) -> dict[str, str]:
    return {"act": "batch.release", "subject": ready.number, "reason": WHY, **changed}


def test_differences_name_each_place_in_words() -> None:
    before = {"batch": "S-1", "entries": [{"entry": 1, "field": "wash_1", "typed": "0.31"}], "timer": [None]}
    now = {"batch": "S-1", "entries": [{"entry": 2, "field": "wash_1", "typed": "0.13"}], "timer": [None], "ok": True}
    assert differences(before, now) == [
        {"what": "entries: wash 1: typed", "before": "0.31", "now": "0.13"},
        {"what": "ok", "before": "", "now": "yes"},
    ]
    assert differences(now, now) == []


@pytest.mark.requirement("SIG-12")
def test_the_signer_sees_what_changed_since_the_last_signature(laboratory: People, ready: Batch) -> None:
    rest = Rest("releaser")
    shown = rest.get("signing/", act="batch.release", subject=ready.number).data
    assert shown["meaning_text"] == "I release this batch for use."
    assert shown["since"] == {"signature": None, "differences": [], "refusals": []}  # the completion is another act
    release_batch(actor=laboratory.releaser, number=ready.number, credential=credential("releaser"))
    signed = Signature.objects.get(meaning="released")
    assert signed.manifest_sha256 == shown["manifest_sha256"]
    late = rest.get("signing/", act="batch.release", subject=ready.number)
    assert (late.status_code, late.data["code"]) == (409, "illegal_transition")


@pytest.mark.requirement("SIG-12")
@pytest.mark.requirement("SIG-11")
@pytest.mark.requirement("A11D-13.8")
def test_a_correction_undoes_the_verification_and_the_next_one_sees_it(laboratory: People) -> None:
    batch = factories.recorded(laboratory, campaign()["synthesis"])
    verify_step(actor=laboratory.verifier, number=batch.number, step="product", credential=credential("verifier"))
    rest = Rest("verifier")
    document = rest.get(f"batches/{batch.number}/").data
    step = next(row for row in document["steps"] if row["key"] == "product")
    assert step["state"] == "done"
    field = next(row for row in step["fields"] if row["key"] == "product")
    entry = find_entry(batch, field["entry"]["id"])
    reading = Reading(
        value="44.4",
        unit=entry.unit,
        at=entry.measured_at,
        equipment=entry.equipment.code if entry.equipment else "",
        reason="misread",
    )
    correct_entry(actor=laboratory.operator, number=batch.number, entry_id=entry.pk, reading=reading)
    after = rest.get(f"batches/{batch.number}/").data
    assert next(s for s in after["steps"] if s["key"] == step["key"])["state"] == "to_verify"
    undone = [s for s in after["signatures"] if s["covers"].startswith(f"step {step['key']} ")]
    assert [s["holds"] for s in undone] == [False]
    since = rest.get("signing/", act="step.verify", subject=batch.number, about=step["key"]).data["since"]
    assert since["signature"]["username"] == "verifier"
    typed = [row for row in since["differences"] if row["what"].endswith("typed")]
    assert [(row["before"], row["now"]) for row in typed] == [(entry.typed, "44.4")]


@pytest.mark.requirement("SIG-11")
def test_an_invalidated_result_undoes_its_review(laboratory: People, ready: Batch) -> None:
    rest = Rest("quality")
    row = next(t for t in rest.get(f"batches/{ready.number}/").data["tests"] if t["result_id"])
    answer = rest.signed(
        f"batches/{ready.number}/test-results/{row['result_id']}/investigation/", {"cause": "Wrong vial injected."}
    )
    assert answer.status_code == 201
    batch = rest.get(f"batches/{ready.number}/").data
    held = {s["id"]: s["holds"] for s in batch["signatures"]}
    assert held[row["review"]["id"]] is False
    assert not rest.get(f"batches/{ready.number}/disposition/").data["decision_possible"]


@pytest.mark.requirement("SIG-12")
def test_a_refusal_stands_in_the_trail_and_the_work_stays_where_it_is(ready: Batch) -> None:
    rest = Rest("releaser")
    answer = rest.post("refusals/", asked(ready))
    assert answer.status_code == 201
    batch = rest.get(f"batches/{ready.number}/").data
    assert batch["status"] == "quarantine"
    assert [(r["username"], r["role"], r["reason"]) for r in batch["refusals"]] == [("releaser", "releaser", WHY)]
    last = rest.get(f"batches/{ready.number}/history/").data["results"][-1]
    assert last["sentence"] == (f"Releaser Test refused to sign batch {ready.number}: “I release this batch for use.”")
    assert last["reason"] == WHY
    found = exceptions(wanted_of({"subject": ready.number})).rows[0]
    assert found["labels"] == ["Refused to sign"]
    # It is an event like another: whoever reviewed the trail before it has not seen it.
    gate = rest.get(f"batches/{ready.number}/disposition/").data
    assert [blocker["code"] for blocker in gate["blockers"]] == ["audit_trail_not_reviewed"]
    assert rest.get("refusals/", subject=ready.number).data["results"][0]["id"] == answer.data["id"]


@pytest.mark.requirement("SIG-12")
def test_who_could_not_sign_cannot_refuse_and_a_refusal_says_why(ready: Batch) -> None:
    assert Rest("operator").post("refusals/", asked(ready)).status_code == 403
    kept = AccessEvent.objects.get(kind=AccessEvent.Kind.SIGNING_REFUSED)
    assert (kept.username, kept.purpose, kept.why) == (
        "operator",
        f"signing.refuse {ready.number}",
        "permission_refused",
    )
    told = exceptions(Wanted(), kinds=[Exceptional.REFUSED_SIGNING]).rows[0]["sentence"]
    assert told == f"operator: signing refused for signing: refuse {ready.number} (the role may not)"
    rest = Rest("releaser")
    assert rest.post("refusals/", asked(ready, reason=" ")).data["code"] == "reason_missing"
    assert rest.post("refusals/", asked(ready, act="batch.burn")).data["code"] == "unknown_act"
    assert rest.post("refusals/", asked(ready, subject="S-0")).status_code == 404
    assert rest.post("refusals/", asked(ready, act="result.review", about="0")).status_code == 404
    assert not Refusal.objects.exists()


@pytest.mark.requirement("SIG-5")
@pytest.mark.requirement("SIG-12")
def test_another_person_refuses_at_the_same_seat(ready: Batch) -> None:
    rest = Rest("operator")
    signature = {"username": "releaser", "password": PASSWORD.format("releaser"), "otp": fresh_code("releaser")}
    answer = rest.post("refusals/", {**asked(ready), "signature": signature})
    assert answer.data["username"] == "releaser"
    assert Operation.objects.get(action="signing.refuse").actor.username == "releaser"
    wrong = rest.post("refusals/", {**asked(ready), "signature": {**signature, "password": "wrong"}})
    assert wrong.data["code"] == "signature_refused"


def test_refusals_are_append_only(ready: Batch) -> None:
    Rest("releaser").post("refusals/", asked(ready))
    with pytest.raises(Exception, match=r"permission denied|append-only"), transaction.atomic():
        Refusal.objects.update(reason="never mind")
    refusal = Refusal.objects.get()
    refusal.pk, refusal.operation_id = None, Operation.objects.order_by("pk")[0].pk
    with pytest.raises(IntegrityError, match="outside an audited operation"), transaction.atomic():
        refusal.save(force_insert=True)


@pytest.mark.requirement("SIG-12")
def test_the_forms_show_the_differences_and_refuse(laboratory: People, ready: Batch, client: Client) -> None:
    client.post("/sign-in/", sign_in("releaser"))
    place = f"/batches/{ready.number}/release/"
    page = client.get(place).content.decode()
    assert "differences since then" not in page
    assert page.count("Refuse to sign</summary>") == 2
    answer = client.post("/refusals/", {**asked(ready), "next": place}, follow=True)
    assert answer.redirect_chain == [(place, 302)]
    page = answer.content.decode()
    assert "You refused to sign for batch" in page
    assert WHY in page
    assert client.post("/refusals/", {**asked(ready), "next": "//evil.example"})["Location"] == "/"
    assert client.get("/refusals/")["Location"] == "/"


@pytest.mark.requirement("SIG-12")
@pytest.mark.parametrize("act", sorted(ACTS))
def test_every_act_says_what_is_asked_or_why_not(laboratory: People, ready: Batch, act: str) -> None:
    kind = act.partition(".")[0]
    subjects = {"lot": "no-such-lot", "protocol": "zr89-oxine-kit", "specification": "zr89-oxine"}
    subject = subjects.get(kind, ready.number)
    answer = Rest("operator").get("signing/", act=act, subject=subject, about="1")
    assert answer.status_code in (200, 404, 409), answer.data
    assert answer.data.get("meaning_text") or answer.data["detail"]


@pytest.mark.requirement("SIG-12")
def test_a_lot_and_a_version_can_be_refused(laboratory: People, client: Client) -> None:
    lot = factories.lot(laboratory, "L-77", "oxalate", accepted=False)
    rest = Rest("quality")
    refused = {"act": "lot.accept", "subject": lot.number, "reason": "No certificate."}
    assert rest.post("refusals/", refused).status_code == 201
    lot.refresh_from_db()
    assert lot.status == "quarantine"
    version = {"act": "protocol.retire", "subject": "zr89-oxine-kit", "about": "1", "reason": "Still needed."}
    answer = rest.post("refusals/", version)
    assert answer.data["meaning_text"] == "I retire this from use."
    shown = rest.get("signing/", act="lot.reject", subject=lot.number).data["since"]["refusals"]
    assert [(row["username"], row["reason"]) for row in shown] == [("quality", "No certificate.")]
    client.post("/sign-in/", sign_in("quality"))
    page = client.get(f"/stock/{lot.pk}/").content.decode()
    assert "Nobody has signed for this." in page
    for place in (f"/stock/{lot.pk}/", "/protocols/zr89-oxine-kit/1/"):
        page = client.get(place).content.decode()
        assert "Refused to sign:</b> Quality Test (quality)" in page


@pytest.mark.requirement("SIG-12")
def test_everybody_sees_a_refusal_at_the_thing_that_was_refused(laboratory: People, client: Client) -> None:
    lot = factories.lot(laboratory, "L-78", "oxalate", accepted=False)
    batch = factories.recorded(laboratory, campaign()["synthesis"])
    refused = {"act": "lot.accept", "subject": lot.number, "reason": "No certificate."}
    assert Rest("quality").post("refusals/", refused).status_code == 201
    unsure = {"act": "step.verify", "subject": batch.number, "about": "product", "reason": "Two displays differ."}
    assert Rest("verifier").post("refusals/", unsure).status_code == 201
    client.post("/sign-in/", sign_in("operator"))
    assert "“No certificate.”" in client.get(f"/stock/{lot.pk}/").content.decode()
    for tab in ("", "tests/", "history/"):
        assert "“Two displays differ.”" in client.get(f"/batches/{batch.number}/{tab}").content.decode()
