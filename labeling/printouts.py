"""What prints of a protocol say, as JSON that is frozen when they are asked for. The templates see nothing else."""

from __future__ import annotations

from typing import Any

from django.conf import settings

from labeling.domain.comparison import differences
from labeling.models import ProtocolVersion
from labeling.selectors.clock import database_now
from labeling.selectors.nuclides import nuclide_in_use
from labeling.selectors.versions import outline_of, version_before, version_row
from lims.accounts.models import User
from lims.audit.sealing import newest_seal
from lims.signatures.meanings import Meaning

Json = dict[str, Any]


def master_record(version: ProtocolVersion, *, document: str) -> Json:
    """The context of `records/master_record.html`: the version whole, who signed it, and what it changed."""
    before = version_before(version)
    changes = differences(before.text, version.text) if before else ()
    row = version_row(version)
    return {
        "document": {"number": document},
        "version": row | {"signatures": [_worded(signature) for signature in row["signatures"]]},
        "outline": outline_of(version),
        "half_life": _half_life(version),
        "before": {"version": before.number, "sha256": before.sha256} if before else None,
        "changes": [
            {"place": list(c.place), "change": c.change.value, "before": c.before, "after": c.after} for c in changes
        ],
        "text": version.text,
        "printed": printed(),
    }


def blank_worksheet(version: ProtocolVersion, *, number: str, issued_to: User, issued_by: User) -> Json:
    """The context of `records/blank_worksheet.html`: every field of the version, with room to write."""
    row = version_row(version)
    return {
        "document": {"number": number},
        "version": {key: row[key] for key in ("code", "version", "title", "sha256")},
        "outline": outline_of(version),
        "issued_to": {"username": issued_to.username, "full_name": issued_to.full_name},
        "issued_by": {"username": issued_by.username, "full_name": issued_by.full_name},
        "printed": printed(),
    }


def printed() -> Json:
    """When and where a record was asked for, and the newest seal of the audit trail at that instant."""
    return {
        "at": database_now().isoformat(),
        "zone": settings.TIME_ZONE,
        "version": settings.VERSION,
        "site": settings.SITE_NAME,
        "demo": settings.DEMO,
        "audit_seal": newest_seal(),
    }


def _worded(signature: Json) -> Json:
    return {**signature, "meaning_text": Meaning(signature["meaning"]).text}


def _half_life(version: ProtocolVersion) -> Json:
    """The half-life that the version keeps, or, before it is effective, the one it would be given now."""
    kept = (version.constants or {}).get("nuclide")
    if kept is not None:
        return {**kept["half_life"], "source": kept["source"], "kept": True}
    known = nuclide_in_use(version.nuclide)
    return {"value": known.value, "unit": known.unit, "u": known.u, "source": known.source, "kept": False}
