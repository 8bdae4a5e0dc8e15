"""The release gate on real parts: what it lets through, what it refuses, and who may not pass it."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from decimal import Decimal

import pytest
from django.db import IntegrityError, connection

from labeling.models import Batch
from lims.accounts.actors import Actor
from lims.accounts.models import AccessEvent
from lims.audit.models import Change, Operation
from lims.audit.operations import operation
from lims.errors import (
    Conflict,
    DomainError,
    IllegalTransition,
    NotReleasable,
    PermissionRefused,
    SegregationOfDuties,
    SignatureRefused,
)
from lims.records.models import Document
from lims.signatures.models import Signature
from qc.selectors import full_batch_document
from qc.services import disposition
from qc.services.disposition import reject_batch, release_batch
from qc.services.investigations import invalidate_result
from qc.services.results import record_result
from qc.services.reviews import review_result
from tests import factories
from tests.factories import People, credential


def release(who: People, number: str) -> Batch:
    return release_batch(actor=who.releaser, number=number, credential=credential("releaser"))


@pytest.mark.requirement("PET-70d")
def test_a_batch_with_every_result_reviewed_is_released_and_gets_its_record(laboratory: People, ready: Batch) -> None:
    batch = release(laboratory, ready.number)
    assert batch.status == "released"
    change = Change.objects.filter(table_name="labeling_batch", operation__subject=batch.number).latest("id")
    assert change.old_row is not None
    assert change.new_row is not None
    assert (change.old_row["status"], change.new_row["status"]) == ("quarantine", "released")
    assert change.operation.actor == laboratory.releaser.user
    document = Document.objects.get(subject=batch.number)
    assert document.state == Document.State.QUEUED
    assert document.context["batch"]["status"] == "released"
    assert document.operation == change.operation


def test_the_reference_results_come_out_of_the_recorded_synthesis(laboratory: People, ready: Batch) -> None:
    results = {result["key"]: result for result in full_batch_document(ready.number)["results"]}
    for key, expected in factories.campaign()["synthesis"]["expected_results"].items():
        assert results[key]["unit"] == expected["unit"]
        difference = Decimal(results[key]["value"]) / Decimal(expected["value"]) - 1
        assert abs(difference) <= Decimal(str(expected["rel_tol"]))


@pytest.mark.requirement("PET-70c")
def test_a_missing_result_blocks_and_is_named(laboratory: People) -> None:
    batch = factories.completed(laboratory)
    given = {k: v for k, v in factories.campaign()["synthesis"]["test_results"].items() if k != "endotoxin"}
    factories.give_results(laboratory, batch.number, given)
    factories.review_trail(laboratory, batch.number)
    with pytest.raises(NotReleasable) as refusal:
        release(laboratory, batch.number)
    assert [(b["code"], b["test"]) for b in refusal.value.details["blockers"]] == [("test_missing", "endotoxin")]
    assert Batch.objects.get(number=batch.number).status == "quarantine"


def test_a_failed_result_is_named_with_value_and_limit(laboratory: People) -> None:
    batch = factories.completed(laboratory)
    given = {**factories.campaign()["synthesis"]["test_results"], "ph": "8.3"}
    factories.give_results(laboratory, batch.number, given)
    factories.review_trail(laboratory, batch.number)
    with pytest.raises(NotReleasable, match=r"pH is 8\.3; the limit is 6\.5 to 8\.0\."):
        release(laboratory, batch.number)


def test_a_result_nobody_reviewed_blocks(laboratory: People) -> None:
    batch = factories.completed(laboratory)
    factories.give_results(laboratory, batch.number, factories.campaign()["synthesis"]["test_results"], reviewed=False)
    factories.review_trail(laboratory, batch.number)
    with pytest.raises(NotReleasable) as refusal:
        release(laboratory, batch.number)
    assert {b["code"] for b in refusal.value.details["blockers"]} == {"test_not_reviewed"}


@pytest.mark.requirement("PET-20d")
def test_an_open_deviation_blocks_until_another_person_has_assessed_it(laboratory: People) -> None:
    from labeling.domain.deviations import Assessed, DeviationClass
    from labeling.services.deviations import assess_deviation

    batch = factories.ready_to_decide(laboratory, values={"react.temperature": "28.0"})
    with pytest.raises(NotReleasable, match=r"Room temperature: 28\.0 degC lies outside its range, 18 to 26 degC"):
        release(laboratory, batch.number)
    deviation = batch.deviations.get()
    assess_deviation(
        actor=laboratory.quality,
        number=batch.number,
        deviation_id=deviation.pk,
        assessed=Assessed("Two degrees for ten minutes do not change the complexation.", DeviationClass.MINOR),
        credential=credential("quality"),
    )
    with pytest.raises(NotReleasable, match="audit trail is not reviewed up to its last event"):
        release(laboratory, batch.number)
    factories.review_trail(laboratory, batch.number)
    assert release(laboratory, batch.number).status == "released"


@pytest.mark.requirement("P11-10g")
@pytest.mark.requirement("A11-15")
@pytest.mark.parametrize(
    "role", ["operator", "verifier", "analyst", "reviewer", "quality", "administrator", "inspector"]
)
def test_only_a_releaser_may_release(laboratory: People, ready: Batch, role: str) -> None:
    with pytest.raises(PermissionRefused):
        release_batch(actor=getattr(laboratory, role), number=ready.number, credential=credential(role))
    assert Batch.objects.get(pk=ready.pk).status == "quarantine"


@pytest.mark.requirement("SIG-6")
@pytest.mark.parametrize("role", ["operator", "analyst"])
def test_whoever_made_or_tested_a_batch_cannot_release_it(laboratory: People, ready: Batch, role: str) -> None:
    user = getattr(laboratory, role).user
    with operation(actor=laboratory.administrator, action="person.roles", subject=user.username):
        user.roles = [*user.roles, "releaser"]
        user.save(update_fields=["roles"])
    with pytest.raises(SegregationOfDuties):
        release_batch(actor=Actor(user), number=ready.number, credential=credential(role))


@pytest.mark.requirement("P11-300d")
def test_a_wrong_password_signs_nothing_and_is_kept(laboratory: People, ready: Batch) -> None:
    from lims.accounts.attestation import Credential

    before = Operation.objects.count()
    with pytest.raises(SignatureRefused):
        release_batch(
            actor=laboratory.releaser, number=ready.number, credential=Credential("releaser", "not the password")
        )
    assert Operation.objects.count() == before
    refused = AccessEvent.objects.get(kind=AccessEvent.Kind.SIGNING_REFUSED)
    assert (refused.user, refused.purpose) == (laboratory.releaser.user, "batch.release")


@pytest.mark.requirement("SIG-1")
@pytest.mark.requirement("A11-14")
@pytest.mark.requirement("P11-70")
def test_the_signature_holds_what_was_shown(laboratory: People, ready: Batch) -> None:
    import hashlib
    import json

    release(laboratory, ready.number)
    signature = Signature.objects.get(meaning="released")
    manifest = json.loads(signature.manifest)
    assert hashlib.sha256(signature.manifest.encode()).hexdigest() == signature.manifest_sha256
    assert manifest["tests"]["radiochemical_purity"]["verdict"] == "pass"
    assert (signature.full_name, signature.role, signature.covers) == (
        "Releaser Test",
        "releaser",
        f"batch {ready.number}",
    )


@pytest.mark.requirement("QMS-2")
@pytest.mark.requirement("DI-2")
@pytest.mark.requirement("DI-14")
def test_a_retest_needs_an_investigation_and_the_first_result_stays(laboratory: People) -> None:
    batch = factories.completed(laboratory)
    first = record_result(actor=laboratory.analyst, number=batch.number, test="ph", value="8.3")
    with pytest.raises(Conflict) as refusal:
        record_result(actor=laboratory.analyst, number=batch.number, test="ph", value="7.3")
    assert refusal.value.code == "retest_needs_investigation"
    invalidate_result(
        actor=laboratory.quality,
        number=batch.number,
        result_id=first.pk,
        cause="The electrode stood in the storage solution.",
        credential=credential("quality"),
    )
    record_result(actor=laboratory.analyst, number=batch.number, test="ph", value="7.3")
    row = next(t for t in full_batch_document(batch.number)["tests"] if t["key"] == "ph")
    assert row["value"] == "7.3"
    assert [earlier["value"] for earlier in row["invalidated"]] == ["8.3"]


def test_the_analyst_cannot_review_their_own_result(laboratory: People) -> None:
    batch = factories.completed(laboratory)
    user = laboratory.analyst.user
    with operation(actor=laboratory.administrator, action="person.roles", subject=user.username):
        user.roles = ["analyst", "reviewer"]
        user.save(update_fields=["roles"])
    result = record_result(actor=Actor(user), number=batch.number, test="ph", value="7.3")
    with pytest.raises(SegregationOfDuties):
        review_result(actor=Actor(user), number=batch.number, result_id=result.pk, credential=credential("analyst"))


def test_a_rejected_batch_gets_its_record_with_the_reason(laboratory: People) -> None:
    batch = factories.completed(laboratory)
    with pytest.raises(DomainError, match="Say why"):
        reject_batch(actor=laboratory.quality, number=batch.number, credential=credential("quality"), reason=" ")
    reject_batch(
        actor=laboratory.quality, number=batch.number, credential=credential("quality"), reason="The vial leaked."
    )
    document = Document.objects.get(subject=batch.number)
    assert document.context["decision"]["reason"] == "The vial leaked."
    assert document.context["gate"]["blockers"]
    with pytest.raises(IllegalTransition):
        release(laboratory, batch.number)


@pytest.mark.requirement("PET-70d")
@pytest.mark.parametrize(
    ("constraint", "change"),
    [
        ("batch_disposition_is_signed", {"status": "released"}),
        ("batch_status_known", {"status": "nearly"}),
        ("batch_completion_is_signed", {"completion_signature": None}),
    ],
)
def test_the_database_refuses_what_the_services_would_not_do(
    laboratory: People, ready: Batch, constraint: str, change: dict[str, object]
) -> None:
    with (
        pytest.raises(IntegrityError, match=constraint),
        operation(actor=laboratory.releaser, action="attack", subject=ready.number),
    ):
        Batch.objects.filter(pk=ready.pk).update(**change)


def race(acts: list[Callable[[], Batch]]) -> list[str]:
    outcomes: list[str] = []

    def go(act: Callable[[], Batch]) -> None:
        try:
            outcomes.append(act().status)
        except DomainError as refusal:
            outcomes.append(refusal.code)
        except IntegrityError:
            outcomes.append("stopped by the database")
        finally:
            connection.close()

    threads = [threading.Thread(target=go, args=[act]) for act in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sorted(outcomes)


@pytest.mark.django_db(transaction=True)
@pytest.mark.requirement("P11-10f")
@pytest.mark.parametrize(
    ("locked", "outcome"),
    [(True, ["illegal_transition", "released"]), (False, ["released", "stopped by the database"])],
)
def test_of_two_releases_at_once_one_wins_and_only_because_of_the_lock(
    laboratory: People, ready: Batch, monkeypatch: pytest.MonkeyPatch, locked: bool, outcome: list[str]
) -> None:
    gate = threading.Barrier(2, timeout=2)
    real_assess = disposition.assess

    def slow_assess(locked_batch: Batch) -> object:
        with contextlib.suppress(threading.BrokenBarrierError):
            gate.wait()
        return real_assess(locked_batch)

    monkeypatch.setattr(disposition, "assess", slow_assess)
    if not locked:
        monkeypatch.setattr(disposition, "lock_batch", lambda number: Batch.objects.get(number=number))
        monkeypatch.setattr(disposition, "request_document", lambda *args, **kwargs: None)
    # Two people: a one-time code is good once, so one person alone cannot release twice at once.
    another = factories.another("releaser-2", "releaser")
    acts = [
        lambda: release(laboratory, ready.number),
        lambda: release_batch(actor=another, number=ready.number, credential=credential("releaser-2")),
    ]
    assert race(acts) == outcome
