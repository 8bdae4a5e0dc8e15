"""Containers: what the site holds now, one container with its events, waste in decay storage; a batch's balance."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.db.models import QuerySet
from django.forms import Form
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.safestring import SafeString, mark_safe
from django.views.decorators.http import require_http_methods, require_safe

from labeling.forms.containers import (
    ContainerForm,
    ContainerReadingForm,
    StorageForm,
    SurveyForm,
    TransferForm,
    UsedUpForm,
)
from labeling.models import Container, Equipment
from labeling.selectors.balance import balance_document
from labeling.selectors.batch import document_of, find_batch
from labeling.selectors.containers import (
    container_document,
    container_row,
    containers,
    find_container,
    scanned_container,
)
from labeling.selectors.facts import facts_of
from labeling.selectors.inventory import inventory
from labeling.selectors.labels import product_in
from labeling.selectors.nuclides import nuclide_codes
from labeling.services.container_events import AT_WORK
from labeling.services.containers import open_container, read_container, transfer, use_up
from labeling.services.decay_storage import store_for_decay, survey_waste
from labeling.views.activity import activity_now
from labeling.views.pages import MEANINGS, Outcome, act, allowed, batch_frame, carried_out, page, shown, zone_hint
from labeling.views.paging import one_page
from lims.accounts.actors import actor_of
from lims.accounts.roles import Permission

SURVEYS = ("survey_meter",)


@page
@require_safe
def register(request: HttpRequest) -> HttpResponse:
    status, wanted, now = request.GET.get("status", ""), request.GET.get("code", "").strip(), timezone.now()
    scanned = scanned_container(wanted)["container"] if wanted else None
    if scanned is not None:  # the whole code, as a scanner types it: it leads to the container itself
        return redirect("labeling:container", scanned)
    rows = containers(status=status if status in Container.Status.values else "", code=wanted)
    found = one_page(request, rows)
    choices = [("", "All"), *Container.Status.choices]
    context = {
        "rows": [container_row(row, at=now) for row in found.rows],
        "older": found.older,
        "filters": [{"code": code, "label": label, "here": code == status} for code, label in choices],
        "status": status,
        "wanted": wanted,
        "inventory": inventory(at=now),
        "may_keep": allowed(request, Permission.KEEP_CONTAINERS),
    }
    return shown(request, "labeling/containers.html", context)


@page
@require_http_methods(["GET", "HEAD", "POST"])
def new(request: HttpRequest) -> HttpResponse:
    form = ContainerForm(request.POST if request.method == "POST" else None, slug="container", nuclides=nuclide_codes())
    if request.method != "POST":
        return shown(request, "labeling/container_new.html", {"form": form})
    opened: list[Container] = []

    def do() -> None:
        typed: dict[str, Any] = {name: form.cleaned_data[name] for name in ("kind", "nuclide", "code", "name")}
        opened.append(open_container(actor=actor_of(request), **typed, **form.amounts()))

    outcome = carried_out(form, do)
    if not outcome.done:
        return shown(request, "labeling/container_new.html", {"form": form}, outcome)
    return redirect("labeling:container", opened[0].pk)


@page
@require_safe
def container(request: HttpRequest, pk: int) -> HttpResponse:
    return container_page(request, pk)


def container_page(request: HttpRequest, pk: int, outcome: Outcome | None = None, **forms: Form) -> HttpResponse:
    row = find_container(pk)
    document = container_document(row, at=timezone.now())
    keeps = allowed(request, Permission.KEEP_CONTAINERS) and row.status in AT_WORK
    in_use = keeps and row.status == Container.Status.IN_USE
    clears = allowed(request, Permission.CLEAR_WASTE) and document["can_be_surveyed"]
    waits = row.status == Container.Status.DECAY_STORAGE and not document["can_be_surveyed"]
    context = {
        "container": document,
        "drawing": drawn(document["drawing"]),
        "codes": _others_in_use(row) if keeps else [],
        "reading_form": (forms.get("reading") or _reading_form()) if keeps else None,
        "transfer_form": (forms.get("transfer") or TransferForm(slug="transfer")) if keeps else None,
        "storage_form": (forms.get("storage") or StorageForm(slug="storage")) if keeps else None,
        "used_up_form": (forms.get("used_up") or UsedUpForm(slug="used_up")) if in_use else None,
        "survey_form": (forms.get("survey") or _survey_form()) if clears else None,
        "waits": waits,
        "holds_product": product_in(row) is not None,
        "meanings": MEANINGS,
        "zone_hint": zone_hint(),
    }
    return shown(request, "labeling/container.html", context, outcome)


def drawn(svg: str) -> SafeString:
    """A drawing of this program's own: every word in it was escaped where it was drawn."""
    return mark_safe(svg)  # noqa: S308


@page
@act
def read(request: HttpRequest, pk: int) -> HttpResponse:
    form = _reading_form(request.POST)

    def do() -> None:
        typed = form.cleaned_data
        at = {"at": typed["at"].isoformat()} if typed["at"] else {}
        amounts = form.amounts(equipment=typed["equipment"], **at)
        read_container(actor=actor_of(request), container_id=pk, reason=typed["reason"], **amounts)

    return _back(request, pk, carried_out(form, do), reading=form)


@page
@act
def move(request: HttpRequest, pk: int) -> HttpResponse:
    form = TransferForm(request.POST, slug="transfer")

    def do() -> None:
        typed: dict[str, Any] = {name: form.cleaned_data[name] for name in ("to", "at", "reason")}
        transfer(actor=actor_of(request), container_id=pk, **typed, **form.amounts())

    return _back(request, pk, carried_out(form, do), transfer=form)


@page
@act
def used_up(request: HttpRequest, pk: int) -> HttpResponse:
    form = UsedUpForm(request.POST, slug="used_up")
    outcome = carried_out(form, lambda: use_up(actor=actor_of(request), container_id=pk, **form.cleaned_data))
    return _back(request, pk, outcome, used_up=form)


@page
@act
def store(request: HttpRequest, pk: int) -> HttpResponse:
    form = StorageForm(request.POST, slug="storage")
    outcome = carried_out(form, lambda: store_for_decay(actor=actor_of(request), container_id=pk, **form.to_command()))
    return _back(request, pk, outcome, storage=form)


@page
@act
def survey(request: HttpRequest, pk: int) -> HttpResponse:
    form = _survey_form(request.POST)
    outcome = carried_out(form, lambda: survey_waste(actor=actor_of(request), container_id=pk, **form.to_command()))
    if outcome.done and form.cleaned_data["outcome"] == "pass":
        messages.success(request, "The survey is signed; the container is cleared.", extra_tags="pass")
    return _back(request, pk, outcome, survey=form)


@page
@require_safe
def activity(request: HttpRequest, number: str) -> HttpResponse:
    """The tab of a batch: where its activity went, and what each of its containers holds."""
    facts = facts_of(find_batch(number))
    now = timezone.now()
    balance = balance_document(facts)
    context = {
        **batch_frame(document_of(facts), "activity"),
        "activity": activity_now(facts, at=now),
        "balance": balance,
        "drawing": drawn(balance["drawing"]) if balance else "",
        "rows": [container_row(row, at=now) for row in containers(batch=number).order_by("pk")],
    }
    return shown(request, "labeling/batch_activity.html", context)


def _back(request: HttpRequest, pk: int, outcome: Outcome, **forms: Form) -> HttpResponse:
    return redirect("labeling:container", pk) if outcome.done else container_page(request, pk, outcome, **forms)


def _instruments(*kinds: str) -> QuerySet[Equipment, str]:
    return Equipment.objects.filter(kind__in=kinds).order_by("code").values_list("code", flat=True)


def _reading_form(data: Any = None) -> ContainerReadingForm:
    return ContainerReadingForm(data, slug="reading", instruments=list(_instruments("dose_calibrator")))


def _survey_form(data: Any = None) -> SurveyForm:
    return SurveyForm(data, slug="survey", instruments=list(_instruments(*SURVEYS)))


def _others_in_use(row: Container) -> list[str]:
    """The containers into which something may go, the newest first: waste bins before all others."""
    others = Container.objects.filter(status=Container.Status.IN_USE).exclude(pk=row.pk).order_by("-pk")
    bins = others.filter(kind=Container.Kind.WASTE).values_list("code", flat=True)[:20]
    return list(dict.fromkeys([*bins, *others.values_list("code", flat=True)[:40]]))
