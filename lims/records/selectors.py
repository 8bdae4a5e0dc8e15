"""A printed record as lists and pages show it."""

from __future__ import annotations

from typing import Any

from lims.records.models import Document


def document_row(document: Document) -> dict[str, Any]:
    return {
        "id": document.pk,
        "number": document.number,
        "kind": document.kind,
        "title": document.title,
        "state": document.state,
        "sha256": document.sha256,
        "error": document.error,
        "requested_at": document.requested_at.isoformat(),
        "sealed_at": document.sealed_at.isoformat() if document.sealed_at else None,
    }
