"""A whole batch as JSON: the one shape that REST, the pages and the printed record share."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from labeling.domain.criteria import Criterion
from labeling.domain.display import display
from labeling.domain.lifecycle import BatchStatus, actions_from
from labeling.domain.protocol import Field, Step, Timer
from labeling.domain.protocol_results import ResultDefinition
from labeling.models import Batch, Deviation, DowntimeSheet, Entry, Result
from labeling.selectors.bench import clearance_of, dispatches_of
from labeling.selectors.chain import chain_of
from labeling.selectors.facts import BatchFacts, facts_of, step_manifest, what_is_missing
from labeling.selectors.reevaluation import restatements_of
from labeling.selectors.signed import signatures_with_state
from lims.accounts.models import User
from lims.audit.models import Operation
from lims.errors import NotFound
from lims.oversight.selectors import review_row, trail_of
from lims.records.models import Document
from lims.records.selectors import document_row
from lims.signatures.manifestation import refusals_of, signature_or_none
from lims.signatures.models import Signature
from lims.signatures.signing import digest_of

Json = dict[str, Any]


def find_batch(number: str) -> Batch:
    batch = (
        Batch.objects.select_related(
            "protocol_version",
            "specification_version",
            "planned_by",
            "started_by",
            "disposed_by",
            "completion_signature",
            "disposition_signature",
        )
        .filter(number=number)
        .first()
    )
    if batch is None:
        raise NotFound(f"There is no batch {number}.")
    return batch


def batch_document(number: str) -> Json:
    """Everything about a batch but its tests, which `qc.selectors` adds."""
    return document_of(facts_of(find_batch(number)))


def document_of(facts: BatchFacts) -> Json:
    batch = facts.batch
    return {
        **summary_of(batch),
        "revision": revision_of(batch),
        "planned_at": batch.planned_at.isoformat(),
        "planned_by": person(batch.planned_by),
        "started_by": person(batch.started_by),
        "start_recorded_at": instant(batch.start_recorded_at),
        "start_reason": batch.start_reason,
        "steps": [_step(facts, step) for step in facts.protocol.steps],
        "sheet": _sheet(facts.sheet) if facts.sheet else None,
        "missing": what_is_missing(facts) if batch.status == BatchStatus.IN_PROGRESS else [],
        "results": [_result(definition, facts.results.get(definition.key)) for definition in facts.protocol.results],
        "restatements": restatements_of(batch),
        "deviations": [deviation_row(deviation) for deviation in facts.deviations],
        "signatures": signatures_with_state(facts),
        "refusals": refusals_of(batch.number),
        "documents": [document_row(d) for d in Document.objects.filter(subject=batch.number).defer("pdf", "context")],
        "audit_review": review_row(trail_of(batch.number)),
        "line_clearance": clearance_of(facts),
        "chain_of_identity": chain_of(facts),
        "dispatches": dispatches_of(facts),
        "actions": list(actions_from(BatchStatus(batch.status))),
    }


def revision_of(batch: Batch) -> int:
    """How many acts there were upon the batch: the ETag of everything about it."""
    return Operation.objects.filter(subject=batch.number).count()


def summary_of(batch: Batch) -> Json:
    """The head of a batch: what a list and the top of each of its pages show."""
    version, specification = batch.protocol_version, batch.specification_version
    nuclide = (version.constants or {}).get("nuclide", {})
    return {
        "number": batch.number,
        "status": batch.status,
        "status_label": BatchStatus(batch.status).label,
        "kind": version.kind,
        "protocol": _version(version),
        "specification": _version(specification) if specification else None,
        "product": version.product,
        "nuclide": {"code": version.nuclide, "half_life": nuclide.get("half_life"), "source": nuclide.get("source")},
        "identity": batch.identity or None,
        "planned_at": batch.planned_at.isoformat(),
        "started_at": instant(batch.started_at),
        "completed_at": instant(batch.completion_signature.at if batch.completion_signature else None),
        "expires_at": instant(batch.expires_at),
        "disposed_at": instant(batch.disposition_signature.at if batch.disposition_signature else None),
        "disposed_by": person(batch.disposed_by),
    }


def person(user: User | None) -> Json | None:
    return {"username": user.username, "full_name": user.full_name} if user else None


def instant(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None


def _version(version: Any) -> Json:
    return {"code": version.code, "version": version.number, "title": version.title, "sha256": version.sha256}


def _sheet(sheet: DowntimeSheet) -> Json:
    """The paper this batch was made from, and who accounted for it."""
    transfer, comparison = sheet.transfer_signature, sheet.comparison_signature
    return {
        "number": sheet.number,
        "state": sheet.state,
        "transferred_by": _signer(transfer) if transfer else None,
        "compared_by": _signer(comparison) if comparison else None,
    }


def _signer(signature: Signature) -> Json:
    return {"username": signature.username, "full_name": signature.full_name}


def _step(facts: BatchFacts, step: Step) -> Json:
    signature = facts.step_signature(step.key)
    fields = [_field(facts, step, field) for field in step.fields]
    return {
        "key": step.key,
        "title": step.title,
        "instruction": step.instruction or "",
        "verified_by_second_person": step.verified_by_second_person,
        "state": _state(facts, step),
        "stopped": any(_stops(deviation, step.key) for deviation in facts.deviations),
        "timer": _timer(facts, step.key, step.timer) if step.timer else None,
        "verified_by": {"username": signature.username, "full_name": signature.full_name} if signature else None,
        "verified_at": instant(signature.at if signature else None),
        "verification": signature_or_none(signature),
        "manifest_sha256": digest_of(step_manifest(facts, step.key)),
        "fields": fields,
    }


def _stops(deviation: Deviation, step: str) -> bool:
    unsettled = deviation.kind == Deviation.Kind.IDENTITY and deviation.assessment_signature_id is None
    return unsettled and deviation.step == step


def _state(facts: BatchFacts, step: Step) -> str:
    current = facts.current
    entries = [current.get(f"{step.key}.{field.key}") for field in step.fields]
    if None in entries or (step.timer is not None and None in facts.timer_of(step.key)):
        return "open"
    unverified = any(
        field.critical and entry is not None and facts.entry_signature(entry) is None
        for field, entry in zip(step.fields, entries, strict=True)
    )
    if unverified or (step.verified_by_second_person and facts.step_signature(step.key) is None):
        return "to_verify"
    return "done"


def _timer(facts: BatchFacts, step: str, timer: Timer) -> Json:
    started_at, stopped_at = facts.timer_of(step)
    minutes = f"{(stopped_at - started_at).total_seconds() / 60:.2f}" if started_at and stopped_at else None
    faults = [d for d in facts.deviations if d.step == step and d.kind == Deviation.Kind.TIMER]
    return {
        "min_minutes": timer.min_minutes,
        "max_minutes": timer.max_minutes,
        "started_at": instant(started_at),
        "stopped_at": instant(stopped_at),
        "minutes": minutes,
        "conforms": None if minutes is None else not faults,
    }


def _field(facts: BatchFacts, step: Step, field: Field) -> Json:
    history = [entry for entry in facts.entries if entry.step == step.key and entry.field == field.key]
    kind = facts.protocol.equipment_kind(field.equipment) if field.equipment else None
    return {
        "key": field.key,
        "label": field.label,
        "type": field.type,
        "unit": field.unit or "",
        "min": field.min,
        "max": field.max,
        "options": list(field.options),
        "critical": field.critical,
        "material": field.material,
        "equipment_kind": kind,
        "entry": entry_row(facts, history[-1]) if history else None,
        "superseded": [entry_row(facts, entry) for entry in history[:-1]],
    }


def entry_row(facts: BatchFacts, entry: Entry) -> Json:
    signature = facts.entry_signature(entry)
    lot = entry.lot.number if entry.lot else entry.source_batch.number if entry.source_batch else None
    return {
        "id": entry.pk,
        "step": entry.step,
        "field": entry.field,
        "typed": entry.typed,
        "value": entry.value,
        "unit": entry.unit,
        "u": entry.u or None,
        "at": entry.measured_at.isoformat(),
        "recorded_at": entry.recorded_at.isoformat(),
        "recorded_by": person(entry.recorded_by),
        "equipment": entry.equipment.code if entry.equipment else None,
        "setting": entry.setting or None,
        "geometry": entry.geometry or None,
        "lot": lot,
        "lot_expires_at": instant(entry.lot.expires_at) if entry.lot else None,
        "late": entry.late,
        "reason": entry.reason,
        "out_of_range": entry.out_of_range,
        "corrects": entry.corrects_id,
        "verified_by": {"username": signature.username, "full_name": signature.full_name} if signature else None,
        "verified_at": instant(signature.at if signature else None),
        "verification": signature_or_none(signature),
        "warnings": [*entry.warnings, *_out_of_order(facts, entry)],
    }


def _out_of_order(facts: BatchFacts, entry: Entry) -> list[str]:
    titles = facts.out_of_order(entry)
    return [f"It was read while the timer of “{title}” ran: out of the order of the protocol." for title in titles]


def _result(definition: ResultDefinition, result: Result | None) -> Json:
    known = result is not None and result.value is not None
    return {
        "key": definition.key,
        "title": definition.title,
        "unit": definition.unit,
        "value": result.value if result else None,
        "u": result.u if result else None,
        "display": display(result.value, result.u, definition.unit) if result and result.value else "",
        "at": instant(result.at) if result else None,
        "formula": result.formula if result else definition.formula or "expression",
        "version": result.version if result else None,
        "worked": result.worked if result else "",
        "constants": result.constants if result else {},
        "error": result.error if result else "",
        "flags": result.flags if result else [],
        "warning_limit": _limits(definition.warning_limit),
        "action_limit": _limits(definition.action_limit),
        "limit_state": result.limit_state if result and known else "waiting",
    }


def _limits(limits: Criterion | None) -> Json | None:
    return {"min": limits.min, "max": limits.max} if limits else None


def deviation_row(deviation: Deviation) -> Json:
    signature = deviation.assessment_signature
    return {
        "id": deviation.pk,
        "step": deviation.step,
        "entry": deviation.entry_id,
        "kind": deviation.kind,
        "kind_label": deviation.get_kind_display(),
        "severity": deviation.current_class.value,
        "opened_as": deviation.severity,
        "text": deviation.text,
        "status": "assessed" if signature else "open",
        "opened_at": deviation.opened_at.isoformat(),
        "opened_by": {"username": deviation.opened_by.username, "full_name": deviation.opened_by.full_name},
        "assessment": deviation.assessment,
        "conclusion": deviation.conclusion,
        "conclusion_label": deviation.get_conclusion_display(),
        "impact": deviation.impact,
        "cause": deviation.get_cause_display(),
        "root_cause": deviation.root_cause,
        "assessed_by": {"username": signature.username, "full_name": signature.full_name} if signature else None,
        "assessed_at": instant(signature.at if signature else None),
        "assessment_signature": signature_or_none(signature),
    }
