"""A signature as people see it: the one home of what every page, print, export and REST answer shows of it.

Full name, username, role, meaning, and the instant in UTC and in the site's time with its zone (21 CFR 11.50, SIG-1).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from lims.signatures.meanings import Meaning
from lims.signatures.models import Refusal, Signature
from lims.signatures.signing import is_intact

Json = dict[str, Any]
COPIED = ("full_name", "username", "role", "meaning", "covers", "reason", "manifest_sha256", "statement_sha256")


def signature_row(signature: Signature) -> Json:
    return {
        "id": signature.pk,
        **_shown({name: getattr(signature, name) for name in (*COPIED, "factors", "software_version", "time_zone")}),
        **_instants(signature.at, signature.time_zone),
        "intact": is_intact(signature),
    }


def signature_or_none(signature: Signature | None) -> Json | None:
    return signature_row(signature) if signature is not None else None


def signature_in_trail(row: Mapping[str, Any]) -> Json:
    """The same out of the row that the audit trail kept. Rows from before a column was there lack it."""
    at, zone = datetime.fromisoformat(row["at"]), row.get("time_zone", "")
    return {"id": row["id"], **_shown({"software_version": "", "time_zone": "", **row}), **_instants(at, zone)}


def in_words(row: Mapping[str, Any]) -> str:
    """One line, where there is no room for more: in a CSV export."""
    site = f", {row['at_site']} in {row['time_zone']}" if row["at_site"] else ""
    return f"{row['full_name']} ({row['username']}) as {row['role']}: “{row['meaning_text']}” {row['at']}{site}"


def _shown(values: Mapping[str, Any]) -> Json:
    return {
        **{name: values.get(name, "") for name in COPIED},
        "meaning_text": Meaning(values["meaning"]).text,
        "factors": values["factors"].split("+"),
        "software_version": values["software_version"],
        "time_zone": values["time_zone"],
    }


def _instants(at: datetime, zone: str) -> Json:
    """UTC, and the site's time as it was when this was signed; without a zone on the row there is no site time."""
    site = at.astimezone(ZoneInfo(zone)) if zone else None
    return {"at": at.astimezone(UTC).isoformat(), "at_site": site.isoformat() if site else None}


def refusal_row(refusal: Refusal) -> Json:
    return {
        "id": refusal.pk,
        "full_name": refusal.full_name,
        "username": refusal.username,
        "role": refusal.role,
        "meaning": refusal.meaning,
        "meaning_text": Meaning(refusal.meaning).text,
        "covers": refusal.covers,
        "reason": refusal.reason,
        "manifest_sha256": refusal.manifest_sha256,
        "at": refusal.at.astimezone(UTC).isoformat(),
    }


def refusals_of(subject: str) -> list[Json]:
    return [refusal_row(refusal) for refusal in Refusal.objects.filter(subject=subject).order_by("pk")]
