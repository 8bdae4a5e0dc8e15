"""The worksheet of a batch as a page shows it: its steps in order, each field with the form that fills it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from math import ceil
from typing import Any

from django.forms import Form
from django.utils import timezone

from labeling.domain.lifecycle import BatchStatus
from labeling.forms.worksheet import HOW, Calibrated, EntryForm, Paper, SeriesVerificationForm
from labeling.selectors.facts import BatchFacts
from labeling.selectors.instrument_rows import instrument_rows
from labeling.selectors.stock import instruments, usable_lots
from lims.accounts.forms import SignatureForm

Json = Mapping[str, Any]
MOST_LOTS_OFFERED = 200


@dataclass(frozen=True, slots=True)
class Choices:
    """What the site has for a field to choose from: instruments by kind, usable lots by material."""

    instruments: Mapping[str, Sequence[str]] = field(default_factory=dict)
    lots: Mapping[str, Sequence[str]] = field(default_factory=dict)
    unchecked: frozenset[str] = frozenset()  # instruments without a passed check today
    calibrated: Mapping[str, Calibrated] = field(default_factory=dict)  # by kind of instrument
    paper: Paper | None = None  # the sheet that is being entered


@dataclass(frozen=True, slots=True)
class Slot:
    """One field of a step, its current entry, and the form under it."""

    json: Json
    form: EntryForm | None
    is_open: bool

    @property
    def needs_check(self) -> bool:
        entry = self.json["entry"]
        return bool(entry and self.json["critical"] and not entry["verified_by"])

    @property
    def blank_verification(self) -> SignatureForm:
        return SignatureForm(slug=f"verify-value-{self.json['entry']['id']}")


@dataclass(frozen=True, slots=True)
class Step:
    number: int
    json: Json
    place: str  # done, current, verify, later or closed
    slots: list[Slot]
    still_running: Sequence[str] = ()  # the titles of earlier steps whose timer runs: by the protocol they end first

    @property
    def may_stop(self) -> datetime | None:
        """When the running timer has reached its minimum."""
        return may_stop(self.json["timer"])

    @property
    def minutes_too_soon(self) -> int:
        """How many minutes a stop now would come too soon, begun ones counted; 0 where it would not."""
        moment = self.may_stop
        return max(ceil((moment - timezone.now()).total_seconds() / 60), 0) if moment else 0

    @property
    def awaits_second_person(self) -> bool:
        timer = self.json["timer"]
        recorded = all(slot.json["entry"] for slot in self.slots) and not (timer and not timer["stopped_at"])
        whole = self.json["verified_by_second_person"] and not self.json["verified_by"]
        return recorded and bool(whole or any(slot.needs_check for slot in self.slots))

    @property
    def blank_verification(self) -> SignatureForm:
        return SignatureForm(slug=f"verify-{self.json['key']}")

    @property
    def is_unusual(self) -> bool:
        """Whether something in it asks for a second look: a value out of range, late or corrected, a timer outside."""
        timer = self.json["timer"]
        entries = [slot.json["entry"] for slot in self.slots if slot.json["entry"]]
        marked = any(entry["out_of_range"] or entry["late"] or entry["corrects"] for entry in entries)
        return marked or bool(timer and timer["conforms"] is False)


@dataclass(frozen=True, slots=True)
class Series:
    """The steps that await the second person, under one form that signs for all that are ticked."""

    steps: list[Step]
    form: Form

    @property
    def ticked(self) -> frozenset[str]:
        chosen = self.form.chosen if isinstance(self.form, SeriesVerificationForm) else None
        return frozenset(step.json["key"] for step in self.steps) if chosen is None else chosen


def series_of(steps: Sequence[Step], refused: Form | None) -> Series | None:
    """Where two steps or more await the second person; a single one has its own form."""
    waiting = [step for step in steps if step.awaits_second_person]
    if len(waiting) < 2:
        return None
    return Series(waiting, refused or SeriesVerificationForm(slug=SeriesVerificationForm.SLUG))


def may_stop(timer: Json | None) -> datetime | None:
    if not timer or not timer["started_at"] or timer["stopped_at"] or not timer["min_minutes"]:
        return None
    return datetime.fromisoformat(timer["started_at"]) + timedelta(minutes=float(timer["min_minutes"]))


def steps_of(batch: Json, *, choices: Choices, writable: bool, bound: EntryForm | None = None) -> list[Step]:
    """Every step with its place on the page. `bound` is the form that was refused, shown again as it was typed."""
    current = next((step["key"] for step in batch["steps"] if step["state"] == "open"), None)
    return [
        Step(
            number=position,
            json=step,
            place=_place(step, is_current=step["key"] == current, writable=writable),
            slots=[
                _slot(step, item, choices=choices, writable=writable and not step["stopped"], bound=bound)
                for item in step["fields"]
            ],
            still_running=_still_running(batch["steps"][: position - 1]) if writable and _has_room(step) else (),
        )
        for position, step in enumerate(batch["steps"], start=1)
    ]


def _still_running(earlier: Sequence[Json]) -> list[str]:
    timers = ((step["title"], step["timer"]) for step in earlier if step["timer"])
    return [title for title, timer in timers if timer["started_at"] and not timer["stopped_at"]]


def _has_room(step: Json) -> bool:
    return any(item["entry"] is None for item in step["fields"])


def _place(step: Json, *, is_current: bool, writable: bool) -> str:
    if step["state"] == "done":
        return "done"
    if step["state"] == "to_verify":
        return "verify"
    if not writable:
        return "closed"
    return "current" if is_current else "later"


def _slot(step: Json, item: Json, *, choices: Choices, writable: bool, bound: EntryForm | None) -> Slot:
    refused = bound if bound is not None and bound.slug == f"{step['key']}.{item['key']}" else None
    form = refused or (entry_form(step["key"], item, choices=choices) if writable else None)
    return Slot(json=item, form=form, is_open=refused is not None)


def entry_form(step_key: str, item: Json, *, choices: Choices, data: Mapping[str, Any] | None = None) -> EntryForm:
    return EntryForm(
        data,
        step_key=step_key,
        definition=item,
        instruments=choices.instruments.get(item["equipment_kind"] or "", ()),
        unchecked=choices.unchecked,
        calibrated=choices.calibrated.get(item["equipment_kind"] or "", {}),
        lots=choices.lots.get(item["material"] or "", ()) if item["type"] == "lot" else (),
        correcting=item["entry"] is not None,
        paper=choices.paper,
    )


def focus_next(steps: Sequence[Step], *, at: str) -> tuple[str, str]:
    """Put the cursor where the typing goes on: the first empty field of the current step, or from the step `at` on.

    Gives the field's name and its step's key; both empty where there is nothing to type.
    """
    order = [step for step in steps if step.place == "current"]
    worked_on = next((position for position, step in enumerate(steps) if step.json["key"] == at), None)
    if worked_on is not None:
        order = [*steps[worked_on:], *order]
    for step in order:
        for slot in step.slots:
            if slot.form and slot.json["entry"] is None:
                slot.form.fields["value"].widget.attrs["autofocus"] = True
                return str(slot.form.slug), step.json["key"]
    return "", ""


def plus_minus(document: Json) -> str:
    """What the ± of this page's results means, and nothing where there is none."""
    known = [result for result in document["results"] if result["value"] is not None]
    if not any(result["u"] for result in known):
        return ""
    partly = any("uncertainty_incomplete" in result["flags"] for result in known)
    limits = " Some leave out readings that state none: it is said below them." if partly else ""
    return f"± is the expanded uncertainty, k = 2.{limits}"


def waits_of(facts: BatchFacts) -> dict[str, list[str]]:
    """For each result that is not there yet, the labels of the values it waits for."""
    protocol, current = facts.protocol, facts.current
    labels = {f"{step.key}.{item.key}": item.label for step in protocol.steps for item in step.fields}
    absent: dict[str, list[str]] = {}
    for result in protocol.results:
        names = [name for name in result.references if name not in current]
        behind = [label for name in names if name in absent for label in absent[name]]
        waits = [labels[name] for name in names if name in labels]
        absent[result.key] = list(dict.fromkeys([*waits, *behind]))
    return absent


def missing_of(batch: Json) -> list[dict[str, str]]:
    """What still stands between the batch and its completion, each with the place on the page where it is made good."""
    return [{"text": gap["detail"], "link": f"#{gap['field']}"} for gap in batch.get("missing", [])]


def site_choices(batch: Json) -> Choices:
    """The instruments and the usable lots of the site; only for a batch whose steps can still be filled."""
    if batch["status"] != BatchStatus.IN_PROGRESS:
        return Choices()
    by_kind: dict[str, list[str]] = {}
    rows = instrument_rows(list(instruments()))
    for row in rows:
        by_kind.setdefault(str(row["kind"]), []).append(str(row["code"]))
    by_material: dict[str, list[str]] = {}
    for lot in usable_lots(at=timezone.now(), identity=batch["identity"] or "")[:MOST_LOTS_OFFERED]:
        by_material.setdefault(lot.material, []).append(lot.number)
    unchecked = frozenset(str(row["code"]) for row in rows if not row["checked_today"])
    calibrated = {kind: _calibrated(rows, kind, batch["nuclide"]["code"]) for kind in by_kind}
    return Choices(
        instruments=by_kind, lots=by_material, unchecked=unchecked, calibrated=calibrated, paper=paper_of(batch)
    )


def sheet_entered(batch: Json) -> str:
    """The number of the down-time sheet that this batch is entered from, while it is not reconciled."""
    sheet = batch["sheet"]
    return str(sheet["number"]) if sheet and sheet["state"] == "issued" else ""


def paper_of(batch: Json) -> Paper | None:
    """That sheet while values are entered, with the time to go on from."""
    number = sheet_entered(batch)
    if not number or batch["status"] != BatchStatus.IN_PROGRESS:
        return None
    known = [batch["started_at"]]
    for step in batch["steps"]:
        known += [item["entry"]["at"] for item in step["fields"] if item["entry"]]
        known += [step["timer"][end] for end in ("started_at", "stopped_at")] if step["timer"] else []
    return Paper(number, max(datetime.fromisoformat(at) for at in known if at))


def _calibrated(rows: Sequence[Json], kind: str, nuclide: str) -> Calibrated:
    """The settings and geometries that instruments of a kind are calibrated for, each with the instrument's code."""
    periods = [
        (str(row["code"]), period)
        for row in rows
        if row["kind"] == kind
        for period in row["calibrations"]
        if period["nuclide"] in (None, nuclide)
    ]
    return {name: sorted({(str(p[name]), code) for code, p in periods if p[name]}) for name in HOW}
