"""Small look-ups that a template cannot do by itself."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from urllib.parse import urlencode

from django import template

register = template.Library()


@register.filter
def item(mapping: object, key: object) -> object:
    """The value under a key that is itself a variable."""
    return mapping.get(key, key) if isinstance(mapping, Mapping) else key


@register.filter(name="is")
def same(value: object, other: object) -> bool:
    """Whether both are there and equal."""
    return bool(value) and value == other


@register.filter
def retyped(entry: object) -> bool:
    """Whether what was typed says something that the value shown does not: another unit, another way to write it."""
    if not isinstance(entry, Mapping) or entry["lot"] or entry["value"] in ("true", "false"):
        return False
    try:
        return Decimal(entry["typed"]) != Decimal(entry["value"])
    except InvalidOperation:
        return bool(entry["typed"] != entry["value"])


@register.filter
def safe_anchor(field_key: object, step_key: object) -> str:
    """The anchor of a field on the worksheet."""
    return f"{step_key}.{field_key}"


@register.filter
def deed(action: object) -> str:
    """`entry.record` as `entry: record`, for lists of acts that have no sentence of their own."""
    return str(action).replace(".", ": ").replace("_", " ")


@register.filter
def place(act: object) -> str:
    """The page about the subject of an act: its batch, or the audit trail of whatever else it is."""
    subject = str(act.get("subject", "")) if isinstance(act, Mapping) else ""
    is_batch = subject[:2] in ("S-", "L-") and str(act.get("action", "") if isinstance(act, Mapping) else "").partition(
        "."
    )[0] not in ("lot", "equipment")
    return f"/batches/{subject}/history/" if is_batch else f"/audit/?{urlencode({'subject': subject})}"


SOURCES = {"page": "on a page", "rest": "by REST", "task": "by a worker", "command": "by a command"}


@register.filter
def source(code: object) -> str:
    return SOURCES.get(str(code), str(code))


FLAGS = {
    "above_100_percent": "More than 100 %: look at the readings.",
    "uncertainty_not_stated": "No ±: the readings state no uncertainty.",
    "uncertainty_incomplete": "± leaves out the readings that state no uncertainty.",
}


@register.filter
def flag(code: object) -> str:
    return FLAGS.get(str(code), str(code).replace("_", " "))
