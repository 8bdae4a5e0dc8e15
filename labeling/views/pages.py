"""What every page shares: who may open it, how a refusal stands on a form, and the head of a batch."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import wraps
from typing import Any, ParamSpec

from django.forms import Form
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.utils import timezone

from labeling.domain.lifecycle import BatchStatus
from lims.accounts.pages import View, allowed, page_for
from lims.accounts.roles import Permission
from lims.audit.reasons import ReasonFor, choices_of
from lims.errors import DomainError, Stale
from lims.http import refusals_shown_on
from lims.signatures.meanings import Meaning

P = ParamSpec("P")
Json = Mapping[str, Any]

__all__ = ["Outcome", "act", "allowed", "batch_frame", "carried_out", "page", "page_for", "shown", "zone_hint"]

MEANINGS = {meaning.value: meaning.text for meaning in Meaning}
STAGES = (BatchStatus.PLANNED, BatchStatus.IN_PROGRESS, BatchStatus.QUARANTINE)


def page(view: View[P]) -> View[P]:
    """Signed in and allowed to look; the acts on a page are refused by the services themselves."""
    return page_for(Permission.VIEW)(view)


def act(view: View[P]) -> View[P]:
    """Something is done by POST. Whoever comes to its address otherwise (a reload, a typed address) gets the page."""

    @wraps(view)
    def posted(request: HttpRequest, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
        if request.method == "POST":
            return view(request, *args, **kwargs)
        parts = request.path.strip("/").split("/")
        return redirect(f"/{'/'.join(parts[: 3 if parts[0] in ('protocols', 'specifications') else 2])}/")

    return posted


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a submitted form: done, refused on the form, or met by a newer state of the record."""

    done: bool
    refusal: DomainError | None = None

    @property
    def status(self) -> int:
        return self.refusal.status if self.refusal is not None else 422


def carried_out(form: Form, act: Callable[[], object]) -> Outcome:
    """Run a use-case with a valid form. A refusal stands beside its field, and everything typed stays."""
    kept: DomainError | None = None
    if form.is_valid():
        with refusals_shown_on(form):
            try:
                act()
            except DomainError as refusal:
                kept = refusal
                raise
    if kept is None and not form.errors:
        return Outcome(done=True)
    refused = [name for name in form.fields if name in form.errors]
    for name in refused:
        form.fields[name].widget.attrs["aria-invalid"] = "true"
    visible = [name for name in refused or form.fields if not form.fields[name].widget.is_hidden]
    if visible:
        form.fields[visible[0]].widget.attrs["autofocus"] = True
    return Outcome(done=False, refusal=kept)


def zone_hint() -> str:
    return f"Site time, {timezone.localtime().tzname()}. Empty means now."


def batch_frame(batch: Json, tab: str) -> dict[str, Any]:
    """The context of the header that every page of a batch carries."""
    last = BatchStatus(batch["status"])
    ends = last if last in (BatchStatus.REJECTED, BatchStatus.ON_HOLD) else BatchStatus.RELEASED
    return {
        "batch": batch,
        "tab": tab,
        "stages": [{"word": stage.label, "here": stage is last} for stage in (*STAGES, ends)],
        "zone_hint": zone_hint(),
        "reason_hint": "Needed more than 15 minutes after the fact.",
        "late_reasons": choices_of(ReasonFor.LATE_ENTRY),
        "meanings": MEANINGS,
    }


def shown(request: HttpRequest, template: str, context: dict[str, Any], outcome: Outcome | None = None) -> HttpResponse:
    """A page; where a form was refused, the same page with that form, what changed, and the refusal's status."""
    if outcome is not None and isinstance(outcome.refusal, Stale):
        context["changed"] = outcome.refusal.details.get("changes") or [{}]
    return render(request, template, context, status=outcome.status if outcome and not outcome.done else 200)
