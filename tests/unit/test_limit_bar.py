"""The part of the number line that a bar of limits shows."""

from __future__ import annotations

from decimal import Decimal

import pytest

from labeling.templatetags.limits import limit_bar, scale

WHOLE = Decimal(100)


@pytest.mark.parametrize(
    ("point", "low", "high", "shown"),
    [
        ("46.9", "20", None, (0, 100)),  # an efficiency is not negative, however low its limit lies
        ("93", "80", None, (60, 100)),
        ("56", None, "100", (0, 120)),
        ("7.1", "6", "8", (5, 9)),
        ("-5", "-10", "10", (-20, 20)),  # what may be negative keeps its room
        ("130", "80", None, (60, 130)),
    ],
)
def test_it_has_room_for_the_value_and_none_where_no_value_can_be(
    point: str, low: str | None, high: str | None, shown: tuple[int, int]
) -> None:
    limits = (Decimal(edge) if edge is not None else None for edge in (low, high))
    start, end = scale(Decimal(point), next(limits), next(limits), whole=WHOLE)
    assert (int(start), int(end)) == shown


def test_a_value_at_the_end_of_the_bar_is_told_in_a_few_digits() -> None:
    assert limit_bar("7.291844911412236", {"min": "90", "max": "110"}, "action", "%")["start"] == "7.292"
