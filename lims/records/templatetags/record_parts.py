"""What a batch record points out: the footnotes of a step, what is unusual, who and what took part."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from django import template
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from lims.records.barcode import code128
from lims.records.templatetags.record_format import duration, instant_at, moment, person, unit

register = template.Library()

Json = Mapping[str, Any]
BAR_MM = 54
LETTERS = "abcdefghijklmnopqrstuvwxyz"


@register.simple_tag
def barcode(text: str) -> SafeString:
    return code128(text)


@register.simple_tag
def limit_bar(result: Json) -> SafeString:
    """Where the value lies between its limits, drawn; the words stand beside it."""
    limits = [(result["warning_limit"] or {}, "warning"), (result["action_limit"] or {}, "action")]
    bounds = {(kind, end): float(limit[end]) for limit, kind in limits for end in ("min", "max") if limit.get(end)}
    if result["value"] is None or not bounds:
        return SafeString("")
    value = float(result["value"])
    lowest, highest = min(value, *bounds.values()), max(value, *bounds.values())
    margin = 0.15 * (highest - lowest) or abs(value) or 1.0
    start, width = lowest - margin, highest - lowest + 2 * margin

    def place(number: float) -> float:
        return round((number - start) / width * BAR_MM, 2)

    def inner(kind: str) -> tuple[float, float]:
        return place(bounds.get((kind, "min"), start)), place(bounds.get((kind, "max"), start + width))

    action, warning = inner("action"), inner("warning")
    good = max(action[0], warning[0]), min(action[1], warning[1])
    ticks = format_html_join(
        "",
        '<path stroke="#5a6673" stroke-width="0.3" d="M{} 0.3v2.4"/>',
        ((place(number),) for number in bounds.values()),
    )
    return format_html(
        '<svg class="bar" xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {} 3"><g stroke-width="0.8">'
        '<path stroke="#dfe3e8" d="M0 1.5H{}"/><path stroke="#e3c48f" d="M{} 1.5H{}"/>'
        '<path stroke="#93bfa7" d="M{} 1.5H{}"/></g>{}<circle fill="#16202a" cx="{}" cy="1.5" r="0.95"/></svg>',
        BAR_MM,
        BAR_MM,
        *action,
        *good,
        ticks,
        place(value),
    )


@register.simple_tag
def footnotes(step: Json, zone: str) -> dict[str, Any]:
    """`marks` by entry, `notes` in their order. Entries that are late for the same reason share a note."""
    marks: dict[Any, list[str]] = {}
    notes: list[tuple[str, SafeString]] = []
    lateness: dict[str, list[Json]] = {}
    for field in step["fields"]:
        entry = field["entry"]
        if entry is None:
            continue
        for before, after in _corrections(field):
            _note(marks, notes, [after["id"]], _corrected(before, after, zone))
        if entry["late"]:
            lateness.setdefault("" if entry["corrects"] else entry["reason"], []).append(entry)
        for warning in entry["warnings"]:
            _note(marks, notes, [entry["id"]], format_html("{}", warning))
        if entry["reason"] and not entry["late"] and not entry["corrects"]:
            _note(marks, notes, [entry["id"]], format_html("Remark: {}", entry["reason"]))
    for reason, entries in lateness.items():
        _note(marks, notes, [entry["id"] for entry in entries], _late(reason, entries))
    return {"marks": {key: "".join(letters) for key, letters in marks.items()}, "notes": notes}


def _note(marks: dict[Any, list[str]], notes: list[tuple[str, SafeString]], ids: list[Any], text: SafeString) -> None:
    count = len(notes)
    letter = LETTERS[count % 26] * (count // 26 + 1)
    notes.append((letter, text))
    for key in ids:
        marks.setdefault(key, []).append(f" {letter}" if marks.get(key) else letter)


def _corrections(field: Json) -> Iterator[tuple[Json, Json]]:
    """Each replaced entry with the one that replaced it, oldest first."""
    chain = sorted([*field["superseded"], field["entry"]], key=lambda entry: str(entry["recorded_at"]))
    by_corrected = {entry["corrects"]: entry for entry in chain if entry["corrects"] is not None}
    for entry in chain:
        if entry["id"] in by_corrected:
            yield entry, by_corrected[entry["id"]]


def _corrected(before: Json, after: Json, zone: str) -> SafeString:
    return format_html(
        "Changed from <del>{} {}</del> to {} {} by {}, {}. Reason: {} The first value was recorded by {}, {}.",
        before["typed"],
        unit(before["unit"]),
        after["typed"],
        unit(after["unit"]),
        person(after["recorded_by"]),
        instant_at(after["recorded_at"], zone),
        _sentence(after["reason"]),
        person(before["recorded_by"]),
        instant_at(before["recorded_at"], zone),
    )


def _late(reason: str, entries: Sequence[Json]) -> SafeString:
    delays = sorted(
        (recorded - measured).total_seconds()
        for entry in entries
        if (recorded := moment(entry["recorded_at"], "UTC")) and (measured := moment(entry["at"], "UTC"))
    )
    shortest, longest = duration(delays[0]), duration(delays[-1])
    span = shortest if shortest == longest else f"{shortest} to {longest}"
    said = format_html("Late: recorded {} after the measurement.", span)
    return format_html("{} Reason: {}", said, _sentence(reason)) if reason else said


def _sentence(text: str) -> str:
    text = text.strip()
    return text if text.endswith((".", "!", "?", "…")) else f"{text}."


@register.simple_tag
def unusual(batch: Json) -> list[dict[str, str]]:
    """What a reviewer looks at first; an empty list says that nothing departed from the master record."""
    entries = [(field, field["entry"]) for step in batch["steps"] for field in step["fields"] if field["entry"]]
    corrected = sum(len(field["superseded"]) for field, _ in entries)
    late = sum(1 for _, entry in entries if entry["late"])
    outside = sum(1 for _, entry in entries if entry["out_of_range"])
    unchecked = sum(1 for field, entry in entries if field["critical"] and not entry["verified_by"])
    missing = sum(1 for step in batch["steps"] for field in step["fields"] if not field["entry"])
    timers = sum(1 for step in batch["steps"] if step["timer"] and not step["timer"]["conforms"])
    beyond = [result for result in batch["results"] if result["limit_state"] in ("warning", "action")]
    failed = [test for test in batch["tests"] if test["verdict"] in ("fail", "inconclusive")]
    lacking = [t for t in batch["tests"] if t["verdict"] == "missing" and t["required_before"] == "release"]
    later = [t for t in batch["tests"] if t["verdict"] == "missing" and t["required_before"] != "release"]
    invalidated = sum(len(test["invalidated"]) for test in batch["tests"])
    found = [
        (len(batch["deviations"]), "deviation", "deviations", "3"),
        (outside, "value outside its range", "values outside their range", "1"),
        (corrected, "corrected value", "corrected values", "1"),
        (late, "late entry", "late entries", "1"),
        (unchecked, "critical value without a second check", "critical values without a second check", "1"),
        (missing, "field without a value", "fields without a value", "1"),
        (timers, "timer outside its range", "timers outside their range", "1"),
        (len(beyond), "result beyond a limit", "results beyond a limit", "2"),
        (len(failed), "test not passed", "tests not passed", "4"),
        (len(lacking), "test without a result", "tests without a result", "4"),
        (invalidated, "invalidated test result", "invalidated test results", "4"),
        (len(later), "test still to come after release", "tests still to come after release", "4"),
    ]
    return [
        {"count": str(count), "what": one if count == 1 else many, "section": section}
        for count, one, many, section in found
        if count
    ]


@register.simple_tag
def used(batch: Json) -> dict[str, list[dict[str, Any]]]:
    """The lots and batches that went in, and the instruments, each with the steps that name it."""
    lots: dict[str, dict[str, Any]] = {}
    instruments: dict[str, dict[str, Any]] = {}
    for step in batch["steps"]:
        for field in step["fields"]:
            entry = field["entry"]
            if entry and field["type"] == "lot":
                number = entry["lot"] or entry["typed"]
                lots.setdefault(number, {"number": number, "label": field["label"], "steps": []})
                _once(lots[number]["steps"], step["title"])
            if entry and entry["equipment"]:
                code = entry["equipment"]
                instruments.setdefault(code, {"code": code, "kind": field["equipment_kind"] or "", "steps": []})
                _once(instruments[code]["steps"], step["title"])
    return {"lots": list(lots.values()), "instruments": [instruments[code] for code in sorted(instruments)]}


def _once(titles: list[str], title: str) -> None:
    if title not in titles:
        titles.append(title)


@register.simple_tag
def taking_part(batch: Json) -> list[dict[str, str]]:
    """Everybody whose name stands in the record, with what they did."""
    people: dict[str, dict[str, Any]] = {}

    def add(someone: Any, act: str) -> None:
        if isinstance(someone, Mapping) and someone.get("username"):
            known = people.setdefault(someone["username"], {**someone, "acts": []})
            if act not in known["acts"]:
                known["acts"].append(act)

    add(batch.get("planned_by"), "planned")
    add(batch.get("started_by"), "started")
    for step in batch["steps"]:
        add(step["verified_by"], "verified")
        for field in step["fields"]:
            for entry in [*field["superseded"], field["entry"]]:
                if entry:
                    add(entry["recorded_by"], "recorded")
                    add(entry["verified_by"], "verified")
    for deviation in batch["deviations"]:
        add(deviation["assessed_by"], "assessed")
    for test in batch["tests"]:
        add(test["recorded_by"], "tested")
        add(test["reviewed_by"], "reviewed")
    for signature in batch["signatures"]:
        add(signature, signature["meaning"])
    return [
        {"full_name": p["full_name"], "username": p["username"], "acts": ", ".join(p["acts"])} for p in people.values()
    ]
