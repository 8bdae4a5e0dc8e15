"""Who is trained for what: the matrix, a person's own records, recording and withdrawing by signature."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from django.contrib import messages
from django.forms import Form
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods, require_safe

from labeling.domain.training import SOON, State, Task
from labeling.forms.training import TrainingForm
from labeling.models import ProtocolVersion
from labeling.selectors.clock import database_now
from labeling.selectors.training import (
    PERMISSIONS,
    TRAINABLE,
    Cell,
    cells,
    find_training,
    training_row,
    trainings,
    versions_in_use,
)
from labeling.services.training import record_training, withdraw_training
from labeling.views.pages import MEANINGS, Outcome, allowed, carried_out, page, page_for, shown, zone_hint
from lims.accounts.actors import actor_of
from lims.accounts.forms import ReasonedSignatureForm
from lims.accounts.models import User
from lims.accounts.roles import Permission, may

# What keeps somebody from work that their role gives, the most pressing first.
ATTENTION = (State.EXPIRED, State.WITHDRAWN, State.RETRAIN)


@page
@require_safe
def matrix(request: HttpRequest) -> HttpResponse:
    now = database_now()
    found = cells(versions_in_use(), now=now)
    pressing = [cell for cell in found if cell.needed and (cell.state in ATTENTION or _ends_soon(cell, now))]
    rows: dict[ProtocolVersion, dict[User, list[Cell]]] = defaultdict(lambda: defaultdict(list))
    for cell in found:
        rows[cell.version][cell.person].append(cell)
    context = {
        "pressing": [_cell(cell, now) for cell in sorted(pressing, key=lambda cell: cell.valid_until or now)],
        "tasks": [task.value.capitalize() for task in Task],
        "versions": [
            {
                "version": version,
                "people": [
                    {"person": person, "cells": [_cell(cell, now) for cell in mine]}
                    for person, mine in people.items()
                    if any(cell.needed for cell in mine)
                ],
            }
            for version, people in rows.items()
        ],
        "may_train": allowed(request, Permission.TRAIN),
    }
    return shown(request, "labeling/training.html", context)


def _ends_soon(cell: Cell, now: Any) -> bool:
    return cell.standing.expires_within(SOON, now=now)


def _cell(cell: Cell, now: Any) -> dict[str, Any]:
    """A cell as the page shows it; none where the role does not give the task, and training changes nothing."""
    return {
        "person": cell.person,
        "version": cell.version,
        "task": cell.task.value.capitalize(),
        "state": _word(cell, now) if cell.needed else "",
        "until": cell.valid_until if cell.state in (State.CURRENT, State.EXPIRED) else None,
        "way": cell.way,
    }


def _word(cell: Cell, now: Any) -> str:
    return "expires_soon" if _ends_soon(cell, now) else cell.state.value


@page
@require_safe
def person(request: HttpRequest, username: str) -> HttpResponse:
    return person_page(request, username)


def person_page(
    request: HttpRequest, username: str, outcome: Outcome | None = None, refused: Form | None = None
) -> HttpResponse:
    found = User.objects.filter(username__iexact=username).first()
    if found is None:
        raise Http404(f"There is nobody with the username {username}.")
    now = database_now()
    mine = cells(versions_in_use(), now=now, person=found)
    may_withdraw = allowed(request, Permission.TRAIN)
    context = {
        "person": found,
        "own": found == request.user,
        "standing": [_cell(cell, now) for cell in mine if cell.needed],
        "records": [
            {
                "json": row,
                "form": _withdrawal(row, refused) if may_withdraw and row["state"] != "withdrawn" else None,
                "signed": _signed(row),
            }
            for row in (training_row(t, now=now) for t in trainings(person=found.username).order_by("-pk")[:100])
        ],
        "meaning": MEANINGS["training_withdrawn"],
        "may_train": may_withdraw,
    }
    return shown(request, "labeling/training_person.html", context, outcome)


def _withdrawal(row: dict[str, Any], refused: Form | None) -> Form:
    slug = f"withdraw-{row['id']}"
    return refused if getattr(refused, "slug", "") == slug and refused else ReasonedSignatureForm(slug=slug)


def _signed(row: dict[str, Any]) -> list[tuple[str, str]]:
    return [
        ("Person", row["person"]["full_name"]),
        ("Task", f"{row['task']}, {row['protocol']} version {row['version']}"),
        ("Covers", "this record and every other one of this person for this task and version"),
    ]


@page_for(Permission.TRAIN)
@require_http_methods(["GET", "HEAD", "POST"])
def record(request: HttpRequest) -> HttpResponse:
    versions = ProtocolVersion.objects.filter(status__in=TRAINABLE).order_by("code", "-number")
    people = User.objects.filter(is_active=True).exclude(roles=["system"]).order_by("full_name")
    asked = {"people": request.GET.getlist("people"), "version": request.GET.get("version")}
    form = TrainingForm(
        request.POST if request.method == "POST" else None,
        slug="training",
        versions=[(v.name, f"{v.code} version {v.number} ({v.status})") for v in versions.defer("text")],
        people=[
            (person.username, f"{person.full_name}, {' and '.join(person.role_names).replace('_', ' ')}")
            for person in people
            if person.pk != request.user.pk and any(may(person, needed) for needed in PERMISSIONS.values())
        ],
        initial=asked,
    )
    context = {"form": form, "meaning": MEANINGS["trained"], "zone_hint": zone_hint()}
    if request.method != "POST":
        return shown(request, "labeling/training_new.html", context)
    made: list[Any] = []
    outcome = carried_out(
        form,
        lambda: made.extend(record_training(actor=actor_of(request), given=form.given, credential=form.credential)),
    )
    if not outcome.done:
        return shown(request, "labeling/training_new.html", context, outcome)
    messages.success(request, f"{len(made)} training record{'s' * (len(made) > 1)} signed.", extra_tags="pass")
    return redirect("labeling:training")


@page_for(Permission.TRAIN)
def withdraw(request: HttpRequest, pk: int) -> HttpResponse:
    username = find_training(pk).person.username
    if request.method != "POST":
        return redirect("labeling:training-person", username)
    form = ReasonedSignatureForm(request.POST, slug=f"withdraw-{pk}")
    outcome = carried_out(
        form,
        lambda: withdraw_training(
            actor=actor_of(request), training_id=pk, reason=form.cleaned_data["reason"], credential=form.credential
        ),
    )
    if not outcome.done:
        return person_page(request, username, outcome, form)
    messages.success(request, "The training is withdrawn; it counts no longer.", extra_tags="pass")
    return redirect("labeling:training-person", username)
