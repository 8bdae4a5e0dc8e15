"""A campaign file: what it may hold, and how its times are moved to today."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from pathlib import Path
from typing import Any

Json = dict[str, Any]

INSTANT = re.compile(r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?P<offset>Z|[+-]\d{2}:?\d{2})?")
DECIMAL = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,3})?")
DECISIONS = ("released", "refused")

# For each kind of object: the keys it must have, and those it may have.
KEYS: dict[str, tuple[str, str]] = {
    "campaign": ("", "about equipment lot other_lots synthesis labelings"),
    "equipment": ("code kind", "name serial"),
    "lot": ("material lot expires_at", "kind name identity stated volume received"),
    "batch": (
        "protocol",
        """specification identity started_at reason entries timers test_results
        expected_results expected_expiry expected_release""",
    ),
    "entry": ("step field value", "unit at equipment reason"),
    "timer": ("step started_at", "stopped_at reason"),
    "expected result": ("value", "unit rel_tol"),
    "expected release": ("decision", "blockers"),
}
NAMES = {
    "code",
    "kind",
    "material",
    "lot",
    "identity",
    "protocol",
    "specification",
    "step",
    "field",
    "equipment",
    "unit",
}


class CampaignFileError(Exception):
    """The campaign file cannot be used; the sentence says where and why."""


@dataclass(frozen=True, slots=True)
class Campaign:
    content: Json
    unknown_keys: tuple[str, ...]
    shifted_by_seconds: int = 0

    @property
    def lots(self) -> list[Json]:
        first = [self.content["lot"]] if "lot" in self.content else []
        return [*first, *self.content.get("other_lots", [])]

    @property
    def equipment(self) -> list[Json]:
        return list(self.content.get("equipment", []))

    @property
    def batches(self) -> list[tuple[str, Json]]:
        """(name, plan) in the order in which they are made: the synthesis first."""
        synthesis = [("synthesis", self.content["synthesis"])] if "synthesis" in self.content else []
        plans: list[Json] = self.content.get("labelings", [])
        return [*synthesis, *((f"labeling {n}", plan) for n, plan in enumerate(plans, start=1))]

    def moved_to(self, now: datetime) -> Campaign:
        """All times later by one constant, in whole seconds, so that the last reading was a minute before `now`."""
        last = max(self._measured_at(), default=None)
        if last is None:
            return self
        target = (now - timedelta(minutes=1)).timestamp()
        seconds = int((target - last.timestamp()) // 1)
        return Campaign(_moved(self.content, timedelta(seconds=seconds)), self.unknown_keys, seconds)

    def readings(self) -> Iterator[tuple[str, datetime]]:
        """(instrument, instant) of everything that was read on an instrument."""
        rows = [lot["received"] for lot in self.lots if "received" in lot]
        rows += [entry for _, plan in self.batches for entry in plan.get("entries", [])]
        for row in rows:
            if "at" in row and "equipment" in row:
                yield row["equipment"], instant(row["at"])

    def _measured_at(self) -> Iterator[datetime]:
        """Instants that have passed: readings, timers and starts. Expiries and stated activities may lie ahead."""
        for lot in self.lots:
            yield from _instants(lot.get("received", {}), "at")
        for _, plan in self.batches:
            yield from _instants(plan, "started_at")
            for entry in plan.get("entries", []):
                yield from _instants(entry, "at")
            for timer in plan.get("timers", []):
                yield from _instants(timer, "started_at", "stopped_at")
            for reading in _readings_within(plan.get("test_results", {})):
                yield from _instants(reading, "at")


def read_campaign(path: Path) -> Campaign:
    try:
        # Numbers stay the text they were written as: neither a digit nor a trailing zero is lost on the way.
        content = json.loads(path.read_text(encoding="utf-8"), parse_float=str, parse_int=str)
    except OSError as error:
        raise CampaignFileError(f"The campaign file {path} cannot be read: {error.strerror}.") from error
    except ValueError as error:
        raise CampaignFileError(f"The campaign file {path} is not JSON: {error}.") from error
    unknown: list[str] = []
    _check(content, unknown)
    _check_instants(content, "campaign")
    campaign = Campaign(content, tuple(unknown))
    campaign.moved_to(datetime.now(UTC))  # a time that is none is told now, and not when half the work is done
    return campaign


def instant(text: Any) -> datetime:
    if not isinstance(text, str) or not INSTANT.fullmatch(text):
        raise CampaignFileError(f"{text!r} in the campaign file stands where a time with its offset is needed.")
    return datetime.fromisoformat(text)


def number(text: Any) -> Fraction | None:
    """The exact value of a decimal text such as 46.86 or 8.291e+07; None where it is not a number."""
    return Fraction(text) if isinstance(text, str) and DECIMAL.fullmatch(text) else None


def _check(content: Any, unknown: list[str]) -> None:
    _keys("campaign", content, "campaign", unknown)
    _each("equipment", content.get("equipment", []), "equipment", unknown)
    _each("other_lots", content.get("other_lots", []), "lot", unknown)
    if "lot" in content:
        _keys("lot", content["lot"], "lot", unknown)
    for lot in [content.get("lot", {}), *content.get("other_lots", [])]:
        _object("received", lot.get("received", {}))
    if "synthesis" in content:
        _check_batch("synthesis", content["synthesis"], unknown)
    for n, plan in enumerate(_list("labelings", content.get("labelings", []))):
        _check_batch(f"labelings[{n}]", plan, unknown)
    if not content.get("synthesis") and not content.get("labelings"):
        raise CampaignFileError("The campaign has no batch: it needs a synthesis or labelings.")
    named = [entry for plan in _plans(content) for entry in plan.get("entries", []) if isinstance(entry["value"], dict)]
    for entry in named:
        if entry["value"] != {"batch": "synthesis"} or "synthesis" not in content:
            raise CampaignFileError(
                f"{entry['step']}.{entry['field']} has the value {json.dumps(entry['value'])}; "
                'an object can only be {"batch": "synthesis"}, in a campaign that has a synthesis.'
            )


def _check_batch(where: str, plan: Any, unknown: list[str]) -> None:
    _keys(where, plan, "batch", unknown)
    _each(f"{where}.entries", plan.get("entries", []), "entry", unknown)
    _each(f"{where}.timers", plan.get("timers", []), "timer", unknown)
    _object(f"{where}.test_results", plan.get("test_results", {}))
    if "expected_expiry" in plan:
        instant(plan["expected_expiry"])
    for key, expected in _object(f"{where}.expected_results", plan.get("expected_results", {})).items():
        _keys(f"{where}.expected_results.{key}", expected, "expected result", unknown)
        for part in ("value", "rel_tol"):
            if part in expected and number(expected[part]) is None:
                raise CampaignFileError(
                    f"{where}.expected_results.{key} has the {part} {expected[part]!r}, not a number."
                )
    if "expected_release" in plan:
        release = plan["expected_release"]
        _keys(f"{where}.expected_release", release, "expected release", unknown)
        _list(f"{where}.expected_release.blockers", release.get("blockers", []))
        if release["decision"] not in DECISIONS:
            raise CampaignFileError(
                f"{where}.expected_release has the decision {release['decision']!r}; it can be released or refused."
            )


def _keys(where: str, node: Any, kind: str, unknown: list[str]) -> None:
    required, optional = (words.split() for words in KEYS[kind])
    missing = [key for key in required if key not in _object(where, node)]
    if missing:
        raise CampaignFileError(f"{where} in the campaign file lacks {', '.join(missing)}.")
    for key in NAMES & node.keys() if kind != "campaign" else ():
        if not isinstance(node[key], str):
            raise CampaignFileError(f"{where}.{key} in the campaign file must be a text.")
    for key in [key for key in node if key not in required and key not in optional]:
        unknown.append(f"{where}.{key}")
        del node[key]


def _each(where: str, nodes: Any, kind: str, unknown: list[str]) -> None:
    for n, node in enumerate(_list(where, nodes)):
        _keys(f"{where}[{n}]", node, kind, unknown)


def _list(where: str, node: Any) -> list[Any]:
    if not isinstance(node, list):
        raise CampaignFileError(f"{where} in the campaign file must be a list.")
    return node


def _object(where: str, node: Any) -> Json:
    if not isinstance(node, dict):
        raise CampaignFileError(f"{where} in the campaign file must be an object with named values.")
    return node


def _plans(content: Json) -> list[Json]:
    return [plan for plan in [content.get("synthesis"), *content.get("labelings", [])] if plan]


def _check_instants(node: Any, where: str) -> None:
    """Every text that is a date with a time is an instant, wherever it stands."""
    if isinstance(node, dict):
        for key, value in node.items():
            _check_instants(value, f"{where}.{key}")
    elif isinstance(node, list):
        for n, value in enumerate(node):
            _check_instants(value, f"{where}[{n}]")
    elif isinstance(node, str) and (match := INSTANT.fullmatch(node)):
        if match["offset"] is None:
            raise CampaignFileError(
                f"{where} is {node}, a time without its offset from UTC; write for example {node}Z."
            )
        try:
            instant(node)
        except ValueError as error:
            raise CampaignFileError(f"{where} is {node}, which is not a time: {error}.") from error


def _moved(node: Any, by: timedelta) -> Any:
    if isinstance(node, dict):
        return {key: _moved(value, by) for key, value in node.items()}
    if isinstance(node, list):
        return [_moved(value, by) for value in node]
    if isinstance(node, str) and INSTANT.fullmatch(node):
        return (instant(node) + by).isoformat()
    return node


def _instants(node: Json, *keys: str) -> Iterator[datetime]:
    for key in keys:
        if key in node:
            yield instant(node[key])


def _readings_within(node: Any) -> Iterator[Json]:
    """A formula's inputs hold readings at any depth; a planned time among them is not a reading."""
    if isinstance(node, dict):
        if "value" in node and "at" in node:
            yield node
        for value in node.values():
            yield from _readings_within(value)
    elif isinstance(node, list):
        for value in node:
            yield from _readings_within(value)
