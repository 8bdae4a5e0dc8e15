"""What a batch record draws: its barcode, and each result on the scale of its limits."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import template
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from lims.records.barcode import code128
from lims.records.templatetags.record_format import limits

register = template.Library()

Json = Mapping[str, Any]
BAR_MM = 54
JUDGED = {"within": ("✓ within", "pass"), "warning": ("! warning", "warn"), "action": ("× action", "fail")}
VERDICTS = {"pass": ("✓ pass", "pass"), "fail": ("× fail", "fail"), "inconclusive": ("? inconclusive", "warn")}


@register.simple_tag
def barcode(text: str) -> SafeString:
    return code128(text)


@register.simple_tag
def key_figures(batch: Json) -> list[dict[str, Any]]:
    """Each result with its limits, those of the master record and those of the specification."""
    criteria = {test["from_result"]: test for test in batch["tests"] if test["from_result"]}
    figures = []
    for result in batch["results"]:
        allowed: list[tuple[SafeString, tuple[str, str]]] = []
        warning, action, test = result["warning_limit"], result["action_limit"], criteria.get(result["key"])
        if warning:
            allowed.append((format_html("warning\u00a0{}", limits(warning)), ("", "")))
        if action:
            allowed.append((format_html("action\u00a0{}", limits(action)), ("", "")))
        if allowed:
            allowed[-1] = (allowed[-1][0], JUDGED.get(result["limit_state"], ("", "")))
        if test:
            said = format_html("specification\u00a0{}", limits(test["criterion"]))
            allowed.append((said, VERDICTS.get(test["verdict"], ("", ""))))
        scale = limit_bar(result["value"], warning, action, test["criterion"] if test else None)
        figures.append({"result": result, "scale": scale, "allowed": allowed})
    return figures


def limit_bar(value: str | None, warning: Json | None, action: Json | None, criterion: Json | None) -> SafeString:
    """Where the value lies between its limits, drawn; the words stand beside it."""
    outer = [*_ends(action), *_ends(criterion)]
    inner = _ends(warning)
    bounds = [number for _, number in [*outer, *inner]]
    if value is None or not bounds:
        return SafeString("")
    number = float(value)
    lowest, highest = min(number, *bounds), max(number, *bounds)
    margin = 0.15 * (highest - lowest) or abs(number) or 1.0
    start, width = lowest - margin, highest - lowest + 2 * margin

    def place(at: float) -> float:
        return round((at - start) / width * BAR_MM, 2)

    def span(ends: list[tuple[str, float]]) -> tuple[float, float]:
        left = max((at for end, at in ends if end == "min"), default=start)
        right = min((at for end, at in ends if end == "max"), default=start + width)
        return place(left), place(max(left, right))

    ticks = format_html_join(
        "", '<path stroke="#5a6673" stroke-width="0.3" d="M{} 0.3v2.4"/>', ((place(at),) for at in sorted(set(bounds)))
    )
    return format_html(
        '<svg class="bar" xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {} 3">'
        '<title>Where the value lies between its limits</title><g stroke-width="0.8">'
        '<path stroke="#dfe3e8" d="M0 1.5H{}"/><path stroke="#e3c48f" d="M{} 1.5H{}"/>'
        '<path stroke="#93bfa7" d="M{} 1.5H{}"/></g>{}<circle fill="#16202a" cx="{}" cy="1.5" r="0.95"/></svg>',
        BAR_MM,
        BAR_MM,
        *span(outer),
        *span([*outer, *inner]),
        ticks,
        place(number),
    )


def _ends(limit: Json | None) -> list[tuple[str, float]]:
    return [(end, float(limit[end])) for end in ("min", "max") if limit and limit.get(end)]
