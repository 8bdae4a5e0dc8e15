"""What every page shares: who may open it, and how a refusal stands on a form."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any, Concatenate, ParamSpec
from urllib.parse import urlsplit

from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.forms import Form
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render

from lims.accounts.models import User
from lims.accounts.roles import Permission, may
from lims.errors import DomainError, NotFound, PermissionRefused, Stale, TooFast
from lims.http import refusals_shown_on

P = ParamSpec("P")
View = Callable[Concatenate[HttpRequest, P], HttpResponse]


def page_for(permission: Permission) -> Callable[[View[P]], View[P]]:
    def decorate(view: View[P]) -> View[P]:
        @wraps(view)
        def guarded(request: HttpRequest, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
            user = request.user
            if not isinstance(user, User) or not user.is_active:
                return redirect_to_login(_place_of(request))
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


def _place_of(request: HttpRequest) -> str:
    """Where to come back to after signing in: the page, or the page that a form was sent from."""
    if request.method in ("GET", "HEAD"):
        return request.get_full_path()
    came_from = urlsplit(request.headers.get("Referer", ""))
    if came_from.netloc != request.get_host():
        return request.get_full_path()
    return came_from._replace(scheme="", netloc="").geturl() or "/"


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
    if kept is not None:
        _redrawn_as_now(form, kept)
    refused = [name for name in form.fields if name in form.errors]
    for name in refused:
        form.fields[name].widget.attrs["aria-invalid"] = "true"
    visible = [name for name in refused or form.fields if not form.fields[name].widget.is_hidden]
    if visible:
        form.fields[visible[0]].widget.attrs["autofocus"] = True
    return Outcome(done=False, refusal=kept)


def _redrawn_as_now(form: Form, refusal: DomainError) -> None:
    """A refusal that says which revision the record has now is told with the page: the next try counts from there."""
    revision = refusal.details.get("revision")
    if revision is not None and "revision" in form.fields:
        form.data = {**form.data, form.add_prefix("revision"): str(revision)}


def shown(request: HttpRequest, template: str, context: dict[str, Any], outcome: Outcome | None = None) -> HttpResponse:
    """A page; where a form was refused, the same page with that form, what changed, and the refusal's status."""
    if outcome is not None and isinstance(outcome.refusal, Stale):
        context["changed"] = outcome.refusal.details.get("changes") or [{}]
    answer = render(request, template, context, status=outcome.status if outcome and not outcome.done else 200)
    if outcome is not None and isinstance(outcome.refusal, TooFast):
        answer["Retry-After"] = str(outcome.refusal.details["retry_after"])
    return answer
