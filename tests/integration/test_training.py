"""Nobody works by a version they were not trained for: the gate, its expiry and withdrawal, what leads through it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.core.management import call_command
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext

from labeling.domain.training import YEAR, State, Task, Way
from labeling.models import Batch, ProtocolVersion, Training
from labeling.selectors.clock import database_now
from labeling.selectors.training import cells, standing, trainings_expiring
from labeling.services.completion import complete_batch
from labeling.services.demonstration import train_demo_accounts
from labeling.services.planning import plan_batch, start_batch
from labeling.services.recording import Reading, correct_entry, record_entry
from labeling.services.timers import record_timer
from labeling.services.training import Given, record_training, require_training, withdraw_training
from labeling.services.verification import verify_step
from labeling.services.versions import approve_version, import_protocol, make_version_effective, submit_version
from lims.accounts.models import AccessEvent
from lims.accounts.roles import Permission, Role, permissions_of
from lims.audit.models import Change, Operation
from lims.audit.operations import operation
from lims.errors import Conflict, DomainError, InvalidInput, PermissionRefused, SegregationOfDuties, TrainingRefused
from lims.signatures.models import Signature
from qc.services.results import record_result
from tests import factories
from tests.factories import PASSWORD, People, credential, fresh_code
from tests.integration.rest import Rest, sign_in

KIT = "zr89-oxine-kit"


def kit() -> ProtocolVersion:
    return ProtocolVersion.objects.filter(code=KIT).latest("number")


def given(*people: str, **changed: Any) -> Given:
    """A supervised run of these people, for all tasks of the newest version of the kit synthesis."""
    told: dict[str, Any] = {
        "protocol": KIT,
        "version": kit().number,
        "tasks": [task.value for task in Task],
        "way": "supervised_run",
        "valid_until": database_now() + timedelta(days=700),
    }
    return Given(people=people, **{**told, **changed})


def train(who: People, *people: str, **changed: Any) -> list[Training]:
    return record_training(actor=who.quality, given=given(*people, **changed), credential=credential("quality"))


def expired(*, days: float = 0.01) -> dict[str, datetime]:
    """A training of a year ago that is over."""
    over = database_now() - timedelta(days=days)
    return {"trained_at": over - timedelta(days=364), "valid_until": over}


def withdraw(who: People, username: str, task: Task = Task.MAKE) -> Training:
    newest = Training.objects.filter(person__username=username, task=task, protocol_version=kit()).latest("pk")
    return withdraw_training(
        actor=who.quality, training_id=newest.pk, reason="failed the media fill", credential=credential("quality")
    )


def untrained_events() -> list[tuple[str, str, str]]:
    events = AccessEvent.objects.filter(kind=AccessEvent.Kind.UNTRAINED).order_by("pk")
    return [(event.username, event.purpose, event.why) for event in events]


@pytest.fixture
def batch(laboratory: People) -> Batch:
    return factories.recorded(laboratory, factories.campaign()["synthesis"])


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


@pytest.fixture
def production(settings: Any) -> None:
    """Nobody is trained by being a demo account."""
    settings.DEMO = False


@pytest.fixture
def approved(production: None, who: People) -> ProtocolVersion:
    text = (factories.ROOT / f"library/protocols/{KIT}.yaml").read_text(encoding="utf-8")
    version, _ = import_protocol(actor=who.operator, text=text)
    target: dict[str, Any] = {"model": ProtocolVersion, "code": KIT, "number": version.number}
    submit_version(actor=who.reviewer, credential=credential("reviewer"), **target)
    approve_version(actor=who.quality, credential=credential("quality"), **target)
    return version


def make_effective(who: People, number: int = 1) -> ProtocolVersion:
    return make_version_effective(
        model=ProtocolVersion, actor=who.quality, code=KIT, number=number, credential=credential("quality")
    )


@pytest.mark.requirement("P11-10i")
def test_a_version_is_effective_only_when_one_is_trained_to_make_and_another_to_verify(
    who: People, approved: ProtocolVersion
) -> None:
    assert not Training.objects.exists()
    with pytest.raises(Conflict, match="Nobody is trained to make batches") as no:
        make_effective(who)
    assert no.value.code == "training_missing"
    factories.another("both", "operator", "verifier")
    train(who, "both")
    with pytest.raises(Conflict, match="besides its maker nobody is trained to verify"):
        make_effective(who)
    train(who, "operator", tasks=["verify"])  # the role does not give it
    with pytest.raises(Conflict, match="nobody is trained to verify"):
        make_effective(who)
    train(who, "verifier", tasks=["verify"])
    assert make_effective(who).status == "effective"


@pytest.mark.requirement("QMS-10")
def test_a_new_version_asks_for_training_anew_and_open_batches_go_on(who: People, approved: ProtocolVersion) -> None:
    train(who, "operator", "verifier")
    old = make_effective(who)
    text = old.text.replace("title:", "title: ", 1)
    newer, _ = import_protocol(actor=who.operator, text=text)
    target: dict[str, Any] = {"model": ProtocolVersion, "code": KIT, "number": newer.number}
    with pytest.raises(Conflict, match="once it is approved"):
        train(who, "operator")
    submit_version(actor=who.reviewer, credential=credential("reviewer"), **target)
    approve_version(actor=who.quality, credential=credential("quality"), **target)
    found = {(c.person.username, c.task): c.state for c in cells([newer], now=database_now())}
    assert found["operator", Task.MAKE] is found["verifier", Task.VERIFY] is State.RETRAIN
    assert found["analyst", Task.TEST] is State.NONE
    with pytest.raises(TrainingRefused, match="trained for another version") as no:
        require_training(who.operator, newer, Task.MAKE, doing="batch.plan")
    assert no.value.code == "training_outdated"
    with pytest.raises(Conflict, match="Nobody is trained to make"):
        make_effective(who, newer.number)
    factories.another("operator-2", "operator")
    train(who, "operator-2", "verifier")
    make_effective(who, newer.number)
    require_training(who.operator, old, Task.MAKE, doing="entry.record")
    with pytest.raises(DomainError, match="trained for another version"):
        plan_batch(actor=who.operator, protocol=KIT)


@pytest.mark.requirement("VAL-6")
def test_demo_accounts_are_recorded_as_such_and_a_production_does_nothing(laboratory: People, settings: Any) -> None:
    rows = Training.objects.filter(protocol_version__code=KIT).select_related("operation__actor", "person")
    workers = {"operator", "verifier", "analyst", "integration"}
    assert {(t.person.username, t.task) for t in rows} == {(name, task.value) for name in workers for task in Task}
    assert {t.way for t in rows} == {Way.DEMONSTRATION.value}
    assert {t.operation.actor.username for t in rows} == {"system"}
    assert all("nobody was trained" in t.note and t.signature is None for t in rows)
    count = Training.objects.count()
    withdraw(laboratory, "operator")
    assert train_demo_accounts() == 0  # what a person withdrew stays withdrawn
    settings.DEMO = False
    factories.another("operator-2", "operator")
    assert Training.objects.count() == count
    with pytest.raises(Exception, match="no demo accounts"):
        call_command("train_demo_accounts")


def test_what_expires_comes_first(laboratory: People) -> None:
    train(laboratory, "verifier", tasks=["verify"], valid_until=database_now() + timedelta(days=20))
    train(laboratory, "operator", tasks=["make"], **expired())
    train(laboratory, "analyst", tasks=["make"], **expired())  # not their task
    soon = [(cell.person.username, cell.state) for cell in trainings_expiring(timedelta(days=30))]
    assert soon == [("operator", State.EXPIRED), ("verifier", State.CURRENT)]
    assert [cell.person.username for cell in trainings_expiring(timedelta(days=10))] == ["operator"]


@pytest.mark.requirement("P11-10i")
def test_training_over_rest(laboratory: People) -> None:
    rest = Rest("quality")
    body: dict[str, Any] = {
        "people": ["operator", "verifier"],
        "protocol": KIT,
        "version": 1,
        "tasks": ["make"],
        "way": "assessment",
        "valid_until": (database_now() + timedelta(days=365)).isoformat(),
    }
    answer = rest.signed("training/", body)
    assert answer.status_code == 201, answer.data
    first, _ = answer.data["results"]
    assert (first["person"]["username"], first["state"]) == ("operator", "current")
    assert first["trained_by"]["username"] == "quality"
    assert rest.get(f"training/{first['id']}/").data == first
    found = rest.get("training/", person="operator", protocol=KIT, task="make", current="true").data["results"]
    assert [row["way"] for row in found] == ["assessment", "demonstration"]

    assert rest.signed(f"training/{first['id']}/withdraw/").data["code"] == "reason_missing"
    gone = rest.signed(f"training/{first['id']}/withdraw/", {"reason": "mixed up"})
    assert (gone.data["state"], gone.data["withdrawn"]["reason"]) == ("withdrawn", "mixed up")
    assert rest.get("training/", person="operator", protocol=KIT, task="make", current="true").data["results"] == []
    refused = Rest("operator").post("batches/", {"protocol": KIT})
    assert (refused.status_code, refused.data["code"]) == (403, "training_withdrawn")
    assert refused.data["detail"].startswith(
        "The training of Operator Test to make batches of zr89-oxine-kit version 1"
    )

    assert rest.signed("training/", {**body, "valid_until": "2027-01-01"}).status_code == 422
    assert rest.signed("training/", {**body, "trained_by": "x"}).status_code == 400
    assert Rest("operator").signed("training/", body).status_code == 403
    assert Rest("administrator").get("training/").status_code == 403
    assert rest.get("training/999999/").status_code == 404


def signed_in(client: Client, username: str) -> Client:
    assert client.post("/sign-in/", sign_in(username)).status_code == 302
    return client


@pytest.mark.requirement("P11-10i")
def test_what_training_does_not_cover_is_not_offered_and_said_in_words(
    laboratory: People, batch: Batch, client: Client
) -> None:
    train(laboratory, "operator", **expired())
    page = signed_in(client, "operator")
    work = page.get(f"/batches/{batch.number}/").content.decode()
    assert "The training of Operator Test to make batches of" in work
    assert "Sign the completion" not in work
    assert "Correct</summary>" not in work
    plan = page.get("/batches/new/").content.decode()
    assert "zr89-oxine-kit version 1 (supervised run) expired at" in plan
    assert f'value="{KIT}"' not in plan
    refused = page.post("/batches/new/", {"protocol": KIT})
    assert refused.status_code == 422


@pytest.mark.requirement("P11-10i")
def test_an_approved_version_says_on_its_page_which_training_is_missing(
    who: People, approved: ProtocolVersion, client: Client
) -> None:
    page = signed_in(client, "quality")
    shown = page.get(f"/protocols/{KIT}/1/").content.decode()
    assert "Nobody is trained to make batches of zr89-oxine-kit version 1." in shown
    assert "make_effective/" not in shown
    body = {"username": "quality", "password": PASSWORD.format("quality"), "otp": fresh_code("quality")}
    assert page.post(f"/protocols/{KIT}/1/make_effective/", body).status_code == 409


def test_the_matrix_costs_the_same_however_many_are_trained(laboratory: People, client: Client) -> None:
    page, counts = signed_in(client, "inspector"), []
    page.get("/")  # notes the session as used
    for turn in range(2):
        with CaptureQueriesContext(connection) as queries:
            assert page.get("/training/").status_code == 200
        counts.append(len(queries))
        factories.another(f"operator-{turn}", "operator")
        train(laboratory, "operator", f"operator-{turn}")
    assert counts[0] == counts[1]


@pytest.mark.requirement("P11-10g")
def test_radiation_safety_watches_alarms_and_an_integration_watches_nothing() -> None:
    class Holder:
        is_active = True

        def __init__(self, role: Role) -> None:
            self.role_names = [role.value]

    watching = {role for role in Role if Permission.WATCH in permissions_of(Holder(role))}
    assert Role.RADIATION_SAFETY in watching
    assert not {Role.INTEGRATION, Role.SYSTEM} & watching
    trainers = {role for role in Role if Permission.TRAIN in permissions_of(Holder(role))}
    assert trainers == {Role.REVIEWER, Role.QUALITY}
    forbidden = {Permission.MAKE_BATCH, Permission.TEST, Permission.RELEASE_BATCH, Permission.APPROVE_DOCUMENT}
    assert not forbidden & permissions_of(Holder(Role.RADIATION_SAFETY))
