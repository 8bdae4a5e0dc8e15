"""What the server computed and decided, beside what the campaign file expects."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from campaign_file import instant, number

Json = dict[str, Any]

DEFAULT_TOLERANCE = "1e-9"
ABSENT = "–"


@dataclass(frozen=True, slots=True)
class Record:
    """A sealed PDF as it was fetched: its SHA-256 computed here, its seal judged by the server."""

    id: Any
    sha256: str
    valid: bool
    state: str
    said: str
    saved_as: str = ""


@dataclass(slots=True)
class Outcome:
    """One batch of the campaign: what the file planned and what became of it."""

    name: str
    plan: Json
    batch: Json = field(default_factory=dict)
    decision: str | None = None
    blockers: list[Json] = field(default_factory=list)
    record: Record | None = None
    problem: str = ""
    not_run: str = ""

    @property
    def number(self) -> str | None:
        return self.batch.get("number")

    @property
    def title(self) -> str:
        return self.number or self.name


@dataclass(frozen=True, slots=True)
class Row:
    batch: str
    what: str
    expected: str
    computed: str
    ok: bool
    difference: str = ""


def compare(outcome: Outcome) -> list[Row]:
    if outcome.not_run:
        return [Row(outcome.title, "made", _expectation(outcome.plan), "not run", ok=not expects_product(outcome.plan))]
    return list(_compared(outcome))


def expects_product(plan: Json) -> bool:
    """Does the file expect that this batch can be made at all?"""
    decision = plan.get("expected_release", {}).get("decision")
    return bool(decision == "released" or plan.get("expected_results") or plan.get("expected_expiry"))


def _expectation(plan: Json) -> str:
    return "made" if expects_product(plan) else "not run"


def _compared(outcome: Outcome) -> Iterator[Row]:
    plan, batch, title = outcome.plan, outcome.batch, outcome.title
    if outcome.problem:
        yield Row(title, "carried out", "yes", "stopped", ok=False)
    if "specification" in plan:
        found = (batch.get("specification") or {}).get("code", ABSENT)
        yield Row(title, "specification", plan["specification"], found, ok=found == plan["specification"])
    results = {result["key"]: result for result in batch.get("results", [])}
    for key, expected in plan.get("expected_results", {}).items():
        yield compare_result(title, key, expected, results.get(key, {}))
    if "expected_expiry" in plan:
        yield _compare_expiry(title, plan["expected_expiry"], batch.get("expires_at"))
    if "expected_release" in plan:
        yield _compare_decision(outcome)
    elif outcome.decision:
        yield Row(title, "release", ABSENT, outcome.decision, ok=True)
    if outcome.decision == "refused":
        vague = [str(blocker.get("code")) for blocker in outcome.blockers if not _is_plain(blocker)]
        yield Row(title, "refusal", "test, value, limit", ", ".join(vague) or "test, value, limit", ok=not vague)
    if outcome.decision:
        valid = outcome.record is not None and outcome.record.valid
        yield Row(title, "record", "sealed, valid", "sealed, valid" if valid else "not valid", ok=valid)


def compare_result(title: str, key: str, expected: Json, result: Json) -> Row:
    """Within rel_tol of the expected value, and in its unit. Exact arithmetic: only the server's rounding counts."""
    wanted = f"{expected['value']} {expected.get('unit', '')}".strip()
    value, unit = result.get("value"), result.get("unit", "")
    if value is None:
        missing = ", ".join(result.get("missing", []))
        return Row(title, key, wanted, f"not computed (missing {missing})" if missing else "not computed", ok=False)
    computed = f"{value} {unit}".strip()
    target, found = Fraction(expected["value"]), number(value)
    if found is None:
        return Row(title, key, wanted, computed, ok=False)
    off = abs(found - target) / (abs(target) or 1)
    close = off <= Fraction(expected.get("rel_tol", DEFAULT_TOLERANCE))
    return Row(
        title, key, wanted, computed, ok=close and unit == expected.get("unit", unit), difference=f"{float(off):.1e}"
    )


def _compare_expiry(title: str, expected: str, found: str | None) -> Row:
    if not found:
        return Row(title, "expiry", expected, ABSENT, ok=False)
    zone = instant(expected).tzinfo
    there = instant(found).astimezone(zone)
    return Row(
        title,
        "expiry",
        expected,
        there.isoformat(timespec="seconds"),
        ok=abs((there - instant(expected)).total_seconds()) < 1,
    )


def _compare_decision(outcome: Outcome) -> Row:
    expected = outcome.plan["expected_release"]
    wanted, found = expected["decision"], outcome.decision or ABSENT
    ok = found == wanted
    listed = set(expected.get("blockers", []))
    tests = _blocking(outcome.blockers, listed)
    if "blockers" in expected:
        ok = ok and listed == tests
    return Row(outcome.title, "release", _decided(wanted, listed), _decided(found, tests), ok=ok)


def _blocking(blockers: list[Json], listed: set[str]) -> set[str]:
    """The tests that stand in the way, and any other blocker that the file lists by its code."""
    tests = {blocker["test"] for blocker in blockers if blocker.get("test")}
    return tests | ({str(blocker.get("code")) for blocker in blockers} & listed)


def _is_plain(blocker: Json) -> bool:
    """Does its sentence name the limit of the test, and the value where there is one?"""
    detail = str(blocker.get("detail", ""))
    if not blocker.get("test") or blocker.get("code") in {"test_missing", "test_not_reviewed"}:
        return bool(detail)
    return all(blocker.get(part) and str(blocker[part]) in detail for part in ("value", "limit"))


def _decided(decision: str, tests: set[str]) -> str:
    return f"{decision}: {', '.join(sorted(tests))}" if tests else decision


def table(rows: list[Row]) -> str:
    head = ("batch", "what", "expected", "computed", "rel. diff.", "ok")
    lines = [
        (row.batch, row.what, row.expected, row.computed, row.difference, "yes" if row.ok else "NO") for row in rows
    ]
    widths = [max(len(line[column]) for line in [head, *lines]) for column in range(len(head))]
    rule = tuple("─" * width for width in widths)
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in [head, rule, *lines]
    )


def remarks(outcomes: list[Outcome]) -> Iterator[str]:
    """What the table has no room for: refusals in the server's words, and the records."""
    for outcome in outcomes:
        if outcome.problem:
            yield f"{outcome.name.capitalize()} stopped. {outcome.problem}"
        if outcome.not_run:
            yield f"{outcome.title} was not run: {outcome.not_run}"
        for blocker in outcome.blockers:
            yield f"{outcome.title} was refused: {blocker.get('detail', '')} [{blocker.get('code', '')}]"
    for outcome in outcomes:
        if outcome.record:
            saved = f", saved as {outcome.record.saved_as}" if outcome.record.saved_as else ""
            yield f"{outcome.title}: record {outcome.record.id}{saved}"
            yield f"   sha256 {outcome.record.sha256 or ABSENT}\n   {outcome.record.said}"


def as_json(outcome: Outcome, *, ok: bool) -> Json:
    batch, protocol = outcome.batch, outcome.batch.get("protocol") or {}
    record = outcome.record
    return {
        "name": outcome.name,
        "number": outcome.number,
        "kind": batch.get("kind") or outcome.name.split()[0],
        "protocol": protocol.get("code") or outcome.plan["protocol"],
        "status": batch.get("status") or "not_run",
        "identity": batch.get("identity") or outcome.plan.get("identity"),
        "results": {
            result["key"]: {key: result.get(key) for key in ("value", "unit", "u", "at")}
            for result in batch.get("results", [])
        },
        "expiry": batch.get("expires_at"),
        "decision": outcome.decision,
        "blockers": outcome.blockers,
        "verdicts": {test["key"]: test["verdict"] for test in batch.get("tests", [])},
        "record": record and {"id": record.id, "sha256": record.sha256, "valid": record.valid, "state": record.state},
        "problem": outcome.problem or outcome.not_run or None,
        "ok": ok,
    }
