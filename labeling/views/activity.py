"""The activity that a batch holds now, from the reading its expiry counts from; shown, never recorded."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from labeling.domain.decay import decay_factor
from labeling.domain.lifecycle import BatchStatus
from labeling.domain.uncertainty import nominal
from labeling.models import Batch, Container
from labeling.selectors.bench import dispatched_at
from labeling.selectors.evaluation import nuclide_of, value_of
from labeling.selectors.facts import BatchFacts
from labeling.selectors.ledgers import MBQ, content_stored


def activity_now(facts: BatchFacts, *, at: datetime) -> dict[str, object] | None:
    expires = facts.protocol.expires
    gone = dispatched_at(facts.batch)
    if gone is not None:
        return {"handed_over_at": gone.isoformat()}
    left = _left_of(facts.batch, at=at)
    if left is not None:
        return left
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


def _left_of(batch: Batch, *, at: datetime) -> dict[str, object] | None:
    """What is in the container of a product of which a part was handed over; None where nothing was."""
    rows = Container.objects.filter(batch=batch, product=True, dispatches__isnull=False)
    row = rows.first() if batch.status == BatchStatus.RELEASED else None
    stored = content_stored(row) if row is not None else None
    if row is None or stored is None or stored.activity is None or row.half_life is None:
        return None
    value = nominal(stored.activity) / MBQ
    factor = nominal(decay_factor((at - stored.at).total_seconds(), row.half_life))
    return {
        "value": f"{value:.2f}",
        "unit": "MBq",
        "at": stored.at.isoformat(),
        "half_life_s": row.half_life,
        "now": f"{value * factor:.2f}",
    }
