"""The chain of identity: every point at which the identity of a batch was stated or checked, in order (CELL-4)."""

from __future__ import annotations

from typing import Any

from labeling.models import Dispatch, Entry, Scan
from labeling.selectors.facts import BatchFacts

Json = dict[str, Any]


def chain_of(facts: BatchFacts) -> list[Json]:
    """From receipt to handing over: the point, who, when, what was read, and whether it matched."""
    batch = facts.batch
    if not batch.identity:
        return []
    rows = [_row("Planned", batch.planned_at, batch.planned_by.full_name, batch.identity, matched=True)]
    labels = {(step.key, field.key): field for step in facts.protocol.steps for field in step.fields}
    for entry in facts.entries:
        rows += _of_entry(entry, labels[entry.step, entry.field].label, labels[entry.step, entry.field].type)
    for scan in Scan.objects.filter(batch=batch).exclude(outcome=Scan.Outcome.WRONG).select_related("recorded_by"):
        field = labels.get((scan.step, scan.field))
        rows.append(
            _row(
                f"Scan: {field.label}" if field else "Scan",
                scan.measured_at,
                scan.recorded_by.full_name,
                scan.scanned,
                matched=scan.outcome == Scan.Outcome.MATCHED,
            )
        )
    for sent in Dispatch.objects.filter(batch=batch).select_related("signature"):
        rows.append(
            _row(f"Handed over to {sent.recipient}", sent.at, sent.signature.full_name, sent.scanned, matched=True)
        )
    return sorted(rows, key=lambda row: str(row["at"]))


def _of_entry(entry: Entry, label: str, kind: str) -> list[Json]:
    if entry.lot is not None and entry.lot.identity:
        lot = entry.lot
        return [
            _row(
                f"Receipt of lot {lot.number}", lot.recorded_at, lot.received_by.full_name, lot.identity, matched=True
            ),
            _row(
                f"{label}: lot {lot.number}", entry.measured_at, entry.recorded_by.full_name, lot.identity, matched=True
            ),
        ]
    if kind == "identity":
        return [_row(label, entry.measured_at, entry.recorded_by.full_name, entry.value, matched=True)]
    return []


def _row(point: str, at: Any, who: str, read: str, *, matched: bool) -> Json:
    return {"point": point, "at": at.isoformat(), "by": who, "read": read, "matched": matched}
