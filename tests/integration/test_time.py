"""Time: days of the site where the clocks change, two labels for an hour that comes twice, what a slip costs."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.template import Context, Template
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from labeling.domain.decay import decay_factor
from labeling.models import Batch, Entry
from labeling.services.recording import Reading, record_entry
from lims.errors import InvalidInput
from lims.oversight.trail import wanted_of
from lims.records.templatetags.record_format import instant_at, utc
from tests import factories
from tests.factories import People

ZONES = ("Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata", "UTC")
HALF_LIFE_S = 78.41 * 3600
# Clocks go back in Berlin: 02:30 comes twice, first in summer time, then in winter time.
FIRST = datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
SECOND = datetime(2026, 10, 25, 1, 30, tzinfo=UTC)


@given(day=st.dates(date(2000, 1, 1), date(2090, 1, 1)), zone=st.sampled_from(ZONES))
def test_the_days_of_a_site_follow_each_other_without_gap_or_overlap(day: date, zone: str) -> None:
    with timezone.override(ZoneInfo(zone)):
        today = wanted_of({"from": day.isoformat(), "to": day.isoformat()})
        tomorrow = wanted_of({"from": (day + timedelta(days=1)).isoformat()})
    assert today.since is not None
    assert today.until is not None
    assert tomorrow.since is not None
    assert today.until.astimezone(UTC) == tomorrow.since.astimezone(UTC)
    length = today.until.astimezone(UTC) - today.since.astimezone(UTC)
    assert timedelta(hours=23) <= length <= timedelta(hours=25)
    assert today.since.date() == day


@given(
    moment=st.integers(946_684_800, 3_786_912_000).map(lambda s: datetime.fromtimestamp(s, UTC)),
    zone=st.sampled_from(ZONES),
)
def test_every_instant_lies_in_the_day_that_the_site_calls_it(moment: datetime, zone: str) -> None:
    day = moment.astimezone(ZoneInfo(zone)).date().isoformat()
    with timezone.override(ZoneInfo(zone)):
        wanted = wanted_of({"from": day, "to": day})
    assert wanted.since is not None
    assert wanted.until is not None
    assert wanted.since.astimezone(UTC) <= moment < wanted.until.astimezone(UTC)


def on_paper(moment: datetime) -> str:
    return instant_at(moment.isoformat(), "Europe/Berlin")


def on_a_page(moment: datetime) -> str:
    with timezone.override(ZoneInfo("Europe/Berlin")):
        shown = Template("{% load lims_format %}{{ at|instant }}").render(Context({"at": moment}))
    return re.sub(r"<[^>]+>", "", shown)


@pytest.mark.requirement("TIM-3")
@pytest.mark.parametrize("label", [on_paper, on_a_page])
def test_the_hour_that_comes_twice_has_two_labels(label: Callable[[datetime], str]) -> None:
    first, second = label(FIRST), label(SECOND)
    assert "2:30" in first
    assert "2:30" in second
    assert "CEST" in first
    assert "CET" in second
    assert first != second
    assert utc(FIRST.isoformat(), "Europe/Berlin") != utc(SECOND.isoformat(), "Europe/Berlin")


@pytest.mark.requirement("TIM-6")
@pytest.mark.parametrize(
    ("slip", "percent"), [(timedelta(minutes=1), 0.0147), (timedelta(hours=1), 0.880), (timedelta(days=1), 19.11)]
)
def test_what_a_slip_of_the_clock_costs(slip: timedelta, percent: float) -> None:
    lost = (1 - decay_factor(slip.total_seconds(), HALF_LIFE_S)) * 100
    assert lost == pytest.approx(percent, rel=5e-3)


@pytest.fixture
def batch(laboratory: People) -> Batch:
    """A synthesis that was started half an hour ago."""
    plan = factories.campaign()["synthesis"]
    moved = timezone.now() - timedelta(minutes=30) - datetime.fromisoformat(plan["started_at"])
    return factories.started(laboratory, plan, moved)


@pytest.mark.requirement("TIM-6")
@pytest.mark.parametrize("slip", [timedelta(days=1), timedelta(days=-1)])
def test_a_date_that_slipped_by_a_day_is_refused(laboratory: People, batch: Batch, slip: timedelta) -> None:
    reading = Reading(value="75.44", unit="MBq", equipment="DC-1", at=timezone.now() + slip, reason="typed afterwards")
    with pytest.raises(InvalidInput) as refusal:
        record_entry(actor=laboratory.operator, number=batch.number, step="dispense", field="starting", reading=reading)
    assert refusal.value.code in ("future_time", "before_start")
    assert not Entry.objects.filter(batch=batch).exists()
