"""What every page shares: who may open it, how a refusal stands on a form, and the head of a batch."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import wraps
from typing import Any, Concatenate, ParamSpec

from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.forms import Form
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone

from labeling.domain.lifecycle import BatchStatus
from labeling.models import Batch, Lot
from lims.accounts.models import User
from lims.accounts.roles import Permission, may
from lims.errors import DomainError, NotFound, PermissionRefused, Stale
from lims.http import refusals_shown_on
from lims.signatures.meanings import Meaning

P = ParamSpec("P")
View = Callable[Concatenate[HttpRequest, P], HttpResponse]
Json = Mapping[str, Any]

MEANINGS = {meaning.value: meaning.text for meaning in Meaning}
STAGES = (BatchStatus.PLANNED, BatchStatus.IN_PROGRESS, BatchStatus.QUARANTINE)


def page(view: View[P]) -> View[P]:
    """Signed in and allowed to look; the acts on a page are refused by the services themselves."""
    return page_for(Permission.VIEW)(view)


def page_for(permission: Permission) -> Callable[[View[P]], View[P]]:
    def decorate(view: View[P]) -> View[P]:
        @wraps(view)
        def guarded(request: HttpRequest, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
            user = request.user
            if not isinstance(user, User) or not user.is_active:
                return redirect_to_login(request.get_full_path())
            if not may(user, permission):
                roles = ", ".join(user.role_names) or "no role"
                raise PermissionDenied(f"Your role ({roles}) may not {permission.value}.")
            try:
                return view(request, *args, **kwargs)
            except NotFound as refusal:
                raise Http404(refusal.message) from refusal
            except PermissionRefused as refusal:
                raise PermissionDenied(refusal.message) from refusal

        return guarded

    return decorate


def act(view: View[P]) -> View[P]:
    """Something is done by POST. Whoever comes to its address otherwise (a reload, a typed address) gets the page."""

    @wraps(view)
    def posted(request: HttpRequest, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        if request.method == "POST":
            return view(request, *args, **kwargs)
        parts = request.path.strip("/").split("/")
        return redirect(f"/{'/'.join(parts[: 3 if parts[0] in ('protocols', 'specifications') else 2])}/")

    return posted


def allowed(request: HttpRequest, permission: Permission) -> bool:
    """Whether to show the way to an act. The act itself asks again."""
    return isinstance(request.user, User) and may(request.user, permission)


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


def _went_in(batch: Json) -> tuple[dict[str, str], list[str]]:
    """The pages of the lots and batches that went in, by number, and which of them are batches."""
    entries = [item["entry"] for step in batch["steps"] for item in step["fields"]]
    numbers = {entry["lot"] for entry in entries if entry and entry["lot"]}
    links = {lot.number: reverse("labeling:lot", args=[lot.pk]) for lot in Lot.objects.filter(number__in=numbers)}
    made = Batch.objects.filter(number__in=numbers - links.keys()).values_list("number", flat=True).order_by("number")
    sources = list(made)
    return links | {number: reverse("labeling:batch", args=[number]) for number in sources}, sources


def batch_frame(batch: Json, tab: str) -> dict[str, Any]:
    """The context of the header that every page of a batch carries."""
    last = BatchStatus(batch["status"])
    ends = last if last in (BatchStatus.REJECTED, BatchStatus.ON_HOLD) else BatchStatus.RELEASED
    links, sources = _went_in(batch)
    return {
        "batch": batch,
        "went_in": links,
        "sources": sources,
        "tab": tab,
        "stages": [{"word": stage.label, "here": stage is last} for stage in (*STAGES, ends)],
        "zone_hint": zone_hint(),
        "reason_hint": "Needed more than 15 minutes after the fact.",
        "meanings": MEANINGS,
    }


def shown(request: HttpRequest, template: str, context: dict[str, Any], outcome: Outcome | None = None) -> HttpResponse:
    """A page; where a form was refused, the same page with that form, what changed, and the refusal's status."""
    if outcome is not None and isinstance(outcome.refusal, Stale):
        context["changed"] = outcome.refusal.details.get("changes") or [{}]
    return render(request, template, context, status=outcome.status if outcome and not outcome.done else 200)
