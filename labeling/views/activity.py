"""The activity that a batch holds now, from the reading its expiry counts from; shown, never recorded."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from labeling.domain.decay import decay_factor
from labeling.domain.uncertainty import nominal
from labeling.selectors.bench import dispatched_at
from labeling.selectors.evaluation import nuclide_of, value_of
from labeling.selectors.facts import BatchFacts


def activity_now(facts: BatchFacts, *, at: datetime) -> dict[str, object] | None:
    expires = facts.protocol.expires
    gone = dispatched_at(facts.batch)
    if gone is not None:
        return {"handed_over_at": gone.isoformat()}
    entry = facts.current.get(expires.from_) if expires else None
    definition = next(
        (f for s in facts.protocol.steps for f in s.fields if entry and (s.key, f.key) == (entry.step, entry.field)),
        None,
    )
    if (
        entry is None
        or definition is None
        or definition.type != "activity"
        or not facts.batch.protocol_version.constants
    ):
        return None
    half_life = nominal(nuclide_of(facts.batch.protocol_version).half_life)
    factor = nominal(decay_factor((at - entry.measured_at).total_seconds(), half_life))
    value = value_of(facts, entry)
    decimals = len(entry.value.partition(".")[2]) if "e" not in entry.value.lower() else 3
    return {
        "value": value,
        "unit": entry.unit,
        "at": entry.measured_at.isoformat(),
        "half_life_s": half_life,
        "now": f"{Decimal(value) * Decimal(factor):.{decimals}f}",
    }
