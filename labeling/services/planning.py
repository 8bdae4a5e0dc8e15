"""Plan a batch and start it."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import IntegrityError
from django.utils import timezone

from labeling.domain.lifecycle import Action, VersionStatus
from labeling.domain.protocol import Protocol
from labeling.domain.specification import check_against
from labeling.domain.training import Task
from labeling.models import Batch, ProtocolVersion, SpecificationVersion
from labeling.selectors.clock import database_now
from labeling.services.batch_containers import open_batch_containers
from labeling.services.lifecycle import advance, lock_batch, refuse_stale
from labeling.services.training import require_training, require_training_for
from lims.accounts.actors import Actor
from lims.accounts.roles import Permission, require
from lims.audit.operations import operation
from lims.errors import Conflict, InvalidInput

FURTHEST_BACK = timedelta(hours=24)
PREFIXES = {"synthesis": "S", "labeling": "L"}
NUMBERING_ATTEMPTS = 20


def plan_batch(*, actor: Actor, protocol: str, identity: str = "") -> Batch:
    """A batch of the effective version of `protocol`, to be tested against the specification effective now."""
    require(actor.user, Permission.MAKE_BATCH)
    version = ProtocolVersion.objects.filter(code=protocol, status=VersionStatus.EFFECTIVE).first()
    if version is None:
        raise Conflict(
            f"No version of the protocol {protocol} is effective. Have one reviewed and approved first.",
            code="no_effective_version",
            field="protocol",
        )
    require_training(actor, version, Task.MAKE, doing="batch.plan")
    specification = _specification_for(version)
    _check_identity(version.document, identity.strip())
    for _ in range(NUMBERING_ATTEMPTS):
        number = _next_number(version.kind)
        try:
            with operation(actor=actor, action="batch.plan", subject=number):
                return Batch.objects.create(
                    number=number,
                    protocol_version=version,
                    specification_version=specification,
                    identity=identity.strip(),
                    planned_by=actor.user,
                )
        except IntegrityError:
            continue  # somebody planned a batch at the same moment and has this number; take the next
    raise Conflict("Too many batches are being planned at this moment; try again.", code="busy")


def start_batch(
    *, actor: Actor, number: str, started_at: datetime | None = None, reason: str = "", revision: int | None = None
) -> Batch:
    """Start the work: now, or at an earlier time with the reason why it is recorded after the fact."""
    require(actor.user, Permission.MAKE_BATCH)
    require_training_for(actor, number, Task.MAKE, doing="batch.start")
    with operation(actor=actor, action="batch.start", subject=number, reason=reason) as op:
        batch = lock_batch(number)
        refuse_stale(op, batch, revision)
        now = database_now()
        _check_start(started_at, now=now, reason=reason)
        batch.started_at, batch.started_by = started_at or now, actor.user
        batch.start_recorded_at, batch.start_reason = now, reason.strip()
        batch.save(update_fields=["started_at", "started_by", "start_recorded_at", "start_reason"])
        advance(op, batch, Action.START)
        open_batch_containers(op, batch)
        return batch


def _specification_for(version: ProtocolVersion) -> SpecificationVersion | None:
    """The effective version of the specification that the protocol names; without one a batch is never released."""
    code = version.document.specification
    if not code:
        return None
    specification = SpecificationVersion.objects.filter(code=code, status=VersionStatus.EFFECTIVE).first()
    if specification is None:
        raise Conflict(
            f"No version of the specification {code} is effective, against which {version.product} is tested. "
            "Have one reviewed and approved first.",
            code="no_effective_version",
            field="protocol",
        )
    problems = check_against(specification.document, version.document)
    if problems:
        raise Conflict(
            f"{version} cannot be tested against {specification}: {' '.join(problems)}",
            code="specification_mismatch",
            field="protocol",
        )
    return specification


def _check_identity(protocol: Protocol, identity: str) -> None:
    wanted = any(field.type == "identity" for step in protocol.steps for field in step.fields)
    if wanted and not identity:
        raise InvalidInput(
            "Give the chain-of-identity number of the cells this batch is made from.",
            code="identity_missing",
            field="identity",
        )
    if identity and not wanted:
        raise InvalidInput(
            f"{protocol.title} has no step that checks an identity; leave it out.",
            code="identity_not_expected",
            field="identity",
        )


def _check_start(started_at: datetime | None, *, now: datetime, reason: str) -> None:
    if started_at is None:
        return
    if started_at > now:
        raise InvalidInput("A batch cannot have been started in the future.", code="future_time", field="started_at")
    if now - started_at > FURTHEST_BACK:
        raise InvalidInput(
            "The start lies more than 24 hours back. Work that old is recorded as a deviation, not as a batch.",
            code="too_far_back",
            field="started_at",
        )
    if not reason.strip():
        raise InvalidInput("Say why the start is recorded after the fact.", code="late_needs_reason", field="reason")


def _next_number(kind: str) -> str:
    """`S-2026-0001` for a synthesis, `L-2026-0001` for a labeling; the year is the site's."""
    prefix = f"{PREFIXES[kind]}-{timezone.localdate().year}-"
    last = Batch.objects.filter(number__startswith=prefix).order_by("-number").values_list("number", flat=True).first()
    return f"{prefix}{int(last.removeprefix(prefix)) + 1 if last else 1:04d}"
