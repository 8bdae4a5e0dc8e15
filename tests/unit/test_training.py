"""When training counts: laws of the standing that a person's records come to."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labeling.domain.training import LONGEST, YEAR, Record, State, Way, standing_of

START = datetime(2026, 3, 3, 12, tzinfo=UTC)
moments = st.integers(min_value=-2000, max_value=2000).map(lambda days: START + timedelta(days=days))
records = st.lists(
    st.builds(Record, pk=st.integers(1, 50), way=st.sampled_from(Way), valid_until=moments, withdrawn=st.booleans()),
    unique_by=lambda record: record.pk,
)


@given(kept=records, now=moments, later=moments)
def test_time_alone_never_trains_anybody(kept: list[Record], now: datetime, later: datetime) -> None:
    first, second = sorted((now, later))
    if not standing_of(kept, now=first).is_current:
        assert not standing_of(kept, now=second).is_current


@given(kept=records, now=moments)
def test_whoever_is_trained_has_a_record_that_is_neither_expired_nor_withdrawn(
    kept: list[Record], now: datetime
) -> None:
    found = standing_of(kept, now=now)
    valid = [record for record in kept if record.valid_until > now and not record.withdrawn]
    assert not found.is_current or found.record in valid


@given(kept=records, now=moments)
def test_with_everything_withdrawn_nobody_is_trained(kept: list[Record], now: datetime) -> None:
    gone = [Record(record.pk, record.way, record.valid_until, withdrawn=True) for record in kept]
    assert standing_of(gone, now=now).state is (State.WITHDRAWN if gone else State.NONE)


@given(kept=records, now=moments)
def test_the_order_of_reading_does_not_matter(kept: list[Record], now: datetime) -> None:
    assert standing_of(kept, now=now) == standing_of(reversed(kept), now=now)


def test_a_training_ends_at_its_instant() -> None:
    record = Record(1, Way.READ, START)
    assert standing_of([record], now=START - timedelta(microseconds=1)).is_current
    assert standing_of([record], now=START).state is State.EXPIRED


def test_no_record_is_no_training_and_one_of_another_version_is_told_apart() -> None:
    assert standing_of([], now=START).state is State.NONE
    assert standing_of([], now=START, trained_for_earlier=True).state is State.RETRAIN


@pytest.mark.parametrize("way", Way)
def test_every_way_expires(way: Way) -> None:
    assert way.longest == (YEAR if way in (Way.MEDIA_FILL, Way.DEMONSTRATION) else LONGEST)
