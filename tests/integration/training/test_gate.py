"""Nobody works by a version they were not trained for: the gate, its expiry and withdrawal, what leads through it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from labeling.domain.training import YEAR, State, Task
from labeling.models import Batch, Training
from labeling.selectors.clock import database_now
from labeling.selectors.training import standing
from labeling.services.completion import complete_batch
from labeling.services.planning import plan_batch, start_batch
from labeling.services.recording import Reading, correct_entry, record_entry
from labeling.services.timers import record_timer
from labeling.services.training import Given, record_training, require_training
from labeling.services.verification import verify_step
from lims.audit.models import Change, Operation
from lims.audit.operations import operation
from lims.errors import Conflict, InvalidInput, PermissionRefused, SegregationOfDuties, TrainingRefused
from lims.signatures.models import Signature
from qc.services.results import record_result
from tests import factories
from tests.factories import People, credential
from tests.integration.training.trained import KIT, expired, given, kit, train, untrained_events, withdraw


def works_of_making(who: People, batch: Batch) -> dict[str, Callable[[], object]]:
    entry, reading = batch.entries.latest("pk"), Reading(value="1", reason="misread")
    return {
        "batch.plan": lambda: plan_batch(actor=who.operator, protocol=KIT),
        "batch.start": lambda: start_batch(actor=who.operator, number=batch.number),
        "entry.record": lambda: record_entry(
            actor=who.operator, number=batch.number, step="react", field="temperature", reading=reading
        ),
        "entry.correct": lambda: correct_entry(
            actor=who.operator, number=batch.number, entry_id=entry.pk, reading=reading
        ),
        "timer.start": lambda: record_timer(actor=who.operator, number=batch.number, step="react", event="start"),
        "batch.complete": lambda: complete_batch(
            actor=who.operator, number=batch.number, credential=credential("operator")
        ),
    }


@pytest.mark.requirement("P11-10i")
@pytest.mark.requirement("PET-10")
def test_an_expired_training_ends_every_task_of_making_at_once_and_each_attempt_is_kept(
    laboratory: People, batch: Batch
) -> None:
    train(laboratory, "operator", way="media_fill", **expired())
    before = Operation.objects.count()
    works = works_of_making(laboratory, batch)
    for work in works.values():
        with pytest.raises(
            TrainingRefused, match=r"Operator Test to make batches of .* \(media fill\) expired at"
        ) as no:
            work()
        assert (no.value.code, no.value.status) == ("training_expired", 403)
        assert "Ask somebody with the reviewer or quality role" in no.value.message
    assert Operation.objects.count() == before
    kept = untrained_events()
    assert [purpose.split()[0] for _, purpose, _ in kept] == list(works)
    assert {(username, why) for username, _, why in kept} == {("operator", "training_expired")}
    assert kept[1][1] == f"batch.start {batch.number}"


@pytest.mark.requirement("P11-10i")
def test_a_withdrawn_training_counts_no_longer_however_many_records_there_were(
    laboratory: People, batch: Batch
) -> None:
    train(laboratory, "verifier", tasks=["verify"])
    train(laboratory, "verifier", "operator", tasks=["verify"], way="read")
    withdrawn = withdraw(laboratory, "verifier", Task.VERIFY)
    signature = withdrawn.withdrawal.signature
    assert (signature.meaning, signature.reason) == ("training_withdrawn", "failed the media fill")
    with pytest.raises(TrainingRefused) as no:
        verify_step(actor=laboratory.operator, number=batch.number, step="dispense", credential=credential("verifier"))
    assert no.value.code == "training_withdrawn"
    assert untrained_events() == [("verifier", f"step.verify {batch.number}", "training_withdrawn")]
    with pytest.raises(Conflict, match="withdrawn already"):
        withdraw(laboratory, "verifier", Task.VERIFY)
    train(laboratory, "verifier", tasks=["verify"])
    assert standing(laboratory.verifier.user, kit(), Task.VERIFY).is_current
    # Nobody else's, and no other task's.
    assert standing(laboratory.operator.user, kit(), Task.VERIFY).is_current


@pytest.mark.requirement("P11-10i")
def test_an_analyst_records_no_result_without_training(laboratory: People, batch: Batch) -> None:
    train(laboratory, "analyst", **expired())
    with pytest.raises(TrainingRefused, match="Analyst Test to test batches of"):
        record_result(actor=laboratory.analyst, number=batch.number, test="ph", value="7.1")
    train(laboratory, "analyst")
    assert record_result(actor=laboratory.analyst, number=batch.number, test="ph", value="7.1").pk


@pytest.mark.requirement("P11-10i")
def test_the_database_s_clock_judges_and_one_query_is_enough(laboratory: People) -> None:
    version, operator = kit(), laboratory.operator
    with CaptureQueriesContext(connection) as queries:
        require_training(operator, version, Task.MAKE, doing="batch.plan")
    assert len(queries) == 1
    train(laboratory, "operator", tasks=["make"], valid_until=database_now() + timedelta(days=30))
    require_training(operator, version, Task.MAKE, doing="x", now=database_now() + timedelta(days=29))
    with pytest.raises(TrainingRefused, match="expired"):
        require_training(operator, version, Task.MAKE, doing="x", now=database_now() + timedelta(days=31))


@pytest.mark.requirement("PET-10")
def test_a_media_fill_that_ran_out_is_not_made_good_by_reading(laboratory: People) -> None:
    train(laboratory, "operator", way="media_fill", **expired())
    train(laboratory, "operator", way="read")
    assert standing(laboratory.operator.user, kit(), Task.MAKE).state is State.EXPIRED
    train(laboratory, "operator", way="media_fill", valid_until=database_now() + timedelta(days=300))
    assert standing(laboratory.operator.user, kit(), Task.MAKE).is_current


@pytest.mark.requirement("P11-10i")
def test_one_signature_covers_people_and_tasks_and_is_none_s_own(laboratory: People) -> None:
    factories.another("operator-2", "operator")
    made = train(laboratory, "operator", "operator-2", "verifier", tasks=["make", "verify"], note="Watched S-1.")
    assert len(made) == 6
    [signature] = {training.signature for training in made}
    assert signature is not None
    assert (signature.username, signature.role, signature.meaning) == ("quality", "quality", "trained")
    assert '"people":["operator","operator-2","verifier"]' in signature.manifest
    changes = Change.objects.filter(operation=signature.operation, table_name="labeling_training")
    assert changes.count() == 6
    with pytest.raises(SegregationOfDuties, match="their own training"):
        train(laboratory, "operator", "quality")
    with pytest.raises(PermissionRefused):
        record_training(actor=laboratory.operator, given=given("verifier"), credential=credential("operator"))
    with pytest.raises(PermissionRefused):
        record_training(actor=laboratory.administrator, given=given("verifier"), credential=credential("administrator"))


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"people": ["nobody"]}, "unknown_person"),
        ({"people": []}, "unknown_person"),
        ({"tasks": ["approve"]}, "unknown_task"),
        ({"tasks": []}, "unknown_task"),
        ({"way": "demonstration"}, "unknown_choice"),
        ({"version": 99}, "unknown_version"),
        ({"days": 0}, "bad_expiry"),
        ({"days": 1100}, "valid_too_long"),
        ({"days": 400, "way": "media_fill"}, "valid_too_long"),
    ],
)
def test_what_cannot_be_is_not_signed(laboratory: People, changed: dict[str, Any], code: str) -> None:
    changed = dict(changed)
    if "days" in changed:
        changed["valid_until"] = database_now() + timedelta(days=changed.pop("days"))
    told = given("operator")
    fields = {name: getattr(told, name) for name in Given.__slots__}
    with pytest.raises(InvalidInput) as no:
        record_training(
            actor=laboratory.quality, given=Given(**{**fields, **changed}), credential=credential("quality")
        )
    assert no.value.code == code
    assert not Signature.objects.filter(meaning="trained").exists()


@pytest.mark.requirement("P11-10i")
def test_records_are_only_ever_added_within_operations_and_expire(laboratory: People) -> None:
    [training] = train(laboratory, "operator", tasks=["make"])
    with pytest.raises(Exception, match=r"permission denied|append-only"), transaction.atomic():
        Training.objects.filter(pk=training.pk).update(valid_until=training.valid_until + timedelta(days=1))
    with pytest.raises(IntegrityError, match="outside an audited operation"), transaction.atomic():
        Training.objects.bulk_create([_copy(training, way="read")])
    attacks: dict[str, dict[str, Any]] = {
        "training_is_signed": {"signature": None},
        "training_expires": {"valid_until": training.trained_at + 4 * YEAR},
        "training_task_known": {"task": "approve"},
        "training_way_known": {"way": "luck"},
    }
    for constraint, wrong in attacks.items():
        with (
            pytest.raises(IntegrityError, match=constraint),
            operation(actor=laboratory.quality, action="training.record") as op,
        ):
            Training.objects.bulk_create([_copy(training, **{"operation": op, **wrong})])


def _copy(training: Training, **changed: Any) -> Training:
    names = ("person", "protocol_version", "task", "way", "trained_at", "valid_until", "signature", "operation")
    return Training(**{**{name: getattr(training, name) for name in names}, **changed})
