"""Protocols and specifications: which versions there are, and which one is in use."""

from __future__ import annotations

import json
from typing import Any

from django.db.models import QuerySet

from labeling.domain.lifecycle import VersionStatus, version_actions
from labeling.domain.outline import protocol_outline, specification_outline
from labeling.models import ControlledVersion, ProtocolVersion, SpecificationVersion
from lims.errors import NotFound
from lims.signatures.manifestation import signature_row
from lims.signatures.models import Signature


def versions(model: type[ControlledVersion], *, code: str = "") -> QuerySet[ControlledVersion]:
    rows = model._default_manager.select_related(
        "imported_by", "review_signature", "approval_signature", "effective_signature", "retirement_signature"
    ).order_by("-pk")
    return rows.filter(code=code) if code else rows


def find_version(model: type[ControlledVersion], code: str, number: int) -> ControlledVersion:
    version = versions(model, code=code).filter(number=number).first()
    if version is None:
        raise NotFound(f"There is no version {number} of {code}.")
    return version


def outline_of(version: ControlledVersion) -> dict[str, Any]:
    """What the version says, laid out for reading."""
    read = protocol_outline if isinstance(version, ProtocolVersion) else specification_outline
    return read(version.text)


def version_before(version: ControlledVersion) -> ControlledVersion | None:
    """What `version` is compared with: the one it would take the place of, else the one before it."""
    others = versions(type(version), code=version.code).exclude(pk=version.pk)
    in_use = others.filter(status=VersionStatus.EFFECTIVE, number__lt=version.number).first()
    return in_use or others.filter(number__lt=version.number).order_by("-number").first()


def specification_for(version: ProtocolVersion) -> SpecificationVersion | None:
    """What a batch of this protocol would be tested against: the effective version, else the newest."""
    named = SpecificationVersion.objects.filter(code=version.document.specification or "").order_by("-number")
    return named.filter(status=VersionStatus.EFFECTIVE).first() or named.first()


def version_row(version: ControlledVersion) -> dict[str, Any]:
    signatures = (
        version.review_signature,
        version.approval_signature,
        version.effective_signature,
        version.retirement_signature,
    )
    return {
        "code": version.code,
        "version": version.number,
        "title": version.title,
        "status": version.status,
        "sha256": version.sha256,
        "imported_by": {"username": version.imported_by.username, "full_name": version.imported_by.full_name},
        "imported_at": version.imported_at.isoformat(),
        "signatures": [
            {**signature_row(s), "holds": signed_text(s) == version.sha256} for s in signatures if s is not None
        ],
        "actions": list(version_actions(VersionStatus(version.status))),
    }


def signed_text(signature: Signature) -> str:
    """The digest of the document that was signed for."""
    return str(json.loads(signature.manifest).get("sha256", ""))


def code_document(model: type[ControlledVersion], code: str) -> dict[str, Any]:
    rows = list(versions(model, code=code).order_by("number"))
    if not rows:
        raise NotFound(f"There is nothing under the code {code}.")
    effective = next((row for row in rows if row.status == VersionStatus.EFFECTIVE), None)
    return {
        "code": code,
        "title": (effective or rows[-1]).title,
        "effective": effective.number if effective else None,
        "versions": [version_row(row) for row in rows],
    }
