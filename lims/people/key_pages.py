"""A person's own security keys: the list, and the two touches that make one count."""

from __future__ import annotations

from collections.abc import Callable

from django.contrib import messages
from django.contrib.auth import login
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from lims.accounts.actors import actor_of
from lims.accounts.attestation import Credential
from lims.accounts.models import User
from lims.accounts.pages import Outcome, carried_out, shown
from lims.accounts.views import asked_at
from lims.errors import DomainError
from lims.people import own_keys, selectors
from lims.people.forms import AddKeyForm, ReasonForm, TouchForm


@never_cache
@sensitive_post_parameters()
@require_http_methods(["GET", "HEAD", "POST"])
def keys(request: HttpRequest) -> HttpResponse:
    """The keys; POST shows the factors and a name, and asks for the first touch."""
    user = request.user
    if not isinstance(user, User):
        return redirect_to_login(request.path)
    if request.method != "POST":
        return _list(request, user)
    form = AddKeyForm(request.POST, slug="add_key", username=user.username)
    options: list[str] = []

    def begin() -> None:
        given = form.cleaned_data
        credential = Credential(user.username, given["password"], given["otp"], given["key"])
        asked = asked_at(request, user.username)
        actor = actor_of(request)
        options.append(own_keys.begin_key(actor=actor, credential=credential, name=given["name"], asked=asked))

    outcome = carried_out(form, begin)
    if not outcome.done:
        return _list(request, user, form, outcome)
    return _touch(request, name=form.cleaned_data["name"], options=options[0], action=reverse("people:add-key"))


@never_cache
@require_POST
def add_key(request: HttpRequest) -> HttpResponse:
    user, form = request.user, TouchForm(request.POST)
    if not isinstance(user, User):
        return redirect_to_login(reverse("people:keys"))

    def add() -> HttpResponse:
        given, asked = form.cleaned_data, asked_at(request, user.username)
        made = own_keys.add_key(actor=actor_of(request), name=given["name"], answer=given["key"], asked=asked)
        return redirect("people:confirm-key", made.pk)

    return _or_back(request, form, add)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def confirm_key(request: HttpRequest, pk: int) -> HttpResponse:
    """Asks for the second touch; POST brings it."""
    user = request.user
    if not isinstance(user, User):
        return redirect_to_login(reverse("people:keys"))
    actor = actor_of(request)
    if request.method != "POST":
        try:
            asked = asked_at(request, user.username)
            key, options = own_keys.begin_confirming(actor=actor, key_id=pk, asked=asked)
        except DomainError as refusal:
            messages.error(request, refusal.message, extra_tags="fail")
            return redirect("people:keys")
        return _touch(request, name=key.name, options=options, action=request.path, again=True)
    form = TouchForm(request.POST)

    def confirm() -> HttpResponse:
        made = own_keys.confirm_key(actor=actor, key_id=pk, answer=form.cleaned_data["key"])
        messages.success(request, f"The security key “{made.name}” counts from now on.", extra_tags="pass")
        return redirect("people:keys")

    return _or_back(request, form, confirm)


@never_cache
@require_POST
def revoke_key(request: HttpRequest, pk: int) -> HttpResponse:
    user = request.user
    if not isinstance(user, User):
        return redirect_to_login(reverse("people:keys"))
    form = ReasonForm(request.POST, slug=f"revoke-{pk}")

    def revoke() -> HttpResponse:
        own_keys.revoke_key(actor=actor_of(request), key_id=pk, reason=form.cleaned_data["reason"])
        login(request, user)  # every other session has ended
        messages.success(request, "The security key is revoked. Sessions elsewhere have ended.", extra_tags="pass")
        return redirect("people:keys")

    return _or_back(request, form, revoke)


def _or_back(request: HttpRequest, form: TouchForm | ReasonForm, act: Callable[[], HttpResponse]) -> HttpResponse:
    """Carry it out, or go back to the list with the refusal above it: a touch is not tried twice."""
    if not form.is_valid():
        messages.error(request, "Nothing was done: " + " ".join(map(str, form.errors.values())), extra_tags="fail")
        return redirect("people:keys")
    try:
        return act()
    except DomainError as refusal:
        messages.error(request, refusal.message, extra_tags="fail")
        return redirect("people:keys")


def _list(
    request: HttpRequest, user: User, form: AddKeyForm | None = None, outcome: Outcome | None = None
) -> HttpResponse:
    rows = [{"key": key, "form": ReasonForm(slug=f"revoke-{key.pk}")} for key in selectors.keys_of(user)]
    form = form or AddKeyForm(slug="add_key", username=user.username)
    return shown(request, "people/keys.html", {"rows": rows, "form": form}, outcome)


def _touch(request: HttpRequest, *, name: str, options: str, action: str, again: bool = False) -> HttpResponse:
    context = {"name": name, "options": options, "action": action, "again": again}
    return shown(request, "people/key_touch.html", context)
