"""What a container holds: the ledger of what was read in it, came into it and went out, each at its instant.

Between two events the content decays. A reading replaces what was reckoned, because a measurement knows better than
arithmetic. Nothing here has a clock; amounts are in Bq and L.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum

from labeling.domain.decay import decay_factor, reaches_back
from labeling.domain.quantities import seconds_between
from labeling.domain.uncertainty import Number, nominal, standard_uncertainty

COVERAGE = 2.0
# A campaign's inventory is reconciled to 5 % (a proposal of this project): a syringe that reads a little more than the
# vial was thought to hold tells of two readings, and not of activity from nowhere.
READINGS_AGREE_WITHIN = 0.05
# An amount is not taken on the strength of its own doubt: beyond this, read what it is taken from.
LARGEST_RELATIVE_U = 0.10
SAME_VOLUME = 1e-9
NOTHING = 1e-9  # of what was there: the dust of binary fractions


class Change(StrEnum):
    READ = "read"
    ADDED = "added"
    TAKEN = "taken"
    LEFT = "left"  # all but the amount stated went out
    EMPTIED = "emptied"


GOING_OUT = frozenset({Change.TAKEN, Change.LEFT, Change.EMPTIED})


@dataclass(frozen=True, slots=True)
class Event:
    """One change of one container. An amount that nobody knows is None; zero is a measurement."""

    at: datetime
    change: Change
    activity: Number | None = None
    volume: Number | None = None
    name: str = ""


@dataclass(frozen=True, slots=True)
class Content:
    """What is in the container at one instant. None where it was never measured nor can be reckoned."""

    at: datetime
    activity: Number | None = 0.0
    volume: Number | None = 0.0

    def later(self, at: datetime, half_life: Number | None) -> Content:
        """The same content at another instant; unknown where the half-life is, or too long before."""
        if self.activity is None or half_life is None:
            return replace(self, at=at, activity=0.0 if _is_zero(self.activity) else None)
        if not reaches_back(seconds_between(self.at, at), half_life):
            return replace(self, at=at, activity=None)
        factor = decay_factor(seconds_between(self.at, at), half_life)
        return replace(self, at=at, activity=self.activity * factor)


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of the ledger: the event, what went out by it, what is there after it, and what it took too much."""

    event: Event
    moved: Content
    after: Content
    overdrawn: str = ""


@dataclass(frozen=True, slots=True)
class Ledger:
    """A container from the day it was opened: `opening` is its first content, good for instants before it too."""

    opening: Content
    half_life: Number | None
    entries: tuple[Entry, ...] = field(default=())

    def at(self, at: datetime) -> Content:
        """What is there at `at`, after everything that happened until then."""
        last = self.opening
        for entry in self.entries:
            if seconds_between(entry.event.at, at) < 0:
                break
            last = entry.after
        return last.later(at, self.half_life)

    @property
    def end(self) -> Content:
        return self.entries[-1].after if self.entries else self.opening

    def and_then(self, event: Event) -> Ledger:
        """The ledger with one more event, at its place in time."""
        return ledger(self.opening, [*(entry.event for entry in self.entries), event], self.half_life)

    def before(self, entry: Entry) -> Content:
        """What was there just before a line of the ledger."""
        place = self.entries.index(entry)
        content = self.entries[place - 1].after if place else self.opening
        return content.later(entry.event.at, self.half_life)

    def entry(self, name: str) -> Entry:
        return next(entry for entry in self.entries if entry.event.name == name)

    @property
    def is_emptied(self) -> bool:
        """Whether the last that happened took all that was there."""
        last = self.entries[-1] if self.entries else None
        if last is None or last.event.change not in GOING_OUT:
            return False
        before, after = self.before(last), last.after
        pairs = [(before.activity, after.activity), (before.volume, after.volume)]
        known = [(nominal(was), nominal(left)) for was, left in pairs if was is not None and left is not None]
        return any(was > 0 for was, _ in known) and all(left <= NOTHING * was for was, left in known)

    @property
    def overdrafts(self) -> tuple[Entry, ...]:
        return tuple(entry for entry in self.entries if entry.overdrawn)


def ledger(opening: Content, events: Iterable[Event], half_life: Number | None) -> Ledger:
    """The ledger of a container. Events count in the order of their instants, whatever order they were recorded in.

    Taking more than is there leaves nothing, never less than nothing, and the line says by how much.
    """
    content, entries = opening, []
    for event in sorted(events, key=lambda event: event.at):
        before = content.later(event.at, half_life)
        entry = _after(before, event)
        entries.append(entry)
        content = entry.after
    return Ledger(opening, half_life, tuple(entries))


def _after(before: Content, event: Event) -> Entry:
    nothing = Content(event.at)
    match event.change:
        case Change.READ:
            activity = before.activity if event.activity is None else event.activity
            volume = before.volume if event.volume is None else event.volume
            return Entry(event, nothing, Content(event.at, activity, volume))
        case Change.ADDED:
            after = Content(event.at, _sum(before.activity, event.activity), _sum(before.volume, event.volume))
            return Entry(event, nothing, after)
        case Change.EMPTIED:
            return Entry(event, before, nothing)
        case Change.LEFT:
            moved = Content(event.at, _less(before.activity, event.activity), _less(before.volume, event.volume or 0.0))
            return Entry(event, moved, Content(event.at, event.activity, event.volume or 0.0))
        case _:
            return _taken(before, event)


def _taken(before: Content, event: Event) -> Entry:
    """By measured activity, by volume, or both. A volume alone takes its share of the activity."""
    activity, volume = event.activity, event.volume
    if activity is None and volume is not None and before.activity is not None and before.volume is not None:
        share = min(nominal(volume) / nominal(before.volume), 1.0) if nominal(before.volume) > 0 else 0.0
        activity = before.activity * (volume / before.volume if 0 < share < 1 else share)
    elif activity is not None and volume is None and _is_zero(before.volume):
        volume = 0.0
    after = Content(event.at, _less(before.activity, activity), _less(before.volume, volume))
    return Entry(event, Content(event.at, activity, volume), after, _overdrawn(before, event))


def _overdrawn(before: Content, event: Event) -> str:
    """Which of the two was taken beyond what is there: `volume`, `activity`, or neither."""
    taken, there = event.volume, before.volume
    if taken is not None and there is not None and nominal(taken) > nominal(there) * (1 + SAME_VOLUME):
        return "volume"
    if event.activity is None or before.activity is None:
        return ""
    known = math.hypot(standard_uncertainty(before.activity), LARGEST_RELATIVE_U * nominal(event.activity))
    doubt = COVERAGE * min(standard_uncertainty(event.activity - before.activity), known)
    most = nominal(before.activity) * (1 + READINGS_AGREE_WITHIN) + doubt
    return "activity" if nominal(event.activity) > most else ""


def _sum(first: Number | None, second: Number | None) -> Number | None:
    return None if first is None or second is None else first + second


def _less(first: Number | None, second: Number | None) -> Number | None:
    if first is None or second is None:
        return None
    left = first - second
    return left if nominal(left) > 0 else 0.0


def _is_zero(amount: Number | None) -> bool:
    return amount is not None and not nominal(amount)
