"""A limit drawn beside its value: a small bar that shows how much room is left. The verdict is decided elsewhere."""

from __future__ import annotations

import re
from decimal import Context, Decimal

from django import template

from labeling.domain.display import COVERAGE

from .lims_format import decimal_or_none, number, unit

register = template.Library()

NO_BREAK = "\N{NO-BREAK SPACE}"
WIDTH = Decimal(176)
EDGE = Decimal(8)
WHOLE = Decimal(100)
ENDS = Context(prec=4)  # where the value itself is an end, a few of its digits say where
TONES = {"pass": "pass", "within": "pass", "fail": "fail", "action": "fail", "warning": "warn"}
CENSORED = re.compile(r"^\s*[<>]=?\s*")


def limit_text(low: object, high: object, unit_code: object = "") -> str:
    """The limit as a phrase: `at least 80 %`, `at most 5.0 %`, `50 to 70 MBq`; number and unit stay on one line."""
    code = f"{NO_BREAK}{unit(unit_code)}" if unit_code else ""
    if low not in (None, "") and high not in (None, ""):
        return f"{number(low)} to {number(high)}{code}"
    if low not in (None, ""):
        return f"at least {number(low)}{code}"
    if high not in (None, ""):
        return f"at most {number(high)}{code}"
    return ""


@register.simple_tag
def limit(limits: object, unit_code: object = "") -> str:
    """The words of `{"min", "max"}` or `{"min", "max", "accept"}`."""
    if not isinstance(limits, dict):
        return ""
    accepted = limits.get("accept") or []
    return " or ".join(f"“{word}”" for word in accepted) or limit_text(limits.get("min"), limits.get("max"), unit_code)


def margin_text(value: Decimal, low: Decimal | None, high: Decimal | None, unit_code: object) -> str:
    """How far the value lies from the nearest limit, in the unit of the value."""
    distances = [
        (value - edge if is_low else edge - value, "the minimum" if is_low else "the maximum")
        for edge, is_low in ((low, True), (high, False))
        if edge is not None
    ]
    room, name = min(distances)
    inward, outward = ("above", "below") if name == "the minimum" else ("below", "above")
    # The distance of two percentages is no percentage: 89 % lies 6 percentage points below 95 %.
    sign = "percentage points" if unit_code == "%" else unit(unit_code)
    size = f"{abs(room):.3g}"
    return f"{number(size)} {sign} {inward if room >= 0 else outward} {name}".replace("  ", " ")


@register.inclusion_tag("components/limit_bar.html")
def limit_bar(
    value: object, limits: object, tone: str = "", unit_code: object = "", u: object = "", warning: object = None
) -> dict[str, object]:
    """Geometry for the bar, as attributes of an SVG; nothing where there is no number or no limit."""
    point = decimal_or_none(CENSORED.sub("", str(value if value is not None else "")))
    low = decimal_or_none(limits.get("min")) if isinstance(limits, dict) else None
    high = decimal_or_none(limits.get("max")) if isinstance(limits, dict) else None
    if point is None or (low is None and high is None):
        return {"drawn": False}
    spread = COVERAGE * (decimal_or_none(u) or Decimal(0))
    warnings = [
        mark for key in ("min", "max") if isinstance(warning, dict) and (mark := decimal_or_none(warning.get(key)))
    ]
    margin = {"margin": margin_text(point, low, high, unit_code), "limit": limit_text(low, high, unit_code)}
    whole = WHOLE if unit_code == "%" and point <= WHOLE and (low is None or low < WHOLE) else None
    if high is None and whole is None:
        return {"drawn": False, **margin}  # without another end a mark would say nothing about the distance
    start, end = scale(point, low, high, *warnings, whole=whole)

    def x(position: Decimal) -> str:
        ratio = min(max((position - start) / (end - start), Decimal(0)), Decimal(1))
        return f"{EDGE + ratio * (WIDTH - 2 * EDGE):.1f}"

    left, right = x(low) if low is not None else "0", x(high) if high is not None else str(WIDTH)
    return {
        "drawn": True,
        "left": left,
        "right": right,
        "span": f"{Decimal(right) - Decimal(left):.1f}",
        "low_x": left if low is not None else None,
        "high_x": right if high is not None else None,
        "at": x(point),
        "warning_xs": [x(mark) for mark in warnings],
        "spread_from": x(point - spread) if spread else None,
        "spread_to": x(point + spread) if spread else None,
        "tone": TONES.get(tone, ""),
        "start": number(f"{ENDS.plus(start).normalize():f}"),
        "end": number(f"{ENDS.plus(end).normalize():f}"),
        **margin,
    }


def scale(
    point: Decimal, low: Decimal | None, high: Decimal | None, *others: Decimal, whole: Decimal | None = None
) -> tuple[Decimal, Decimal]:
    """The part of the number line that the bar shows, as its ends say.

    Both limits and half their distance on both sides, an upper one from zero, a lower one up to the `whole`. Where
    nothing is negative, neither is the scale: no efficiency lies at -60 %.
    """
    if low is not None and high is not None:
        room = (high - low) / 2 or abs(high) / 5 or Decimal(1)
        start, end = low - room, high + room
    elif low is not None and whole is not None:
        start, end = low - (whole - low), whole
    else:
        assert high is not None
        start, end = Decimal(0), high + abs(high) / 5
    shown = [edge for edge in (point, low, high, *others) if edge is not None]
    if min(shown) >= 0:
        start = max(start, Decimal(0))
    return min(start, point, *others), max(end, point, *others)
