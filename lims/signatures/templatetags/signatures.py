"""A signature on a page."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from django import template
from django.utils.dateformat import format as date_format
from django.utils.html import format_html
from django.utils.safestring import SafeString

from lims.signatures.manifestation import refusals_of, signature_row
from lims.signatures.models import Signature

register = template.Library()


@register.filter
def as_row(signature: Signature) -> dict[str, Any]:
    return signature_row(signature)


@register.simple_tag
def refused(subject: str, covers: str = "") -> list[dict[str, Any]]:
    """Who refused to sign for the subject, or for what one of its refusals covers."""
    return [row for row in refusals_of(subject) if not covers or row["covers"] == covers]


@register.filter
def account(row: Mapping[str, Any]) -> str:
    """Username and role; one word where an account is named after its role."""
    return ", ".join(dict.fromkeys((str(row["username"]), str(row["role"]).replace("_", " "))))


@register.filter
def signed_at(row: Mapping[str, Any]) -> SafeString:
    """`14:32:08 CET, 3 Mar 2026 (Europe/Berlin), 13:32:08 UTC`. Rows from before zones were kept have UTC alone."""
    utc = datetime.fromisoformat(row["at"])
    if not row["at_site"]:
        return format_html('<time datetime="{}">{}</time>', row["at"], date_format(utc, "H:i:s T, j M Y"))
    site = utc.astimezone(ZoneInfo(row["time_zone"]))
    same_day = site.date() == utc.date()
    return format_html(
        '<time datetime="{}"><span class="nowrap">{}</span> ({}), <span class="nowrap">{}</span></time>',
        row["at"],
        date_format(site, "H:i:s T, j M Y"),
        row["time_zone"],
        date_format(utc, "H:i:s T" if same_day else "H:i:s T, j M Y"),
    )
