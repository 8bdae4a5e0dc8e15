"""Where an instrument is asked for now, by a protocol that lets a second person sign for one that is not in order."""

from __future__ import annotations

from labeling.domain.lifecycle import BatchStatus
from labeling.models import Batch, Entry


def allowable_readings(kind: str) -> list[tuple[str, str]]:
    """Fields of batches in progress that wait for a reading on that kind: `number step field`, and in words."""
    working = Batch.objects.filter(status=BatchStatus.IN_PROGRESS)
    batches = list(working.select_related("protocol_version").order_by("-pk"))
    recorded = set(Entry.objects.filter(batch__in=batches).values_list("batch_id", "step", "field"))
    return [
        (f"{batch.number} {step.key} {field.key}", f"{batch.number}: {step.title}, {field.label}")
        for batch in batches
        for step in batch.protocol_version.document.steps
        for field in step.fields
        if (batch.pk, step.key, field.key) not in recorded
        and (need := batch.protocol_version.document.equipment_need(field.equipment or "")) is not None
        and (need.kind, need.unchecked) == (kind, "signed_reason")
    ]
