"""What a batch record points out: the footnotes of a step, what is unusual, who and what took part."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString

from lims.records.templatetags.record_format import duration, instant_at, moment, nuclides, person, spelled, unit

register = template.Library()

Json = Mapping[str, Any]
ISO_INSTANT = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d")
LETTERS = "abcdefghijklmnopqrstuvwxyz"


@register.simple_tag
def footnotes(step: Json, zone: str) -> dict[str, Any]:
    """`marks` by entry, `notes` in their order. Entries that are late for the same reason share a note."""
    marks: dict[Any, list[str]] = {}
    notes: list[tuple[str, SafeString]] = []
    remarks: dict[str, list[Any]] = {}
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
            remarks.setdefault(str(warning), []).append(entry["id"])
        if entry["reason"] and not entry["late"] and not entry["corrects"]:
            remarks.setdefault(f"Remark: {_sentence(entry['reason'])}", []).append(entry["id"])
    for remark, ids in remarks.items():
        _note(marks, notes, ids, format_html("{}", remark))
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
    timers = sum(1 for step in batch["steps"] if step["timer"] and step["timer"]["conforms"] is False)
    beyond = [result for result in batch["results"] if result["limit_state"] in ("warning", "action")]
    failed = [test for test in batch["tests"] if test["verdict"] in ("fail", "inconclusive")]
    lacking = [t for t in batch["tests"] if t["verdict"] == "missing" and t["required_before"] == "release"]
    flagged = sum(1 for result in batch["results"] if result["flags"] or result.get("error"))
    later = [t for t in batch["tests"] if t["verdict"] == "missing" and t["required_before"] != "release"]
    loose = sum(1 for signature in batch["signatures"] if signature.get("holds") is False)
    invalidated = sum(len(test["invalidated"]) for test in batch["tests"])
    retyped = sum(len(test.get("corrected", ())) for test in batch["tests"])
    early = sum(1 for test in batch["tests"] if test.get("before_product"))
    found = [
        (len(batch["deviations"]), "deviation", "deviations", "3"),
        (outside, "value outside its range", "values outside their range", "1"),
        (corrected, "corrected value", "corrected values", "1"),
        (late, "late entry", "late entries", "1"),
        (unchecked, "critical value without a second check", "critical values without a second check", "1"),
        (missing, "field without a value", "fields without a value", "1"),
        (timers, "timer outside its range", "timers outside their range", "1"),
        (len(beyond), "result beyond a limit", "results beyond a limit", "2"),
        (flagged, "result with a flag", "results with a flag", "2"),
        (len(failed), "test not passed", "tests not passed", "4"),
        (len(lacking), "test without a result", "tests without a result", "4"),
        (retyped, "corrected test result", "corrected test results", "4"),
        (early, "test made before the product was measured", "tests made before the product was measured", "4"),
        (invalidated, "invalidated test result", "invalidated test results", "4"),
        (loose, "signature that no longer holds", "signatures that no longer hold", "5"),
        (len(later), "test still to come after release", "tests still to come after release", "4"),
    ]
    return [
        {"count": str(count), "what": one if count == 1 else many, "section": section}
        for count, one, many, section in found
        if count
    ]


@register.simple_tag
def same_working(results: Sequence[Json], result: Json) -> str:
    """The title of an earlier result that was worked out by the same lines."""
    for earlier in results:
        if earlier["key"] == result["key"]:
            return ""
        if earlier["worked"] and _calculation(earlier) == _calculation(result):
            return str(earlier["title"])
    return ""


def _calculation(result: Json) -> list[str]:
    """The lines that calculate; which inputs had no uncertainty differs between outputs of one formula."""
    return [line for line in str(result["worked"]).splitlines() if not line.startswith("Uncertainty not stated")]


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


@register.simple_tag
def arrived(materials: list[Json]) -> list[Json]:
    """The lots that came with an activity. Records asked for before arrivals were printed have none."""
    return [lot for lot in materials if lot.get("stated") or lot.get("received")]


@register.filter
def arrival_said(arrival: Json) -> str:
    """How far the reading lies from what was stated, with its sign."""
    difference = float(arrival["difference_percent"])
    return f"{difference:+.1f} %".replace("-", "−")


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
        add(signature, spelled(signature["meaning"]))
    return [
        {"full_name": p["full_name"], "username": p["username"], "acts": ", ".join(p["acts"])} for p in people.values()
    ]


@register.simple_tag
def covered(batch: Json, signature: Json) -> SafeString:
    """What a signature covers, in the titles of the record: `step wash_1 of ...` is the first wash."""
    said = str(signature["covers"]).removesuffix(f" of {batch['number']}")
    kind, _, key = said.rpartition(" ")
    if kind == "step":
        return nuclides(next((f"Step: {step['title']}" for step in batch["steps"] if step["key"] == key), said))
    if kind == "test":
        return nuclides(next((f"Test: {test['title']}" for test in batch["tests"] if test["key"] == key), said))
    for step in batch["steps"]:
        for field in step["fields"]:
            if said == f"{step['key']}.{field['key']}":
                return nuclides(f"{step['title']}: {field['label']}")
    return nuclides(said[:1].upper() + spelled(said[1:]))


@register.simple_tag
def done(act: Json) -> SafeString:
    """The sentence of an act without its subject, who stands in a column of their own."""
    said = str(act["sentence"]).removeprefix(person(act["actor"])).strip()
    return nuclides(said[:1].upper() + said[1:])


@register.simple_tag
def changed(act: Json, zone: str) -> list[dict[str, Any]]:
    """The changes of an act in words; what the reason says already is not said twice."""
    rows = []
    for change in act["changes"]:
        old, new = (_value(change[side], change["field"], zone) for side in ("old", "new"))
        if new != act["reason"]:
            rows.append({"field": change["field"], "old": old, "new": new})
    return rows


def _value(value: object, field: str, zone: str) -> str:
    if value is None:
        return ""
    if ISO_INSTANT.match(str(value)):
        return instant_at(value, zone)
    return spelled(value) if field.endswith("status") else str(value)
