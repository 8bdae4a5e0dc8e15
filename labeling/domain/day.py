"""A day as a line: what happens on it, placed by the minute, in as many lanes as it takes for no two to overlap."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

WIDTH = 960.0
LANE = 24
LETTER = 7.2  # the width of a letter of the label, in the drawing's own unit
TOP = 28


@dataclass(frozen=True, slots=True)
class Mark:
    at: datetime
    name: str
    word: str
    href: str
    kind: str  # start, done or end

    @property
    def label(self) -> str:
        return f"{self.name} {self.word}"


@dataclass(frozen=True, slots=True)
class Placed:
    mark: Mark
    x: float
    y: float
    to_the_left: bool  # the label stands before its point, where the day ends soon after

    @property
    def label_x(self) -> float:
        return round(self.x - 9 if self.to_the_left else self.x + 9, 1)

    @property
    def text_y(self) -> float:
        return self.y + 4


@dataclass(frozen=True, slots=True)
class DayLine:
    marks: tuple[Placed, ...]
    hours: tuple[tuple[float, str], ...]
    now: float | None
    height: float
    width: float = WIDTH


def day_line(marks: Sequence[Mark], *, start: datetime, end: datetime, now: datetime) -> DayLine:
    """The drawing of a day from `start` to `end`, which are 23 or 25 hours apart when the clocks change."""
    # Two instants of one zone are subtracted by their wall clocks; in UTC by the time between them.
    begin, length = start.astimezone(UTC), (end.astimezone(UTC) - start.astimezone(UTC)).total_seconds()

    def x_of(moment: datetime) -> float:
        return round((moment.astimezone(UTC) - begin).total_seconds() / length * WIDTH, 1)

    lanes: list[float] = []  # where each lane is free from
    placed = []
    for mark in sorted(marks, key=lambda mark: mark.at):
        x, room = x_of(mark.at), len(mark.label) * LETTER + 16
        left = x + room > WIDTH
        first, last = (x - room, x + 8) if left else (x - 8, x + room)
        lane = next((index for index, free in enumerate(lanes) if free <= first), len(lanes))
        lanes[lane:] = [last, *lanes[lane + 1 :]]
        placed.append(Placed(mark, x, TOP + LANE * lane + LANE / 2, left))
    hours = []
    for hour in range(0, 25, 3):
        moment = begin + timedelta(hours=hour)
        if moment <= end:
            hours.append((x_of(moment), moment.astimezone(start.tzinfo).strftime("%H:%M")))
    inside = start <= now < end
    return DayLine(tuple(placed), tuple(hours), x_of(now) if inside else None, TOP + LANE * max(len(lanes), 1) + 8)
