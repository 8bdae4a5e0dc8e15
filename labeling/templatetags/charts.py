"""Small charts as SVG, drawn on the server: the same on the page and on paper. Nothing here decides."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from django import template
from django.utils import timezone

from labeling.models import EquipmentCheck
from labeling.selectors import logbook

register = template.Library()

WIDTH, HEIGHT = 480.0, 200.0
LEFT, RIGHT, TOP, BOTTOM = 8.0, 64.0, 14.0, 26.0
EXPECTED = 100.0


@register.inclusion_tag("components/trend.html")
def trend(
    points: Sequence[Mapping[str, object]], limit: object, warning: object = "", title: str = ""
) -> dict[str, object]:
    """Readings in % of what was expected, over time; 100 % is the line, limits are dashed.

    A point has `at`, `percent` and `state` (`within`, `warning` or `action`); limits are half widths in %.
    """
    known = [(float(str(p["at_s"])), float(str(p["percent"])), str(p["state"]), p) for p in map(_timed, points)]
    if not known:
        return {"drawn": False}
    edges = [float(Decimal(str(edge))) for edge in (limit, warning) if edge not in ("", None)]
    reach = max([abs(percent - EXPECTED) for _, percent, _, _ in known] + edges) * 1.15
    first, last = min(at for at, *_ in known), max(at for at, *_ in known)

    def x(at: float) -> str:
        share = (at - first) / (last - first) if last > first else 0.5
        return f"{LEFT + 8 + share * (WIDTH - LEFT - RIGHT - 16):.1f}"

    def y(percent: float) -> str:
        return f"{TOP + (EXPECTED + reach - percent) / (2 * reach) * (HEIGHT - TOP - BOTTOM):.1f}"

    lines = [
        {"y": y(EXPECTED + sign * edge), "text": f"{'+' if sign > 0 else '−'}{edge:g} %", "kind": kind}
        for edge, kind in zip(edges, ("limit", "limit warning"), strict=False)
        for sign in (1, -1)
    ]
    return {
        "drawn": True,
        "title": title,
        "expected_y": y(EXPECTED),
        "lines": lines,
        "path": " ".join(f"{x(at)},{y(percent)}" for at, percent, _, _ in known) if len(known) > 1 else "",
        "points": [
            {"x": x(at), "y": y(percent), "state": state, "said": f"{percent:.4g} %, {_date(at)}"}
            for at, percent, state, _ in known
        ],
        "from": _date(first),
        "to": _date(last) if last > first else "",
        "summary": f"{len(known)} readings, the last {known[-1][1]:.4g} % of what was expected",
    }


def _timed(point: Mapping[str, object]) -> Mapping[str, object]:
    at = point["at"]
    moment = at if isinstance(at, datetime) else datetime.fromisoformat(str(at))
    return {**point, "at_s": moment.timestamp()}


def _date(at: float) -> str:
    return datetime.fromtimestamp(at, tz=timezone.get_current_timezone()).strftime("%-d %b %Y %H:%M")


@register.filter
def read_of(check: EquipmentCheck) -> dict[str, Any] | None:
    """What a constancy check read beside what was expected."""
    return logbook.read_of(check)
