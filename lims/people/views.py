"""The administrator's pages, and the access log."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_safe

from lims.accounts.actors import actor_of
from lims.accounts.models import AccessEvent, User
from lims.accounts.pages import Outcome, carried_out, page_for, shown
from lims.accounts.roles import Permission
from lims.errors import InvalidInput
from lims.pagination import one_page
from lims.people import selectors, services
from lims.people.forms import EnrollForm, IdentityForm, PersonForm, ReasonForm, ResetPasswordForm, RolesForm

# What an administrator does with an account: the form it takes and the use case behind it.
UPKEEP: dict[str, tuple[str, type[PersonForm], Any]] = {
    "unlock": ("Unlock", ReasonForm, services.unlock),
    "roles": ("Change the roles", RolesForm, services.change_roles),
    "reset-password": ("Set a password", ResetPasswordForm, services.reset_password),
    "revoke-factor": ("Revoke the second factor", ReasonForm, services.revoke_factor),
    "revoke-keys": ("Revoke the security keys", ReasonForm, services.revoke_keys),
    "check-identity": ("Record an identity check", IdentityForm, services.record_identity_check),
    "deactivate": ("Close the account", ReasonForm, services.deactivate),
}


@page_for(Permission.MANAGE_PEOPLE)
@require_safe
def people(request: HttpRequest) -> HttpResponse:
    rows = [selectors.summary_of(user) for user in selectors.people().order_by("-is_active", "username")]
    return shown(request, "people/people.html", {"rows": rows})


@page_for(Permission.MANAGE_PEOPLE)
@sensitive_post_parameters("password")
@require_http_methods(["GET", "HEAD", "POST"])
def enroll(request: HttpRequest) -> HttpResponse:
    form = EnrollForm(request.POST if request.method == "POST" else None, slug="enroll")
    if request.method != "POST":
        return shown(request, "people/enroll.html", {"form": form})
    made: list[User] = []
    outcome = carried_out(form, lambda: made.append(services.enroll(actor=actor_of(request), **form.cleaned_data)))
    if not outcome.done:
        return shown(request, "people/enroll.html", {"form": form}, outcome)
    messages.success(request, f"{made[0]} is enrolled.", extra_tags="pass")
    return redirect("people:person", made[0].username)


@page_for(Permission.MANAGE_PEOPLE)
@require_safe
def person(request: HttpRequest, username: str) -> HttpResponse:
    return _person_page(request, username)


@page_for(Permission.MANAGE_PEOPLE)
@sensitive_post_parameters("password")
def upkeep(request: HttpRequest, username: str, act: str) -> HttpResponse:
    if act not in UPKEEP:
        raise Http404
    if request.method != "POST":
        return redirect("people:person", username)
    label, kind, use_case = UPKEEP[act]
    form = kind(request.POST, slug=act)
    outcome = carried_out(form, lambda: use_case(actor=actor_of(request), username=username, **form.cleaned_data))
    if not outcome.done:
        return _person_page(request, username, outcome, form)
    messages.success(request, f"{label}: done.", extra_tags="pass")
    return redirect("people:person", username)


def _person_page(
    request: HttpRequest, username: str, outcome: Outcome | None = None, refused: PersonForm | None = None
) -> HttpResponse:
    found = selectors.find_person(username)
    about = selectors.document_of(found)
    acts = []
    for act, (label, kind, _) in UPKEEP.items() if found.is_active else ():
        if (act == "unlock" and not about["locked_at"]) or (act == "revoke-factor" and not about["second_factor"]):
            continue
        if act == "revoke-keys" and not any(key["revoked_at"] is None for key in about["security_keys"]):
            continue
        initial = {"roles": about["roles"]} if act == "roles" else {}
        form = refused if refused is not None and refused.slug == act else kind(slug=act, initial=initial)
        acts.append({"act": act, "label": label, "form": form, "danger": act == "deactivate"})
    return shown(request, "people/person.html", {"about": about, "acts": acts}, outcome)


@page_for(Permission.READ_ACCESS)
@require_safe
def access(request: HttpRequest) -> HttpResponse:
    query = {key: str(value) for key, value in request.GET.items()}
    refusal = ""
    try:
        rows = selectors.access_events(query)
    except InvalidInput as fault:
        rows, refusal = AccessEvent.objects.none(), fault.message
    found = one_page(request, rows)
    context = {
        "rows": [selectors.access_row(event) for event in found.rows],
        "older": found.older,
        "kinds": AccessEvent.Kind.choices,
        "query": query,
        "refusal": refusal,
    }
    return shown(request, "people/access.html", context)
