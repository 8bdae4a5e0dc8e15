"""Who is trained for what: one person's standing, the matrix of all, what expires, what has to be trained anew."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any

from django.db.models import Exists, OuterRef, QuerySet
from django.db.models.functions import Now
from django.utils import timezone

from labeling.domain.lifecycle import VersionStatus
from labeling.domain.training import Record, Standing, State, Task, Way, standing_of
from labeling.models import ProtocolVersion, Training, TrainingWithdrawal
from labeling.selectors.clock import database_now
from lims.accounts.models import User
from lims.accounts.roles import Permission, may, roles_with
from lims.errors import NotFound

Json = dict[str, Any]

# What the role gives, the training has to confirm.
PERMISSIONS: Mapping[Task, Permission] = MappingProxyType(
    {Task.MAKE: Permission.MAKE_BATCH, Task.VERIFY: Permission.VERIFY, Task.TEST: Permission.TEST}
)
IN_USE = (VersionStatus.APPROVED, VersionStatus.EFFECTIVE)
# Batches of a superseded version are still finished by people trained for it.
TRAINABLE = (*IN_USE, VersionStatus.SUPERSEDED)
CODES = {
    State.NONE: "training_missing",
    State.RETRAIN: "training_outdated",
    State.EXPIRED: "training_expired",
    State.WITHDRAWN: "training_withdrawn",
}
ASK = " or ".join(role.value for role in roles_with(Permission.TRAIN))


@dataclass(frozen=True, slots=True)
class Cell:
    """One person and one task of one version, with where they stand."""

    person: User
    version: ProtocolVersion
    task: Task
    standing: Standing

    @property
    def state(self) -> State:
        return self.standing.state

    @property
    def needed(self) -> bool:
        """Whether the person's role gives the task, so that only the training decides."""
        return may(self.person, PERMISSIONS[self.task])

    @property
    def why_not(self) -> str:
        return why_not(self.person, self.version, self.task, self.standing)

    @property
    def way(self) -> str:
        return self.standing.record.way.label if self.standing.record else ""

    @property
    def valid_until(self) -> datetime | None:
        return self.standing.record.valid_until if self.standing.record else None


def standing(person: User, version: ProtocolVersion, task: Task, *, now: datetime | None = None) -> Standing:
    """Where one person stands, by the database's clock where no `now` is given. One query."""
    withdrawn = TrainingWithdrawal.objects.filter(training=OuterRef("pk"))
    rows = list(
        Training.objects.filter(person=person, task=task, protocol_version__code=version.code)
        .annotate(withdrawn=Exists(withdrawn), asked_at=Now())
        .values_list("protocol_version_id", "pk", "way", "valid_until", "withdrawn", "asked_at")
    )
    if not rows:
        return Standing(State.NONE)
    records = [Record(pk, Way(way), until, gone) for of, pk, way, until, gone, _ in rows if of == version.pk]
    return standing_of(records, now=now or rows[0][-1], trained_for_earlier=len(records) < len(rows))


def why_not(person: User, version: ProtocolVersion, task: Task, found: Standing) -> str:
    """Which training is missing, or since when it counts no longer, and whom to ask; empty where it counts."""
    what, name = f"{task.words} {version}", person.full_name
    if found.is_current:
        return ""
    if found.state is State.EXPIRED and found.record is not None:
        expired = f"{timezone.localtime(found.record.valid_until):%H:%M %Z, %d %b %Y}"
        said = f"The training of {name} to {what} ({found.record.way.label.lower()}) expired at {expired}."
    elif found.state is State.WITHDRAWN:
        said = f"The training of {name} to {what} was withdrawn."
    elif found.state is State.RETRAIN:
        said = f"{name} is trained for another version of {version.code}, not to {what}."
    else:
        said = f"{name} is not trained to {what}."
    return f"{said} Ask somebody with the {ASK} role, who trains and records it."


def lacking(person: Any, version: ProtocolVersion, *tasks: Task) -> dict[Task, str]:
    """For a page: of these tasks those that the person's role gives and the training does not, each with the reason."""
    given = [task for task in tasks if isinstance(person, User) and may(person, PERMISSIONS[task])]
    told = {task: why_not(person, version, task, standing(person, version, task)) for task in given}
    return {task: sentence for task, sentence in told.items() if sentence}


def not_trained_to_make(person: Any, versions: Iterable[ProtocolVersion]) -> dict[str, str]:
    """By code, why this person cannot plan a batch, of those versions that their training does not cover."""
    if not isinstance(person, User):
        return {}
    asked = cells(versions, now=database_now(), person=person)
    told = {cell.version.code: cell.why_not for cell in asked if cell.task is Task.MAKE and cell.needed}
    return {code: sentence for code, sentence in told.items() if sentence}


def trained_people(version: ProtocolVersion) -> dict[Task, set[int]]:
    """Who may do what with a batch of this version now: their role gives it and their training is current."""
    found: dict[Task, set[int]] = {task: set() for task in Task}
    for cell in cells([version], now=database_now()):
        if cell.needed and cell.standing.is_current:
            found[cell.task].add(cell.person.pk)
    return found


def keeps_from_effective(version: ProtocolVersion) -> str:
    """What training is missing before a version may be used: somebody makes it, and another one verifies."""
    trained = trained_people(version)
    if not trained[Task.MAKE]:
        return f"Nobody is trained to make batches of {version}. Record the training before it becomes effective."
    steps = version.document.steps
    checked = any(step.verified_by_second_person or any(f.critical for f in step.fields) for step in steps)
    pair = trained[Task.MAKE] | trained[Task.VERIFY]
    if checked and (not trained[Task.VERIFY] or len(pair) < 2):
        return (
            f"{version} has values that a second person checks, and besides its maker nobody is trained to verify "
            "them. Record the training before it becomes effective."
        )
    return ""


def versions_in_use() -> list[ProtocolVersion]:
    return list(
        ProtocolVersion.objects.filter(status__in=IN_USE).defer("text", "constants").order_by("code", "-number")
    )


def cells(versions: Iterable[ProtocolVersion], *, now: datetime, person: User | None = None) -> list[Cell]:
    """Every active person (or `person`) by every task of these versions: three queries, however many there are."""
    wanted = list(versions)
    people = [person] if person else list(User.objects.filter(is_active=True).order_by("full_name", "pk"))
    withdrawn = set(TrainingWithdrawal.objects.values_list("training_id", flat=True))
    records: dict[tuple[int, int, str], list[Record]] = defaultdict(list)
    codes: dict[tuple[int, str, str], set[int]] = defaultdict(set)
    rows = Training.objects.filter(protocol_version__code__in={version.code for version in wanted}, person__in=people)
    for pk, person_id, version_id, code, task, way, until in rows.values_list(
        "pk", "person_id", "protocol_version_id", "protocol_version__code", "task", "way", "valid_until"
    ):
        records[person_id, version_id, task].append(Record(pk, Way(way), until, pk in withdrawn))
        codes[person_id, code, task].add(version_id)
    return [
        Cell(
            somebody,
            version,
            task,
            standing_of(
                records[somebody.pk, version.pk, task],
                now=now,
                trained_for_earlier=bool(codes[somebody.pk, version.code, task] - {version.pk}),
            ),
        )
        for version in wanted
        for somebody in people
        for task in Task
    ]


def trainings_expiring(within: timedelta) -> list[Cell]:
    """Of the versions in use what has expired or will within that time, the earliest first; of people whose role
    gives them the task."""
    now = database_now()
    soon = [
        cell
        for cell in cells(versions_in_use(), now=now)
        if cell.needed and (cell.state is State.EXPIRED or cell.standing.expires_within(within, now=now))
    ]
    return sorted(soon, key=lambda cell: (cell.valid_until or now, cell.person.full_name))


def trainings(
    *, person: str = "", protocol: str = "", version: str = "", task: str = "", current: str = ""
) -> QuerySet[Training]:
    """The records, filtered; `current` is `true` for those that are neither expired nor withdrawn, `false` for the
    others."""
    rows = Training.objects.select_related("person", "protocol_version", "signature", "withdrawal__signature")
    if person:
        rows = rows.filter(person__username__iexact=person)
    if protocol:
        rows = rows.filter(protocol_version__code=protocol)
    if version:
        number = int(version) if version.isascii() and version.isdigit() and len(version) < 9 else 0
        rows = rows.filter(protocol_version__number=number)
    if task:
        rows = rows.filter(task=task)
    if current in ("true", "false"):
        counts = {"withdrawal": None, "valid_until__gt": Now()}
        rows = rows.filter(**counts) if current == "true" else rows.exclude(**counts)
    return rows


def find_training(training_id: int) -> Training:
    found = trainings().filter(pk=training_id).first()
    if found is None:
        raise NotFound(f"There is no training record {training_id}.")
    return found


def training_row(training: Training, *, now: datetime) -> Json:
    signature, withdrawal = training.signature, getattr(training, "withdrawal", None)
    expired = training.valid_until <= now
    return {
        "id": training.pk,
        "person": {"username": training.person.username, "full_name": training.person.full_name},
        "protocol": training.protocol_version.code,
        "version": training.protocol_version.number,
        "task": training.task,
        "way": training.way,
        "way_label": Way(training.way).label,
        "note": training.note,
        "trained_at": training.trained_at.isoformat(),
        "valid_until": training.valid_until.isoformat(),
        "recorded_at": training.recorded_at.isoformat(),
        "state": "withdrawn" if withdrawal else "expired" if expired else "current",
        "trained_by": _signer(signature) if signature else None,
        "withdrawn": {**_signer(withdrawal.signature), "reason": withdrawal.signature.reason} if withdrawal else None,
    }


def _signer(signature: Any) -> Json:
    return {
        "username": signature.username,
        "full_name": signature.full_name,
        "role": signature.role,
        "at": signature.at.isoformat(),
    }
