"""What a protocol or specification states, in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import template

from .lims_format import number

register = template.Library()

DEFAULT = "default, to be set by the site"


@register.simple_tag
def stated(pair: Any) -> dict[str, str]:
    """`{"min", "max"}` of stated numbers, or one of them, as a phrase with what supports it."""
    if not isinstance(pair, Mapping):
        return {"text": "", "basis": "", "default": ""}
    numbers = [pair] if "text" in pair else [n for n in (pair.get("min"), pair.get("max")) if n]
    if not numbers:
        return {"text": "", "basis": "", "default": ""}
    bases = list(dict.fromkeys(n["basis"] for n in numbers if n["basis"]))
    return {
        "text": number(pair["text"]) if "text" in pair else _phrase(pair),
        "basis": "; ".join(bases),
        "default": "" if all(n["basis"] for n in numbers) else DEFAULT,
    }


def _phrase(pair: Mapping[str, Any]) -> str:
    low, high = (number(n["text"]) if (n := pair.get(end)) else "" for end in ("min", "max"))
    if low and high:
        return f"{low} to {high}"
    return f"at least {low}" if low else f"at most {high}"
