"""Training: for which tasks, in which ways, and when what is recorded of it counts."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

YEAR = timedelta(days=366)  # so that "a year" is never a day short
LONGEST = 3 * YEAR
SOON = timedelta(days=60)


class Task(StrEnum):
    """What one is trained for. Approving and releasing are no such tasks: roles alone give them."""

    MAKE = "make"
    VERIFY = "verify"
    TEST = "test"

    @property
    def words(self) -> str:
        """What a person does, as it stands in `trained to ...`."""
        return {
            Task.MAKE: "make batches of",
            Task.VERIFY: "verify batches of",
            Task.TEST: "test batches of",
        }[self]


class Way(StrEnum):
    """How somebody was trained or assessed."""

    READ = "read"
    SUPERVISED_RUN = "supervised_run"
    ASSESSMENT = "assessment"
    MEDIA_FILL = "media_fill"
    INTERFACE_VALIDATED = "interface_validated"
    DEMONSTRATION = "demonstration"

    @property
    def label(self) -> str:
        return {
            Way.READ: "Read and understood",
            Way.SUPERVISED_RUN: "Supervised run",
            Way.ASSESSMENT: "Written or oral assessment",
            Way.MEDIA_FILL: "Media fill",
            Way.INTERFACE_VALIDATED: "Interface of another system validated",
            Way.DEMONSTRATION: "Demonstration, nobody was trained",
        }[self]

    @property
    def longest(self) -> timedelta:
        """For how long it counts at most."""
        # EU GMP Annex 1 (2022), 9.38: every operator takes part in a successful process simulation each year.
        return YEAR if self in (Way.MEDIA_FILL, Way.DEMONSTRATION) else LONGEST


# What a person may record; a demonstration is recorded by the program alone.
RECORDABLE = tuple(way for way in Way if way is not Way.DEMONSTRATION)


class State(StrEnum):
    """How somebody stands with a task of a protocol version."""

    CURRENT = "trained"
    EXPIRED = "expired"
    WITHDRAWN = "withdrawn"
    RETRAIN = "retrain"  # trained for an earlier version
    NONE = "not_trained"


@dataclass(frozen=True, slots=True)
class Record:
    """One training record of one person for one task of one version."""

    pk: int
    way: Way
    valid_until: datetime
    withdrawn: bool = False


@dataclass(frozen=True, slots=True)
class Standing:
    """What the records of one person for one task of one version come to; `record` is the one that decides."""

    state: State
    record: Record | None = None

    @property
    def is_current(self) -> bool:
        return self.state is State.CURRENT

    def expires_within(self, span: timedelta, *, now: datetime) -> bool:
        return self.is_current and self.record is not None and self.record.valid_until - now <= span


def standing_of(records: Iterable[Record], *, now: datetime, trained_for_earlier: bool = False) -> Standing:
    """Of each way the newest record counts, and all of them have to be current: whoever once qualified by a media fill
    needs a current one, however lately they also read the protocol. A demonstration counts where nothing else is
    recorded. No record is no training."""
    every = sorted(records, key=lambda record: record.pk)
    newest = {record.way: record for record in every if not record.withdrawn}
    if len(newest) > 1:
        newest.pop(Way.DEMONSTRATION, None)
    if newest:
        first_out = min(newest.values(), key=lambda record: record.valid_until)
        return Standing(State.CURRENT if first_out.valid_until > now else State.EXPIRED, first_out)
    if every:
        return Standing(State.WITHDRAWN, every[-1])
    return Standing(State.RETRAIN if trained_for_earlier else State.NONE)
