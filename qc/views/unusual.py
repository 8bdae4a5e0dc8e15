"""What a person who decides should look at first: whatever departed from the usual in the making of a batch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from django.urls import reverse

from labeling.domain.display import display_unit

Json = Mapping[str, Any]


def unusual_of(batch: Json) -> list[dict[str, str]]:
    """Exceptions in the order of the work, each with the place where its evidence stands."""
    work = reverse("labeling:batch", args=[batch["number"]])
    tests = reverse("qc:tests", args=[batch["number"]])
    rows = [*_start(batch), *_late(batch), *_entries(batch), *_warned(batch), *_deviations(batch), *_results(batch)]
    return [{**row, "href": work + row["href"]} for row in rows] + [
        {**row, "href": tests + row["href"]} for row in _tests(batch)
    ]


def _item(tone: str, word: str, text: str, anchor: str) -> dict[str, str]:
    return {"tone": tone, "word": word, "text": text, "href": f"#{anchor}"}


def quoted(text: str) -> str:
    """What a person wrote, in quotation marks, with one full stop at its end."""
    return f"“{text}”" if text.rstrip().endswith((".", "!", "?")) else f"“{text}”."


def _typed(entry: Json) -> str:
    return f"{entry['typed']} {display_unit(entry['unit'])}".rstrip()


def _start(batch: Json) -> Iterator[dict[str, str]]:
    if batch["start_reason"]:
        yield _item(
            "warning", "After the fact", f"The start was recorded later: {quoted(batch['start_reason'])}", "content"
        )


def _late(batch: Json) -> Iterator[dict[str, str]]:
    """Values recorded after the fact, those with one reason together."""
    by_reason: dict[str, list[tuple[str, str]]] = {}
    for step in batch["steps"]:
        for field in step["fields"]:
            entry = field["entry"]
            if entry is not None and entry["late"] and not field["superseded"]:
                by_reason.setdefault(entry["reason"], []).append((field["label"], f"{step['key']}.{field['key']}"))
    for reason, rows in by_reason.items():
        names = ", ".join(label for label, _ in rows)
        yield _item("warning", "Late", f"Recorded later: {names}. {quoted(reason)}", rows[0][1])


def _entries(batch: Json) -> Iterator[dict[str, str]]:
    told = {deviation["entry"] for deviation in batch["deviations"]}
    for step in batch["steps"]:
        for field in step["fields"]:
            entry, anchor = field["entry"], f"{step['key']}.{field['key']}"
            if entry is None:
                continue
            value = f"{field['label']}: {_typed(entry)}"
            if field["superseded"]:
                old = ", ".join(_typed(earlier) for earlier in field["superseded"])
                yield _item("warning", "Corrected", f"{value}, before {old}. {quoted(entry['reason'])}", anchor)
            if entry["out_of_range"] and entry["id"] not in told:  # its deviation says the same, and more
                yield _item("fail", "Out of range", f"{value}.", anchor)


def _warned(batch: Json) -> Iterator[dict[str, str]]:
    """What a reading was warned of, those with one warning together."""
    by_warning: dict[str, list[tuple[str, str]]] = {}
    for step in batch["steps"]:
        for field in step["fields"]:
            for warning in field["entry"]["warnings"] if field["entry"] else ():
                by_warning.setdefault(warning, []).append((field["label"], f"{step['key']}.{field['key']}"))
    for warning, rows in by_warning.items():
        yield _item("warning", "Warned", f"{', '.join(label for label, _ in rows)}. {warning}", rows[0][1])


def _deviations(batch: Json) -> Iterator[dict[str, str]]:
    for deviation in batch["deviations"]:
        assessed = deviation["status"] == "assessed"
        text = f"{deviation['text']} Assessed: {quoted(deviation['assessment'])}" if assessed else deviation["text"]
        yield _item("assessed" if assessed else "open", "Deviation", text, f"deviation-{deviation['id']}")


def _results(batch: Json) -> Iterator[dict[str, str]]:
    for result in batch["results"]:
        if result["limit_state"] in ("warning", "action"):
            text = f"{result['title']}: {result['display']}."
            yield _item(result["limit_state"], "Limit", text, f"result-{result['key']}")
        if "above_100_percent" in result["flags"]:
            yield _item("warning", "Over 100 %", f"{result['title']}: {result['display']}.", f"result-{result['key']}")


def _tests(batch: Json) -> Iterator[dict[str, str]]:
    for test in batch["tests"]:
        if product := test["before_product"]:
            why = f" {quoted(test['reason'])}" if test["reason"] else ""
            text = f"{test['title']} was tested before the product was measured ({product['label']}).{why}"
            yield _item("warning", "Before the product", text, test["key"])
        for earlier in test["corrected"]:
            text = f"{test['title']}: {test['display']}, before {earlier['display']}. {quoted(earlier['why'])}"
            yield _item("warning", "Corrected", text, test["key"])
        for earlier in test["invalidated"]:
            who = earlier["invalidated_by"]["full_name"]
            text = f"{test['title']}: {earlier['display']} does not count, says {who}: {quoted(earlier['cause'])}"
            yield _item("warning", "Invalidated", text, test["key"])
