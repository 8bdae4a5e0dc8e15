"""Everything recorded of a batch, read once; the questions about it are answered without further queries."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import QuerySet

from labeling.domain.protocol import Protocol, Step
from labeling.models import Batch, Deviation, DowntimeSheet, Entry, Result, TimerEvent, Verification
from lims.signatures.models import Signature
from lims.signatures.signing import still_holds


@dataclass(frozen=True, slots=True)
class BatchFacts:
    batch: Batch
    protocol: Protocol
    entries: list[Entry]  # all of them, corrected ones included, in the order of recording
    timers: list[TimerEvent]
    verifications: list[Verification]
    results: dict[str, Result]  # the newest of each
    deviations: list[Deviation]
    sheet: DowntimeSheet | None = None  # the paper this batch was made from, where the system was down

    @property
    def current(self) -> dict[str, Entry]:
        """The value that counts for each `step.field`."""
        corrected = {entry.corrects_id for entry in self.entries}
        return {entry.reference: entry for entry in self.entries if entry.pk not in corrected}

    def entries_of(self, step: str) -> list[Entry]:
        return [entry for entry in self.current.values() if entry.step == step]

    def timer_of(self, step: str) -> tuple[datetime | None, datetime | None]:
        events = {event.event: event.measured_at for event in self.timers if event.step == step}
        return events.get(TimerEvent.Event.START), events.get(TimerEvent.Event.STOP)

    def still_running(self, step: str, at: datetime) -> list[str]:
        """The titles of the earlier steps whose timer ran at that instant: by the protocol they end first."""
        earlier = self.protocol.steps[: self.protocol.steps.index(self.protocol.step(step))]
        ran = ((each, *self.timer_of(each.key)) for each in earlier if each.timer is not None)
        return [each.title for each, start, stop in ran if start and start <= at and (stop is None or at < stop)]

    def step_signature(self, step: str) -> Signature | None:
        """The verification of a whole step, as long as it still covers what the step holds."""
        manifest = step_manifest(self, step)
        for verification in reversed(self.verifications):
            of_step = verification.entry_id is None and verification.step == step
            if of_step and still_holds(verification.signature, manifest):
                return verification.signature
        return None

    def entry_signature(self, entry: Entry) -> Signature | None:
        """The second person's check of a value: its own, or that of its whole step."""
        for verification in self.verifications:
            if verification.entry_id == entry.pk:
                return verification.signature
        return self.step_signature(entry.step)


def facts_of(batch: Batch) -> BatchFacts:
    return facts_of_several([batch])[0]


def facts_of_several(batches: Sequence[Batch]) -> list[BatchFacts]:
    """The facts of each, in the order of `batches`, by as many queries as those of one."""
    entries = Entry.objects.select_related("recorded_by", "equipment", "lot__received_by", "source_batch")
    deviations = Deviation.objects.select_related("opened_by", "assessment_signature")
    sheets = DowntimeSheet.objects.select_related("transfer_signature", "comparison_signature")
    found = (
        rows_of(batches, entries),
        rows_of(batches, TimerEvent.objects.select_related("recorded_by")),
        rows_of(batches, Verification.objects.select_related("signature")),
        rows_of(batches, Result.objects.all()),
        rows_of(batches, deviations),
        rows_of(batches, sheets),
    )
    return [_facts(batch, *(rows[batch.pk] for rows in found)) for batch in batches]


def _facts(batch: Batch, *found: list[Any]) -> BatchFacts:
    entries, timers, verifications, results, deviations, sheets = found
    return BatchFacts(
        batch=batch,
        protocol=batch.protocol_version.document,
        entries=entries,
        timers=timers,
        verifications=verifications,
        results={result.key: result for result in results},
        deviations=deviations,
        sheet=sheets[0] if sheets else None,
    )


def rows_of(batches: Sequence[Batch], rows: QuerySet[Any]) -> dict[int, list[Any]]:
    """The rows of each batch, oldest first. They know their batch, so that nothing asks for it row by row."""
    known = {batch.pk: batch for batch in batches}
    found: dict[int, list[Any]] = {pk: [] for pk in known}
    for row in rows.filter(batch__in=list(known)).order_by("id"):
        row.batch = known[row.batch_id]
        found[row.batch_id].append(row)
    return found


def entry_manifest(entry: Entry) -> dict[str, object]:
    """What a person who signs for a value was shown of it. An instrument's setting and geometry where they were given:
    the manifests that were signed before there were any stay as they are.
    """
    stated = {"setting": entry.setting, "geometry": entry.geometry}
    return {
        **{name: text for name, text in stated.items() if text},
        "batch": entry.batch.number,
        "entry": entry.pk,
        "step": entry.step,
        "field": entry.field,
        "typed": entry.typed,
        "value": entry.value,
        "unit": entry.unit,
        "u": entry.u,
        "measured_at": entry.measured_at.isoformat(),
        "recorded_at": entry.recorded_at.isoformat(),
        "recorded_by": entry.recorded_by.username,
        "equipment": entry.equipment.code if entry.equipment else "",
    }


def step_manifest(facts: BatchFacts, step: str) -> dict[str, object]:
    started_at, stopped_at = facts.timer_of(step)
    return {
        "batch": facts.batch.number,
        "step": step,
        "entries": [entry_manifest(entry) for entry in facts.entries_of(step)],
        "timer": [moment.isoformat() if moment else None for moment in (started_at, stopped_at)],
    }


def completion_manifest(facts: BatchFacts) -> dict[str, object]:
    """What the person who made the batch signs for when it is complete."""
    batch = facts.batch
    return {
        "batch": batch.number,
        "protocol": batch.protocol_version.name,
        "protocol_sha256": batch.protocol_version.sha256,
        "started_at": batch.started_at.isoformat() if batch.started_at else None,
        "expires_at": batch.expires_at.isoformat() if batch.expires_at else None,
        "steps": [step_manifest(facts, step.key) for step in facts.protocol.steps],
        "results": {
            key: {"value": result.value, "u": result.u, "unit": result.unit} for key, result in facts.results.items()
        },
    }


def deviation_manifest(deviation: Deviation) -> dict[str, object]:
    """What the person who assesses a deviation signs for."""
    return {
        "batch": deviation.batch.number,
        "deviation": deviation.text,
        "opened_as": deviation.severity,
        "assessment": deviation.assessment,
        "severity": deviation.assessed_severity,
        "conclusion": deviation.conclusion,
        "impact": deviation.impact,
        "cause": deviation.cause,
        "root_cause": deviation.root_cause,
    }


def what_is_missing(facts: BatchFacts) -> list[dict[str, str]]:
    """Every value, timer and verification that a batch still needs before it is complete, and its paper."""
    return [item for step in facts.protocol.steps for item in _missing_of(facts, step)] + _unreconciled(facts)


def unrecorded(facts: BatchFacts) -> list[dict[str, str]]:
    """The values and timers that are still to be entered."""
    return [item for step in facts.protocol.steps for item in _missing_of(facts, step, unverified=False)]


def reconciliation_manifest(facts: BatchFacts) -> dict[str, object]:
    """What is compared with the paper: every entry and timer as it is now, and the scans of the sheet."""
    sheet = facts.sheet
    return {
        "sheet": sheet.number if sheet else None,
        "protocol": facts.batch.protocol_version.name,
        "protocol_sha256": facts.batch.protocol_version.sha256,
        "batch": facts.batch.number,
        "steps": [step_manifest(facts, step.key) for step in facts.protocol.steps],
        "scans": sorted(sheet.scans.values_list("sha256", flat=True)) if sheet else [],
    }


def _unreconciled(facts: BatchFacts) -> list[dict[str, str]]:
    sheet = facts.sheet
    if sheet is None:
        return []
    signature = sheet.comparison_signature
    if signature is None:
        return [_missing("downtime_sheet", f"The down-time sheet {sheet.number} is not reconciled.")]
    if not still_holds(signature, reconciliation_manifest(facts)):
        again = "what was entered changed after that; paper and entries are compared again."
        return [_missing("downtime_sheet", f"The down-time sheet {sheet.number} was reconciled, and {again}")]
    return []


def _missing_of(facts: BatchFacts, step: Step, *, unverified: bool = True) -> Iterable[dict[str, str]]:
    current = facts.current
    step_verified = facts.step_signature(step.key) is not None
    for field in step.fields:
        reference = f"{step.key}.{field.key}"
        entry = current.get(reference)
        if entry is None:
            yield _missing(reference, f"{step.title}: {field.label} is not recorded.")
        elif unverified and field.critical and facts.entry_signature(entry) is None:
            yield _missing(reference, f"{step.title}: {field.label} is not verified by a second person.")
    if step.timer is not None and None in facts.timer_of(step.key):
        yield _missing(step.key, f"{step.title}: the timer has not run.")
    if unverified and step.verified_by_second_person and not step_verified:
        yield _missing(step.key, f"{step.title}: the step is not verified by a second person.")


def _missing(field: str, detail: str) -> dict[str, str]:
    return {"field": field, "code": "missing", "detail": detail}
