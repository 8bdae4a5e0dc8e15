"""What a printed protocol says of its numbers, and the code that leads back from a sheet to its number."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import template
from django.utils.safestring import SafeString

from lims.records.qr import qr_code

from .record_format import limits, powers

register = template.Library()


@register.simple_tag
def qr(text: str, size_mm: float = 18.0) -> SafeString:
    return qr_code(text, size_mm=size_mm)


@register.filter
def written(stated: Any) -> SafeString:
    """The numbers of `{"min", "max"}`, or the one number, as on the page: ≥ 80, 90 to 110, 14."""
    if not isinstance(stated, Mapping):
        return SafeString("")
    if "text" in stated:
        return powers(stated["text"])
    return limits({end: stated[end]["text"] if stated.get(end) else None for end in ("min", "max")})


@register.filter
def stands_on(stated: Any) -> str:
    """The source of the numbers, or that there is none."""
    if not isinstance(stated, Mapping):
        return ""
    numbers = [stated] if "text" in stated else [stated[end] for end in ("min", "max") if stated.get(end)]
    bases = list(dict.fromkeys(number["basis"] for number in numbers if number["basis"]))
    if numbers and not all(number["basis"] for number in numbers):
        bases.append("○ default, to be set by the site")
    return "; ".join(bases)
