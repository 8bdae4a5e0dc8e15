"""The ledger of a container: what leaves one arrives in another, and nothing is ever less than nothing."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labeling.domain.activity_curve import activity_curve
from labeling.domain.containers import Change, Content, Event, ledger
from labeling.domain.decay_storage import earliest_release
from labeling.domain.nuclides import nuclide
from labeling.domain.uncertainty import Number, nominal, standard_uncertainty, variable
from lims.errors import InvalidInput

START = datetime(2026, 3, 2, 8, tzinfo=UTC)
HALF_LIFE = 78.41 * 3600
activities = st.floats(min_value=1e3, max_value=1e9)
shares = st.floats(min_value=0.01, max_value=0.99)
minutes = st.integers(min_value=0, max_value=20_000)
withdrawals = st.lists(st.tuples(minutes, st.floats(min_value=0, max_value=2e9)), max_size=6)


def after(at: int) -> datetime:
    return START + timedelta(minutes=at)


def known(amount: Number | None) -> float:
    assert amount is not None
    return nominal(amount)


@given(activity=activities, share=shares, moved=minutes, looked=minutes)
def test_what_leaves_arrives(activity: float, share: float, moved: int, looked: int) -> None:
    there = Content(START, activity).later(after(moved), HALF_LIFE).activity
    amount = known(there) * share
    source = ledger(Content(START, activity), [Event(after(moved), Change.TAKEN, amount)], HALF_LIFE)
    target = ledger(Content(START), [Event(after(moved), Change.ADDED, amount)], HALF_LIFE)
    end = after(max(moved, looked))
    together = known(source.at(end).activity) + known(target.at(end).activity)
    whole = known(Content(START, activity).later(end, HALF_LIFE).activity)
    assert math.isclose(together, whole, rel_tol=1e-9)


@given(activity=activities, share=shares, early=minutes, late=minutes)
def test_decay_and_transfer_commute(activity: float, share: float, early: int, late: int) -> None:
    """By a share of the volume it does not matter whether one waits before or after."""
    first, last = after(min(early, late)), after(max(early, late))
    opening = Content(START, activity, 1e-3)
    left = [
        ledger(opening, [Event(at, Change.TAKEN, volume=1e-3 * share)], HALF_LIFE).at(last).activity
        for at in (first, last)
    ]
    assert math.isclose(known(left[0]), known(left[1]), rel_tol=1e-9)


@given(activity=activities, taken=withdrawals)
def test_a_container_never_holds_less_than_nothing(activity: float, taken: list[tuple[int, float]]) -> None:
    events = [Event(after(at), Change.TAKEN, amount) for at, amount in taken]
    book = ledger(Content(START, activity, None), events, HALF_LIFE)
    assert all(known(line.after.activity) >= 0 for line in book.entries)


@given(taken=withdrawals)
def test_the_order_of_recording_does_not_matter(taken: list[tuple[int, float]]) -> None:
    taken = list({at: (at, amount) for at, amount in taken}.values())
    events = [Event(after(at), Change.TAKEN, amount, name=str(at)) for at, amount in taken]
    there, back = (ledger(Content(START, 1e9), order, HALF_LIFE).end for order in (events, events[::-1]))
    assert known(there.activity) == known(back.activity)


@pytest.mark.parametrize(
    ("taken", "volume", "over"),
    [
        (9e6, None, ""),
        (10.4e6, None, ""),  # two readings of one vial agree to 5 %
        (10.6e6, None, "activity"),
        (None, 1.00e-3, ""),
        (None, 1.01e-3, "volume"),
        (5e6, 1.5e-3, "volume"),
    ],
)
def test_more_than_is_there_is_told(taken: float | None, volume: float | None, over: str) -> None:
    book = ledger(Content(START, 10e6, 1e-3), [Event(START, Change.TAKEN, taken, volume)], HALF_LIFE)
    assert book.entries[0].overdrawn == over


def test_uncertain_readings_may_differ_by_their_uncertainty() -> None:
    opening = Content(START, variable(10e6, 0.5e6, "vial"))
    taken = Event(START, Change.TAKEN, variable(11.5e6, 0.5e6, "syringe"))
    assert not ledger(opening, [taken], HALF_LIFE).overdrafts


def test_a_reading_knows_better_than_arithmetic() -> None:
    events = [
        Event(after(10), Change.TAKEN, 4e6),
        Event(after(20), Change.READ, 5.9e6),
        Event(after(30), Change.LEFT, 0.2e6),
    ]
    book = ledger(Content(START, 10e6), events, HALF_LIFE)
    assert known(book.at(after(20)).activity) == 5.9e6
    assert math.isclose(known(book.entries[2].moved.activity), 5.9e6 * 2 ** (-600 / HALF_LIFE) - 0.2e6)
    assert known(book.end.activity) == 0.2e6


def test_what_nobody_measured_stays_unknown() -> None:
    book = ledger(Content(START, None, None), [Event(START, Change.TAKEN, 5e6)], HALF_LIFE)
    assert book.end.activity is None
    assert not book.overdrafts
    assert activity_curve(book, until=after(60), said=str, amount=str) == ""


def test_the_uncertainty_of_the_half_life_grows_with_the_time() -> None:
    zirconium = nuclide("Zr-89").half_life
    book = ledger(Content(START, variable(10e6, 1e5, "reading")), [], zirconium)
    now, later = book.at(START).activity, book.at(after(60 * 24 * 30)).activity
    assert now is not None
    assert later is not None
    assert standard_uncertainty(now) / nominal(now) < standard_uncertainty(later) / nominal(later)


@pytest.mark.requirement("RAD-10")
@pytest.mark.parametrize(("limit", "hours"), [(1e3, 1189.9), (None, 784.1), (50e6, 0)])
def test_the_earliest_release_date(limit: float | None, hours: float) -> None:
    """37 MBq of Zr-89 to 1 kBq need 49.6 d; ten half-lives are 32.67 d (the reference values F27)."""
    date = earliest_release(stored_at=START, half_life=HALF_LIFE, activity=37e6, limit=limit)
    assert (date - START).total_seconds() / 3600 == pytest.approx(hours, abs=0.05)


@pytest.mark.requirement("RAD-10")
def test_what_lives_longer_than_120_days_is_not_stored_for_decay() -> None:
    with pytest.raises(InvalidInput, match="120 d"):
        earliest_release(stored_at=START, half_life=121 * 86400.0)


def test_the_curve_falls_and_steps() -> None:
    book = ledger(Content(START, 10e6), [Event(after(30), Change.TAKEN, 4e6)], HALF_LIFE)
    drawn = activity_curve(book, until=after(60), said=lambda at: f"{at:%H:%M}", amount=lambda bq: f"{bq / 1e6:.2f}")
    assert "08:00" in drawn
    assert "09:00" in drawn
    assert "5.9" in drawn
