"""The activity of a container over time as a drawing: it falls with the half-life and steps where something moved."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from labeling.domain.containers import Ledger
from labeling.domain.uncertainty import nominal

WIDTH, HEIGHT = 640, 160
LEFT, RIGHT, TOP, BOTTOM = 8, 96, 12, 28
POINTS = 60


def activity_curve(
    ledger: Ledger, *, until: datetime, said: Callable[[datetime], str], amount: Callable[[float], str]
) -> str:
    """SVG from the first event until `until`; empty where the activity is not known. `said` and `amount` write."""
    start = min([ledger.opening.at, *(line.event.at for line in ledger.entries)])
    if until <= start or ledger.half_life is None:
        return ""
    steps = _instants(ledger, start, until)
    points = [(at, ledger.at(at).activity) for at in steps]
    known = [(at, nominal(activity)) for at, activity in points if activity is not None]
    most = max((activity for _, activity in known), default=0.0)
    if not most:
        return ""
    span = (until - start).total_seconds()

    def x(at: datetime) -> float:
        return LEFT + (at - start).total_seconds() / span * (WIDTH - LEFT - RIGHT)

    def y(activity: float) -> float:
        return TOP + (1 - activity / most) * (HEIGHT - TOP - BOTTOM)

    path = "L".join(f"{x(at):.1f} {y(activity):.1f}" for at, activity in known)
    last_at, last = known[-1]
    base = HEIGHT - BOTTOM
    return (
        f'<svg class="curve" xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
        f'font-size="13" role="img" aria-label="Activity over time, now {amount(last)}">'
        f'<path class="axis" stroke="#7d8a87" fill="none" d="M{LEFT} {base}H{WIDTH - RIGHT}"/>'
        f'<path class="line" stroke="#0a5f70" stroke-width="2" fill="none" d="M{path}"/>'
        f'<circle class="dot" fill="#0a5f70" cx="{x(last_at):.1f}" cy="{y(last):.1f}" r="4"/>'
        f'<text class="amount" fill="#15201f" x="{x(last_at) + 10:.1f}" y="{y(last) + 4:.1f}">{amount(last)}</text>'
        f'<text class="amount" fill="#15201f" x="{LEFT}" y="{HEIGHT - 8}">{said(start)}</text>'
        f'<text class="amount" fill="#15201f" x="{WIDTH - RIGHT}" y="{HEIGHT - 8}" text-anchor="end">'
        f"{said(until)}</text>"
        "</svg>"
    )


def _instants(ledger: Ledger, start: datetime, until: datetime) -> list[datetime]:
    """Evenly spaced ones, and both sides of each event, so that steps are steep."""
    pitch = (until - start) / POINTS
    even = [start + pitch * n for n in range(POINTS + 1)]
    events = [line.event.at for line in ledger.entries]
    before = [at - timedelta(microseconds=1) for at in events]
    return sorted({at for at in (*even, *events, *before) if start <= at <= until})
