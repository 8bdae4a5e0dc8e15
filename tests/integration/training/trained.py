"""Recording and withdrawing training as a trainer does, and a batch at work to try it on."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from labeling.domain.training import Task
from labeling.models import ProtocolVersion, Training
from labeling.selectors.clock import database_now
from labeling.services.training import Given, record_training, withdraw_training
from lims.accounts.models import AccessEvent
from tests.factories import People, credential

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
