"""A dry run of a stored protocol version, as JSON: what REST answers and the page shows."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone

from labeling.domain.criteria import Criterion, Verdict
from labeling.domain.display import display
from labeling.domain.dry_run import Example, dry_run, examples, needed_fields
from labeling.domain.evaluation import ComputedResult
from labeling.domain.nuclides import Nuclide
from labeling.domain.outline import said_of
from labeling.domain.protocol import Protocol
from labeling.domain.specification import SpecificationTest
from labeling.models import ProtocolVersion
from labeling.selectors.evaluation import nuclide_of
from labeling.selectors.nuclides import nuclide_in_use
from labeling.selectors.versions import specification_for

Json = dict[str, Any]
BEYOND = ("warning", "action")


def example_entries(version: ProtocolVersion, *, now: datetime) -> tuple[Example, ...]:
    """Plausible entries that end about now, on whole minutes of the site's clock."""
    protocol = version.document
    whole = timezone.localtime(now).replace(second=0, microsecond=0)
    planned = examples(protocol, begins_at=whole)
    last = max((example.at for example in planned if isinstance(example.at, datetime)), default=whole)
    return examples(protocol, begins_at=whole - (last - whole) - timedelta(minutes=5))


def dry_run_document(version: ProtocolVersion, entries: Sequence[Example]) -> Json:
    """Every result from these entries, with its calculation, its limits and those of the specification for it; what
    is refused, by `step.field`."""
    protocol, specification = version.document, specification_for(version)
    run = dry_run(protocol, entries, nuclide=_nuclide(version))
    tests = specification.document.tests if specification else ()
    rows = [_row(protocol, result, tests) for result in run.results]
    return {
        "protocol": version.code,
        "version": version.number,
        "fields": [f"{step}.{field.key}" for step, field in needed_fields(protocol)],
        "specification": str(specification) if specification else None,
        "results": rows,
        "beyond_limits": [row["key"] for row in rows if _is_beyond(row)],
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


def _is_beyond(row: Json) -> bool:
    return row["limit_state"] in BEYOND or any(test["verdict"] == Verdict.FAIL for test in row["tests"])


def _row(protocol: Protocol, result: ComputedResult, tests: Sequence[SpecificationTest]) -> Json:
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
        "tests": [_test(test, result) for test in tests if test.from_result == result.key],
        "missing": list(result.missing),
        "missing_words": [said_of(protocol, name) for name in result.missing],
        "error": result.error or "",
    }


def _test(test: SpecificationTest, result: ComputedResult) -> Json:
    return {
        "key": test.key,
        "title": test.title,
        "unit": test.unit or "",
        **(_limits(test.criterion) or {}),
        "verdict": test.verdict_of_record(result.value, result.flags).value,
    }


def _limits(limits: Criterion | None) -> Json | None:
    return {"min": limits.min, "max": limits.max} if limits else None
