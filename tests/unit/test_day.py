"""The line of a day: everything inside it, nothing upon another, also when the clocks change."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labeling.domain.day import LETTER, WIDTH, Mark, Placed, day_line

BERLIN = ZoneInfo("Europe/Berlin")


def _day(year: int, month: int, day: int) -> tuple[datetime, datetime]:
    start = datetime(year, month, day, tzinfo=BERLIN)
    return start, datetime(year, month, day + 1, tzinfo=BERLIN)


def _taken(place: Placed) -> tuple[float, float]:
    room = len(place.mark.label) * LETTER + 16
    return (place.x - room, place.x + 8) if place.to_the_left else (place.x - 8, place.x + room)


@given(st.lists(st.integers(0, 24 * 60 - 1), max_size=40))
def test_no_two_marks_overlap_and_all_lie_inside(minutes: list[int]) -> None:
    start, end = _day(2026, 6, 3)
    marks = [Mark(start + timedelta(minutes=m), f"L-{i:04}", "expires", "/", "end") for i, m in enumerate(minutes)]
    line = day_line(marks, start=start, end=end, now=start)
    assert len(line.marks) == len(marks)
    assert all(0 <= place.x <= WIDTH and place.y < line.height for place in line.marks)
    lanes: dict[float, list[tuple[float, float]]] = {}
    for place in line.marks:
        lanes.setdefault(place.y, []).append(_taken(place))
    for taken in lanes.values():
        ordered = sorted(taken)
        assert all(before[1] <= after[0] for before, after in pairwise(ordered))


@pytest.mark.parametrize(("day", "hours"), [((2026, 3, 29), 23), ((2026, 10, 25), 25), ((2026, 6, 3), 24)])
def test_a_day_is_as_long_as_its_clock_makes_it(day: tuple[int, int, int], hours: int) -> None:
    start, end = _day(*day)
    noon = datetime(*day, 12, tzinfo=BERLIN)
    line = day_line([Mark(noon, "L", "started", "/", "start")], start=start, end=end, now=noon)
    before_noon = 12 - (24 - hours)
    assert line.marks[0].x == pytest.approx(WIDTH * before_noon / hours, abs=0.1)
    assert line.now == line.marks[0].x
