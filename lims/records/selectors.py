"""A printed record as lists and pages show it."""

from __future__ import annotations

from typing import Any

from lims.accounts.roles import HasRoles, Permission, require
from lims.records.models import Document


def document_row(document: Document) -> dict[str, Any]:
    return {
        "id": document.pk,
        "number": document.number,
        "kind": document.kind,
        "title": document.title,
        "state": document.state,
        "sha256": document.sha256,
        "size": document.size,
        "error": document.error,
        "requested_at": document.requested_at.isoformat(),
        "sealed_at": document.sealed_at.isoformat() if document.sealed_at else None,
    }


def require_content(person: HasRoles, document: Document) -> None:
    """A package also says how its signers were identified: it is for those who read the audit trail."""
    require(person, Permission.READ_AUDIT if document.is_package else Permission.VIEW)
