"""Which training a version needs before it is effective, and what a new version and demo accounts do."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.management import call_command

from labeling.domain.training import State, Task, Way
from labeling.models import ProtocolVersion, Training
from labeling.selectors.clock import database_now
from labeling.selectors.training import cells
from labeling.services.demonstration import train_demo_accounts
from labeling.services.planning import plan_batch
from labeling.services.training import require_training
from labeling.services.versions import approve_version, import_protocol, make_version_effective, submit_version
from lims.errors import Conflict, DomainError, TrainingRefused
from tests import factories
from tests.factories import People, credential
from tests.integration.training.trained import KIT, train, withdraw


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
