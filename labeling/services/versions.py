"""Versions of protocols and specifications: imported as drafts, reviewed, approved, made effective; never edited."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import TypeVar

from django.db import connection
from django.db.models import Max

from labeling.domain.lifecycle import VersionAction, VersionStatus, version_target
from labeling.domain.nuclides import Nuclide
from labeling.domain.protocol_reading import parse_protocol
from labeling.domain.specification import parse_specification
from labeling.models import ControlledVersion, ProtocolVersion, SpecificationVersion
from labeling.selectors.nuclides import nuclide_in_use
from labeling.selectors.training import keeps_from_effective
from labeling.services.demonstration import train_demo_accounts
from lims.accounts.actors import Actor
from lims.accounts.attestation import Attestation, Credential, attest
from lims.accounts.models import User
from lims.accounts.roles import Permission, require
from lims.audit.models import Operation
from lims.audit.operations import operation
from lims.errors import Conflict, NotFound, SegregationOfDuties
from lims.signatures.meanings import Meaning
from lims.signatures.models import Signature
from lims.signatures.signing import sign

V = TypeVar("V", bound=ControlledVersion)

TYPE_NAMES: Mapping[type[ControlledVersion], str] = {ProtocolVersion: "protocol", SpecificationVersion: "specification"}


def import_protocol(*, actor: Actor, text: str) -> tuple[ProtocolVersion, bool]:
    """A new draft version from a YAML document and True, or the version that has this very text already and False."""
    require(actor.user, Permission.DRAFT_DOCUMENT)
    document = parse_protocol(text)
    version = ProtocolVersion(
        code=document.code,
        title=document.title,
        kind=document.kind,
        product=document.product,
        nuclide=document.nuclide,
    )
    return _import(actor, version, text)


def import_specification(*, actor: Actor, text: str) -> tuple[SpecificationVersion, bool]:
    """A new draft version from a YAML document and True, or the version that has this very text already and False."""
    require(actor.user, Permission.DRAFT_DOCUMENT)
    document = parse_specification(text)
    return _import(actor, SpecificationVersion(code=document.code, title=document.title), text)


def _import(actor: Actor, version: V, text: str) -> tuple[V, bool]:
    model = type(version)
    digest = hashlib.sha256(text.encode()).hexdigest()
    same = model._default_manager.filter(code=version.code, sha256=digest).first()
    if same is not None:
        return same, False
    with operation(actor=actor, action=f"{TYPE_NAMES[model]}.import", subject=version.code):
        with connection.cursor() as cursor:  # two imports of one code take turns, so that numbers follow each other
            cursor.execute("SELECT pg_advisory_xact_lock(hashtext(%s))", [f"{model.__name__}:{version.code}"])
        versions = model._default_manager.filter(code=version.code)
        version.number = (versions.aggregate(newest=Max("number"))["newest"] or 0) + 1
        version.text, version.sha256, version.imported_by = text, digest, actor.user
        version.save(force_insert=True)
        return version, True


def submit_version(*, model: type[V], actor: Actor, code: str, number: int, credential: Credential) -> V:
    """Someone has read the draft and stands behind it; another person has to approve it.

    Who wrote it signs that they did, never that they reviewed it: then whoever approves it is the second person
    (21 CFR 211.186(a)).
    """
    attestation = attest(actor, credential, purpose=f"{TYPE_NAMES[model]}.submit")
    attestation.require(Permission.SUBMIT_DOCUMENT)
    with operation(actor=attestation.actor, action=f"{TYPE_NAMES[model]}.submit", subject=code) as op:
        version = _lock(model, code, number)
        meaning = meaning_of_submitting(version, attestation.user)
        version.review_signature = _sign(
            op, attestation, version, meaning, Permission.SUBMIT_DOCUMENT, VersionAction.SUBMIT
        )
        return _save(version, "review_signature")


def meaning_of_submitting(version: ControlledVersion, signer: User) -> Meaning:
    return Meaning.PREPARED if version.imported_by_id == signer.pk else Meaning.REVIEWED


def approve_version(*, model: type[V], actor: Actor, code: str, number: int, credential: Credential) -> V:
    """Approve for use. Raises SegregationOfDuties for the person who imported or reviewed the version."""
    attestation = attest(actor, credential, purpose=f"{TYPE_NAMES[model]}.approve")
    attestation.require(Permission.APPROVE_DOCUMENT)
    with operation(actor=attestation.actor, action=f"{TYPE_NAMES[model]}.approve", subject=code) as op:
        version = _lock(model, code, number)
        authors = {version.imported_by_id, version.review_signature.signer_id if version.review_signature else None}
        if attestation.user.pk in authors:
            raise SegregationOfDuties(f"{version} was drafted or reviewed by you; another person has to approve it.")
        version.approval_signature = _sign(
            op, attestation, version, Meaning.APPROVED, Permission.APPROVE_DOCUMENT, VersionAction.APPROVE
        )
        _save(version, "approval_signature")
    train_demo_accounts(actor.source)
    return version


def make_version_effective(*, model: type[V], actor: Actor, code: str, number: int, credential: Credential) -> V:
    """Use this version from now on; the one that was effective is superseded. Open batches keep theirs."""
    attestation = attest(actor, credential, purpose=f"{TYPE_NAMES[model]}.make_effective")
    attestation.require(Permission.APPROVE_DOCUMENT)
    with operation(actor=attestation.actor, action=f"{TYPE_NAMES[model]}.make_effective", subject=code) as op:
        version = _lock(model, code, number)
        if isinstance(version, ProtocolVersion):
            _refuse_untrained(attestation, version)
            version.constants = {"nuclide": _kept(nuclide_in_use(version.nuclide))}
        version.effective_signature = _sign(
            op, attestation, version, Meaning.MADE_EFFECTIVE, Permission.APPROVE_DOCUMENT, VersionAction.MAKE_EFFECTIVE
        )
        earlier = model._default_manager.filter(code=code, status=VersionStatus.EFFECTIVE).first()
        if earlier is not None:
            earlier.status = version_target(VersionStatus.EFFECTIVE, VersionAction.SUPERSEDE).value
            earlier.save(update_fields=["status"])
        return _save(version, "effective_signature", *(["constants"] if isinstance(version, ProtocolVersion) else []))


def retire_version(*, model: type[V], actor: Actor, code: str, number: int, credential: Credential, reason: str) -> V:
    """Take a version out of use; batches made from it keep it."""
    attestation = attest(actor, credential, purpose=f"{TYPE_NAMES[model]}.retire")
    attestation.require(Permission.APPROVE_DOCUMENT)
    with operation(actor=attestation.actor, action=f"{TYPE_NAMES[model]}.retire", subject=code, reason=reason) as op:
        version = _lock(model, code, number)
        version.retirement_signature = _sign(
            op, attestation, version, Meaning.RETIRED, Permission.APPROVE_DOCUMENT, VersionAction.RETIRE
        )
        return _save(version, "retirement_signature")


def _refuse_untrained(attestation: Attestation, version: ProtocolVersion) -> None:
    """Nobody works by a version that they were not trained for, so somebody has to be before it is used."""
    attestation.require(Permission.APPROVE_DOCUMENT)
    version_target(VersionStatus(version.status), VersionAction.MAKE_EFFECTIVE)
    if missing := keeps_from_effective(version):
        raise Conflict(missing, code="training_missing")


def _kept(adopted: Nuclide) -> dict[str, object]:
    """The half-life as a protocol version keeps it, so that a value adopted later moves no batch."""
    return {
        "code": adopted.code,
        "half_life": {"value": adopted.value, "unit": adopted.unit, "u": adopted.u},
        "source": adopted.source,
    }


def _lock(model: type[V], code: str, number: int) -> V:
    version = model._default_manager.select_for_update().filter(code=code, number=number).first()
    if version is None:
        raise NotFound(f"There is no version {number} of the {TYPE_NAMES[model]} {code}.")
    return version


def _sign(
    op: Operation,
    attestation: Attestation,
    version: ControlledVersion,
    meaning: Meaning,
    permission: Permission,
    action: VersionAction,
) -> Signature:
    version.status = version_target(VersionStatus(version.status), action).value
    return sign(
        op, attestation, meaning=meaning, permission=permission, covers=str(version), manifest=version_manifest(version)
    )


def version_manifest(version: ControlledVersion) -> dict[str, object]:
    """What somebody who signs for a version was shown of it."""
    manifest: dict[str, object] = {
        TYPE_NAMES[type(version)]: version.code,
        "version": version.number,
        "title": version.title,
        "sha256": version.sha256,
    }
    if isinstance(version, ProtocolVersion) and version.constants:
        manifest["constants"] = version.constants
    return manifest


def _save(version: V, *fields: str) -> V:
    version.save(update_fields=["status", *fields])
    return version
