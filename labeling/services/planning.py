"""Plan a batch and start it."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import IntegrityError
from django.utils import timezone

from labeling.domain.lifecycle import Action, VersionStatus
from labeling.domain.protocol import Protocol
from labeling.domain.specification import check_against
from labeling.domain.training import Task
from labeling.models import Batch, DowntimeSheet, ProtocolVersion, SpecificationVersion
from labeling.selectors.clock import database_now
from labeling.services.batch_containers import open_batch_containers
from labeling.services.codes import free_number
from labeling.services.lifecycle import advance, lock_batch, refuse_stale
from labeling.services.training import require_training, require_training_for
from lims.accounts.actors import Actor
from lims.accounts.roles import Permission, require
from lims.audit.operations import operation
from lims.errors import Conflict, InvalidInput, NotFound

FURTHEST_BACK = timedelta(hours=24)
FURTHEST_BACK_ON_PAPER = timedelta(days=14)  # a numbered sheet proves what was done and when
PREFIXES = {"synthesis": "S", "labeling": "L"}
NUMBERING_ATTEMPTS = 20


def plan_batch(*, actor: Actor, protocol: str, identity: str = "", sheet: str = "") -> Batch:
    """A batch of the effective version of `protocol`, to be tested against the specification effective now.

    With a down-time `sheet`, of the version that it was printed from: that is the one somebody worked by.
    """
    require(actor.user, Permission.MAKE_BATCH)
    paper = _usable_sheet(sheet, protocol) if sheet else None
    effective = ProtocolVersion.objects.filter(code=protocol, status=VersionStatus.EFFECTIVE).first()
    version = paper.protocol_version if paper else effective
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
                batch = Batch.objects.create(
                    number=number,
                    protocol_version=version,
                    specification_version=specification,
                    identity=identity.strip(),
                    planned_by=actor.user,
                )
                if paper is not None:
                    _use_sheet(paper, batch)
                return batch
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
        sheet = DowntimeSheet.objects.filter(batch=batch).first()
        _check_start(started_at, now=now, reason=reason, sheet=sheet)
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


def _usable_sheet(number: str, protocol: str) -> DowntimeSheet:
    sheet = DowntimeSheet.objects.select_related("protocol_version").filter(number=number).first()
    if sheet is None:
        raise NotFound(f"There is no down-time sheet {number}.")
    if sheet.protocol_version.code != protocol:
        raise InvalidInput(
            f"{number} is a sheet of {sheet.protocol_version.code}, not of {protocol}.",
            code="wrong_protocol",
            field="sheet",
        )
    return sheet


def _use_sheet(paper: DowntimeSheet, batch: Batch) -> None:
    """One sheet, one batch: the sheet is locked, so that two plans of one sheet take turns."""
    sheet = DowntimeSheet.objects.select_for_update().get(pk=paper.pk)
    if sheet.state != DowntimeSheet.State.ISSUED or sheet.batch_id is not None:
        what = "belongs to another batch already" if sheet.batch_id else f"is {sheet.state}"
        raise Conflict(f"{sheet.number} {what}.", code="sheet_in_use", field="sheet")
    sheet.batch = batch
    sheet.save(update_fields=["batch"])


def _check_start(started_at: datetime | None, *, now: datetime, reason: str, sheet: DowntimeSheet | None) -> None:
    if started_at is None:
        return
    if started_at > now:
        raise InvalidInput("A batch cannot have been started in the future.", code="future_time", field="started_at")
    if now - started_at > FURTHEST_BACK and sheet is not None and started_at < sheet.issued_at:
        issued = timezone.localtime(sheet.issued_at)
        raise InvalidInput(
            f"The start lies before {sheet.number} was issued, at {issued:%Y-%m-%d %H:%M %Z}; no work was done by it.",
            code="before_sheet",
            field="started_at",
        )
    if now - started_at > (FURTHEST_BACK_ON_PAPER if sheet else FURTHEST_BACK):
        span = "14 days" if sheet else "24 hours"
        raise InvalidInput(
            f"The start lies more than {span} back. Work that old is recorded as a deviation, not as a batch.",
            code="too_far_back",
            field="started_at",
        )
    if not reason.strip():
        raise InvalidInput("Say why the start is recorded after the fact.", code="late_needs_reason", field="reason")


def _next_number(kind: str) -> str:
    """`S-2026-0001` for a synthesis, `L-2026-0001` for a labeling; the year is the site's."""
    prefix = f"{PREFIXES[kind]}-{timezone.localdate().year}-"
    last = Batch.objects.filter(number__startswith=prefix).order_by("-number").values_list("number", flat=True).first()
    return free_number(prefix, last)
