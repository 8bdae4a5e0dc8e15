"""The worksheet of a batch: start, record, correct, time. Each field is saved on its own."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.forms import Form
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.defaultfilters import pluralize
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_safe

from labeling.domain.lifecycle import BatchStatus
from labeling.forms.worksheet import HOW, EntryForm, StartForm, TimerForm, VerificationForm
from labeling.selectors.batch import document_of, find_batch, revision_of
from labeling.selectors.clock import database_now
from labeling.selectors.facts import facts_of
from labeling.services.planning import start_batch
from labeling.services.recording import Reading, correct_entry, record_entry
from labeling.services.timers import record_timer
from labeling.views.activity import activity_now
from labeling.views.consigning import handing_over
from labeling.views.pages import Outcome, act, allowed, batch_frame, carried_out, page, shown
from labeling.views.trained import trained_for
from labeling.views.worksheet import (
    entry_form,
    focus_next,
    may_stop,
    missing_of,
    paper_of,
    plus_minus,
    series_of,
    sheet_entered,
    site_choices,
    steps_of,
    waits_of,
)
from lims.accounts.actors import actor_of
from lims.accounts.forms import SignatureForm
from lims.accounts.roles import Permission
from lims.errors import NotFound
from lims.headers import with_webassembly


@page
@require_safe
def batch(request: HttpRequest, number: str) -> HttpResponse:
    return worksheet(request, number)


@page
@require_safe
def live(request: HttpRequest, number: str) -> HttpResponse:
    """The steps and results as they are now, for a page that looks again by itself; 304 while nothing has changed."""
    revision = f'"{revision_of(find_batch(number))}"'
    if request.headers.get("If-None-Match") == revision:
        answer = HttpResponse(status=304)
    else:
        answer = shown(request, "labeling/worksheet.html", _context(request, number, None, {}))
    answer.headers["ETag"] = revision
    answer.headers["Oxinate-Now"] = database_now().isoformat()
    answer.headers["Oxinate-Person"] = actor_of(request).user.username
    answer.headers["Cache-Control"] = "no-store"
    return answer


def worksheet(request: HttpRequest, number: str, outcome: Outcome | None = None, **forms: Form) -> HttpResponse:
    """The page of the work, with the form that was refused (`entry`, `timer`, `verify`, ...) as it was typed."""
    return with_webassembly(
        shown(request, "labeling/batch_work.html", _context(request, number, outcome, forms), outcome)
    )


def _context(request: HttpRequest, number: str, outcome: Outcome | None, forms: Mapping[str, Form]) -> dict[str, Any]:
    facts = facts_of(find_batch(number))
    document = document_of(facts)
    trained = trained_for(request, facts.batch)
    in_progress = document["status"] == BatchStatus.IN_PROGRESS
    clearance = document["line_clearance"]
    works = in_progress and trained.makes
    writable = works and (clearance is None or clearance["is_clear"])
    entry = forms.get("entry")
    bound = entry if isinstance(entry, EntryForm) else None
    steps = steps_of(document, choices=site_choices(document), writable=writable, bound=bound)
    at = request.GET.get("at", "")
    next_field, reached = focus_next(steps, at=at) if outcome is None else ("", "")
    verify_allowed = in_progress and (works or trained.verifies)
    missing = missing_of(document)
    series = series_of(steps, forms.get("verify-series")) if verify_allowed else None
    context = {
        **batch_frame(document, "work"),
        "activity": activity_now(facts, at=timezone.now()),
        "steps": steps,
        "waits": waits_of(facts),
        "writable": writable,
        "verify_allowed": verify_allowed,
        "series": series,
        "untrained": trained.untrained,
        "missing": missing,
        "autofocus": next_field,
        "timer_form": forms.get("timer"),
        "paper": paper_of(document),
        "verify_form": forms.get("verify"),
        "start_form": forms.get("start") or _start_form(document, makes=trained.makes),
        # Nobody is asked to sign a completion that would be refused: what is missing stands in its place.
        "complete_form": None if missing or not writable else forms.get("complete") or _signature(document, "complete"),
        "may_report": in_progress and allowed(request, Permission.REPORT_DEVIATION),
        "complete_signed": _completion(document),
        "clearance": clearance if in_progress else None,
        "clear_form": forms.get("clear") or (_signature(document, "clear") if works else None),
        "verify_line_form": forms.get("verify-line") or _signature(document, "verify-line"),
        "verify_entry_form": forms.get("verify-entry"),
        **handing_over(request, facts.batch, document["revision"], refused=forms.get("dispatch")),
        "scan_prefix": settings.SCAN_PREFIX,
        "unfolded": {at, reached}
        | _unfolded(
            steps,
            for_verifier=allowed(request, Permission.VERIFY) and series is None,
            writable=writable and series is None,
            refused=forms,
        ),
        "plus_minus": plus_minus(document),
        "now": database_now(),
        "zone": timezone.get_current_timezone_name(),
    }
    if outcome is not None and not outcome.done:
        _raise_a_stray_refusal(context, forms)
    return context


def _signature(document: Mapping[str, Any], name: str) -> SignatureForm:
    return SignatureForm(slug=name, initial={"revision": document["revision"]})


def _start_form(document: Mapping[str, Any], *, makes: bool) -> StartForm | None:
    if "start" not in document["actions"] or not makes:
        return None
    return StartForm(slug="start", sheet=sheet_entered(document), initial={"revision": document["revision"]})


def _completion(document: Mapping[str, Any]) -> list[tuple[str, str]]:
    fields = [item for step in document["steps"] for item in step["fields"]]
    values = sum(item["entry"] is not None for item in fields)
    corrected = sum(len(item["superseded"]) for item in fields)
    opened = len(document["deviations"])
    return [
        ("Batch", f"{document['number']}, {document['product']}"),
        ("Protocol", f"{document['protocol']['code']} version {document['protocol']['version']}"),
        ("Record", f"{values} value{pluralize(values)}, {corrected} corrected, {opened} deviation{pluralize(opened)}"),
    ]


def _unfolded(steps: list[Any], *, for_verifier: bool, writable: bool, refused: Mapping[str, Form]) -> set[str]:
    """The steps that stand open: one with a refused form, and those to verify where that is what there is to do."""
    nothing_else = writable and not any(step.place == "current" for step in steps)
    waiting = {step.json["key"] for step in steps if step.place == "verify" and (for_verifier or nothing_else)}
    entry, verification = refused.get("entry"), refused.get("verify")
    if entry is not None:
        waiting.add(str(entry["step"].value()))
    timer = refused.get("timer")
    if isinstance(timer, TimerForm):
        waiting.add(timer.step_key)
    if isinstance(verification, VerificationForm):
        waiting.add(verification.step_key)
    return waiting


def _raise_a_stray_refusal(context: dict[str, Any], forms: Mapping[str, Form]) -> None:
    """A refused form whose place is no longer on the page still says why at the top of it."""
    placed = {
        "start": context["start_form"] is not None,
        "complete": context["complete_form"] is not None,
        "dispatch": context["dispatch_form"] is not None,
        "clear": context["clearance"] is not None,
        "verify-line": context["clearance"] is not None,
        "verify-entry": any(slot.needs_check for step in context["steps"] for slot in step.slots),
        "verify-series": context["series"] is not None,
        "entry": any(slot.is_open for step in context["steps"] for slot in step.slots),
        "timer": context["writable"],
        "verify": any(
            step.awaits_second_person and step.json["key"] == getattr(forms.get("verify"), "step_key", "")
            for step in context["steps"]
        ),
    }
    for name, form in forms.items():
        if not placed.get(name, name.startswith("assess")):
            context["refusal"] = " ".join(str(error) for errors in form.errors.values() for error in errors)


@page
@act
def start(request: HttpRequest, number: str) -> HttpResponse:
    form = StartForm(request.POST, slug="start", sheet=sheet_entered(document_of(facts_of(find_batch(number)))))
    outcome = carried_out(
        form,
        lambda: start_batch(
            actor=actor_of(request),
            number=number,
            started_at=form.cleaned_data["started_at"],
            reason=form.cleaned_data["reason"],
            revision=form.cleaned_data["revision"],
        ),
    )
    return redirect("labeling:batch", number) if outcome.done else worksheet(request, number, outcome, start=form)


@page
@act
def entry(request: HttpRequest, number: str) -> HttpResponse:
    """Record one value, or correct the one that the page showed (`seen`)."""
    document = document_of(facts_of(find_batch(number)))
    step_key, field_key = request.POST.get("step", ""), request.POST.get("field", "")
    definition = _definition(document, step_key, field_key)
    form = entry_form(step_key, definition, choices=site_choices(document), data=request.POST)
    outcome = carried_out(form, lambda: _record(request, number, form.cleaned_data))
    if not outcome.done:
        return worksheet(request, number, outcome, entry=form)
    # After a first value the work goes on at the next field, which the page focuses; a correction stays where it was.
    current = next((step["key"] for step in document["steps"] if step["state"] == "open"), step_key)
    ahead = f"?at={step_key}" if step_key != current else ""
    return redirect(reverse("labeling:batch", args=[number]) + (f"#{form.slug}" if form.correcting else ahead))


def _record(request: HttpRequest, number: str, typed: Mapping[str, Any]) -> None:
    reading = Reading(
        value=typed["value"],
        unit=typed["unit"],
        u=typed.get("u", ""),
        at=typed["at"],
        equipment=typed.get("equipment", ""),
        reason=typed["reason"],
        **{name: typed.get(name, "") for name in HOW},
    )
    if typed["seen"]:
        saved = correct_entry(actor=actor_of(request), number=number, entry_id=typed["seen"], reading=reading)
    else:
        saved = record_entry(
            actor=actor_of(request), number=number, step=typed["step"], field=typed["field"], reading=reading
        )
    for warning in saved.warnings:
        messages.warning(request, warning, extra_tags="warn")


def _definition(document: Mapping[str, Any], step_key: str, field_key: str) -> Mapping[str, Any]:
    for step in document["steps"]:
        for item in step["fields"]:
            if (step["key"], item["key"]) == (step_key, field_key):
                found: Mapping[str, Any] = item
                return found
    raise NotFound(f"The protocol of {document['number']} has no field {step_key}.{field_key}.")


@page
@act
def timer(request: HttpRequest, number: str) -> HttpResponse:
    document = document_of(facts_of(find_batch(number)))
    steps = {step["key"]: step for step in document["steps"]}
    asked = steps.get(request.POST.get("step", ""))
    stop = may_stop(asked["timer"]) if asked else None
    form = TimerForm(request.POST, slug="timer", may_stop=stop, paper=paper_of(document))

    def do() -> None:
        at: datetime | None = form.cleaned_data["at"]
        record_timer(
            actor=actor_of(request),
            number=number,
            step=form.cleaned_data["step"],
            event=form.cleaned_data["event"],
            at=at,
            reason=form.cleaned_data["reason"],
        )

    outcome = carried_out(form, do)
    if not outcome.done:
        return worksheet(request, number, outcome, timer=form)
    step = form.cleaned_data["step"]
    return redirect(f"{reverse('labeling:batch', args=[number])}?at={step}#{step}")
