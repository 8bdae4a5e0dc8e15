"""A dry run of a stored protocol version, as JSON: what REST answers and the page shows."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone

from labeling.domain.criteria import Criterion
from labeling.domain.display import display
from labeling.domain.dry_run import Example, dry_run, examples, needed_fields
from labeling.domain.evaluation import ComputedResult
from labeling.domain.nuclides import Nuclide
from labeling.domain.outline import said_of
from labeling.domain.protocol import Protocol
from labeling.models import ProtocolVersion
from labeling.selectors.evaluation import nuclide_of
from labeling.selectors.nuclides import nuclide_in_use

Json = dict[str, Any]


def example_entries(version: ProtocolVersion, *, now: datetime) -> tuple[Example, ...]:
    """Plausible entries that end about now, on whole minutes of the site's clock."""
    protocol = version.document
    whole = timezone.localtime(now).replace(second=0, microsecond=0)
    planned = examples(protocol, begins_at=whole)
    last = max((example.at for example in planned if isinstance(example.at, datetime)), default=whole)
    return examples(protocol, begins_at=whole - (last - whole) - timedelta(minutes=5))


def dry_run_document(version: ProtocolVersion, entries: Sequence[Example]) -> Json:
    """Every result from these entries, with its calculation and limits; what is refused, by `step.field`."""
    protocol = version.document
    run = dry_run(protocol, entries, nuclide=_nuclide(version))
    return {
        "protocol": version.code,
        "version": version.number,
        "fields": [f"{step}.{field.key}" for step, field in needed_fields(protocol)],
        "results": [_row(protocol, result) for result in run.results],
        "expires_at": run.expires_at.isoformat() if run.expires_at else None,
        "refused": [{"field": r.name, "part": r.part, "detail": r.detail} for r in run.refused],
        "out_of_range": list(run.out_of_range),
    }


def entry_rows(entries: Sequence[Example]) -> list[Json]:
    return [
        {
            "step": entry.step,
            "field": entry.field,
            "value": entry.value,
            "unit": entry.unit,
            "at": entry.at.isoformat() if isinstance(entry.at, datetime) else entry.at,
        }
        for entry in entries
    ]


def _nuclide(version: ProtocolVersion) -> Nuclide:
    """With the half-life that the version keeps, or would be given now."""
    return nuclide_of(version) if version.constants else nuclide_in_use(version.nuclide)


def _row(protocol: Protocol, result: ComputedResult) -> Json:
    definition = protocol.result(result.key)
    assert definition is not None
    return {
        "key": result.key,
        "title": result.title,
        "value": result.value,
        "u": result.u,
        "unit": result.unit,
        "display": display(result.value, result.u, result.unit),
        "at": result.at.isoformat() if result.at else None,
        "formula": result.formula,
        "formula_version": result.version,
        "worked": result.worked,
        "constants": result.constants,
        "flags": list(result.flags),
        "limit_state": result.limit_state,
        "warning_limit": _limits(definition.warning_limit),
        "action_limit": _limits(definition.action_limit),
        "missing": list(result.missing),
        "missing_words": [said_of(protocol, name) for name in result.missing],
        "error": result.error or "",
    }


def _limits(limits: Criterion | None) -> Json | None:
    return {"min": limits.min, "max": limits.max} if limits else None
