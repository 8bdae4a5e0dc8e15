"""Record training, withdraw it, and ask for it before work is done. What was recorded is never edited."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import IntegrityError, transaction
from django.utils import timezone

from labeling.domain.training import RECORDABLE, Task, Way
from labeling.models import ProtocolVersion, Training, TrainingWithdrawal
from labeling.selectors.clock import database_now
from labeling.selectors.training import CODES, TRAINABLE, find_training, standing, why_not
from lims.accounts import access
from lims.accounts.actors import Actor
from lims.accounts.attestation import Credential, attest
from lims.accounts.models import AccessEvent, User
from lims.accounts.roles import Permission
from lims.audit.operations import operation
from lims.errors import Conflict, InvalidInput, NotFound, SegregationOfDuties, TrainingRefused
from lims.signatures.meanings import Meaning
from lims.signatures.signing import sign

LONGEST_COVERS = 200


@dataclass(frozen=True, slots=True)
class Given:
    """What a trainer signs for: these people, for these tasks of one protocol version, trained in one way."""

    people: Sequence[str]
    protocol: str
    version: int
    tasks: Sequence[str]
    way: str
    valid_until: datetime
    trained_at: datetime | None = None
    note: str = ""


def require_training(
    actor: Actor, version: ProtocolVersion, task: Task, *, doing: str, about: str = "", now: datetime | None = None
) -> None:
    """Whoever acts is trained for this task of this version, at this moment by the database's clock.

    Raises TrainingRefused with the training that is missing and whom to ask; the attempt is kept, so call it outside
    of any operation, which would roll that back.
    """
    found = standing(actor.user, version, task, now=now)
    if found.is_current:
        return
    code = CODES[found.state]
    access.note(
        AccessEvent.Kind.UNTRAINED,
        username=actor.user.username,
        user=actor.user,
        address=actor.address,
        purpose=f"{doing} {about or version.name}",
        why=code,
    )
    raise TrainingRefused(why_not(actor.user, version, task, found), code=code, task=task.value, protocol=version.name)


def require_training_for(actor: Actor, number: str, task: Task, *, doing: str) -> None:
    """The same for work on a batch, which keeps the version it was planned with."""
    version = ProtocolVersion.objects.only("id", "code", "number").filter(batches__number=number).first()
    if version is None:
        raise NotFound(f"There is no batch {number}.")
    require_training(actor, version, task, doing=doing, about=number)


def record_training(*, actor: Actor, given: Given, credential: Credential) -> list[Training]:
    """Whoever trained or assessed signs once, for every one of these people and tasks.

    Raises SegregationOfDuties where the signer is one of the trained, InvalidInput for a training that never expires
    or one that counts for longer than its way allows.
    """
    attestation = attest(actor, credential, purpose="training.record")
    attestation.require(Permission.TRAIN)
    version, people = _version(given), _people(given)
    tasks, way = _tasks(given), _way(given)
    trained_at = _trained_at(given, way)
    with operation(actor=attestation.actor, action="training.record", subject=version.code) as op:
        if attestation.user in people:
            raise SegregationOfDuties(
                "Nobody records their own training; whoever trained or assessed you signs for it."
            )
        names = ", ".join(person.full_name for person in people)
        signature = sign(
            op,
            attestation,
            meaning=Meaning.TRAINED,
            permission=Permission.TRAIN,
            covers=f"training for {version}: {names}"[:LONGEST_COVERS],
            manifest={
                "protocol": version.code,
                "version": version.number,
                "sha256": version.sha256,
                "people": [person.username for person in people],
                "tasks": [task.value for task in tasks],
                "way": way.value,
                "note": given.note.strip(),
                "trained_at": trained_at.isoformat(),
                "valid_until": given.valid_until.isoformat(),
            },
        )
        return Training.objects.bulk_create(
            Training(
                person=person,
                protocol_version=version,
                task=task.value,
                way=way.value,
                note=given.note.strip(),
                trained_at=trained_at,
                valid_until=given.valid_until,
                signature=signature,
                operation=op,
            )
            for person in people
            for task in tasks
        )


def withdraw_training(*, actor: Actor, training_id: int, reason: str, credential: Credential) -> Training:
    """The person may not do the task any more, at once: every record of it for this version is withdrawn together."""
    attestation = attest(actor, credential, purpose="training.withdraw")
    attestation.require(Permission.TRAIN)
    if not reason.strip():
        raise InvalidInput("Say why the training counts no longer.", code="reason_missing", field="reason")
    training = find_training(training_id)
    same = Training.objects.filter(
        person=training.person, protocol_version=training.protocol_version, task=training.task, withdrawal=None
    ).order_by("pk")
    with operation(
        actor=attestation.actor,
        action="training.withdraw",
        subject=training.protocol_version.code,
        reason=reason.strip(),
    ) as op:
        withdrawn = list(same)
        if training not in withdrawn:
            raise Conflict("This training was withdrawn already.", code="already_recorded")
        about = f"training of {training.person.full_name} to {Task(training.task).words} {training.protocol_version}"
        signature = sign(
            op,
            attestation,
            meaning=Meaning.TRAINING_WITHDRAWN,
            permission=Permission.TRAIN,
            covers=about[:LONGEST_COVERS],
            manifest={
                "person": training.person.username,
                "protocol": training.protocol_version.code,
                "version": training.protocol_version.number,
                "task": training.task,
                "records": [row.pk for row in withdrawn],
                "reason": reason.strip(),
            },
        )
        try:
            with transaction.atomic():  # of two people at once the second is told, not failed
                TrainingWithdrawal.objects.bulk_create(
                    TrainingWithdrawal(training=row, signature=signature) for row in withdrawn
                )
        except IntegrityError:
            raise Conflict("This training was withdrawn already.", code="already_recorded") from None
    return find_training(training_id)


def _version(given: Given) -> ProtocolVersion:
    version = ProtocolVersion.objects.filter(code=given.protocol, number=given.version).first()
    if version is None:
        raise InvalidInput(
            f"There is no version {given.version} of the protocol {given.protocol}.",
            code="unknown_version",
            field="version",
        )
    if version.status not in TRAINABLE:
        raise Conflict(
            f"{version} is {version.status}; people are trained for a version once it is approved.",
            code="version_not_approved",
            field="version",
        )
    return version


def _people(given: Given) -> list[User]:
    wanted = {name.strip().lower() for name in given.people}
    found = {
        user.username.lower(): user for user in User.objects.filter(is_active=True) if user.username.lower() in wanted
    }
    unknown = sorted(wanted - found.keys())
    if unknown or not wanted:
        said = f"There is nobody active with the username {unknown[0]}." if unknown else "Name who was trained."
        raise InvalidInput(said, code="unknown_person", field="people")
    return [found[name] for name in sorted(wanted)]


def _tasks(given: Given) -> list[Task]:
    known = [task for task in Task if task.value in given.tasks]
    if not known or len(known) != len(set(given.tasks)):
        raise InvalidInput(f"Training is for tasks out of {', '.join(Task)}.", code="unknown_task", field="tasks")
    return known


def _way(given: Given) -> Way:
    if given.way not in RECORDABLE:
        raise InvalidInput(
            f"“{given.way}” is not a way to train; known are {', '.join(RECORDABLE)}.",
            code="unknown_choice",
            field="way",
        )
    return Way(given.way)


def _trained_at(given: Given, way: Way) -> datetime:
    now = database_now()
    trained_at = given.trained_at or now
    if trained_at > now:
        raise InvalidInput("The training cannot lie in the future.", code="future_time", field="trained_at")
    if given.valid_until <= trained_at:
        raise InvalidInput("The training would expire before it took place.", code="bad_expiry", field="valid_until")
    if given.valid_until - trained_at > way.longest:
        latest = f"{timezone.localtime(trained_at + way.longest):%d %b %Y}"
        raise InvalidInput(
            f"{way.label} counts until {latest} at the latest; then it is done again.",
            code="valid_too_long",
            field="valid_until",
        )
    return trained_at
