"""Deviations: those of the site, one with its assessment, and the report of a new one."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.forms import Form
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods, require_safe

from labeling.domain.deviations import DEMANDS, DeviationClass
from labeling.forms.deviations import AssessmentForm, ReportForm
from labeling.selectors.deviations import deviations, listed
from labeling.services.deviations import assess_deviation, report_deviation
from labeling.views.pages import MEANINGS, Outcome, allowed, carried_out, page, shown
from labeling.views.paging import one_page
from labeling.views.records import batch_context
from lims.accounts.actors import actor_of
from lims.accounts.roles import Permission
from lims.errors import DomainError

Json = dict[str, Any]


@page
@require_safe
def register(request: HttpRequest) -> HttpResponse:
    asked = {key: request.GET.get(key, "") for key in ("state", "severity", "batch")}
    try:
        found = one_page(request, deviations(**asked))
    except DomainError as refusal:
        raise Http404(refusal.message) from refusal
    context = {
        "rows": [listed(deviation) for deviation in found.rows],
        "older": found.older,
        "asked": asked,
        "classes": [c.value for c in DeviationClass],
    }
    return shown(request, "labeling/deviations.html", context)


@page
@require_http_methods(["GET", "HEAD", "POST"])
def deviation(request: HttpRequest, number: str, pk: int) -> HttpResponse:
    if request.method != "POST":
        return _shown(request, number, pk)
    form = AssessmentForm(request.POST, slug="assess")
    outcome = carried_out(
        form,
        lambda: assess_deviation(
            actor=actor_of(request),
            number=number,
            deviation_id=pk,
            assessed=form.assessed,
            credential=form.credential,
            revision=form.cleaned_data["revision"],
        ),
    )
    if not outcome.done:
        return _shown(request, number, pk, outcome, form)
    messages.success(request, "The deviation is assessed.", extra_tags="pass")
    return redirect("labeling:deviation", number, pk)


def _shown(
    request: HttpRequest, number: str, pk: int, outcome: Outcome | None = None, form: Form | None = None
) -> HttpResponse:
    context = batch_context(number, "work")
    row = next((row for row in context["batch"]["deviations"] if row["id"] == pk), None)
    if row is None:
        raise Http404(f"Batch {number} has no deviation {pk}.")
    demands = DEMANDS[DeviationClass(row["opened_as"])]
    may = Permission.ASSESS_CRITICAL_DEVIATION if demands.quality else Permission.ASSESS_DEVIATION
    initial = {"revision": context["batch"]["revision"], "severity": row["opened_as"]}
    if form is None and row["status"] == "open" and allowed(request, may):
        form = AssessmentForm(slug="assess", initial=initial)
    titles = {step["key"]: step["title"] for step in context["batch"]["steps"]}
    context |= {
        "deviation": row,
        "step_title": titles.get(row["step"], ""),
        "demands": demands,
        "form": form,
        "meanings": MEANINGS,
        "signed": [("Batch", f"{number}, {context['batch']['product']}"), ("Deviation", row["text"])],
    }
    return shown(request, "labeling/deviation_page.html", context, outcome)


@page
@require_http_methods(["GET", "HEAD", "POST"])
def report(request: HttpRequest, number: str) -> HttpResponse:
    context = batch_context(number, "work")
    steps = [(step["key"], step["title"]) for step in context["batch"]["steps"]]
    asked = request.POST if request.method == "POST" else None
    form = ReportForm(asked, slug="report", steps=steps, initial={"step": request.GET.get("step", "")})
    if asked is None:
        return shown(request, "labeling/deviation_report.html", {**context, "form": form})
    outcome = carried_out(form, lambda: report_deviation(actor=actor_of(request), number=number, **form.cleaned_data))
    if not outcome.done:
        return shown(request, "labeling/deviation_report.html", {**context, "form": form}, outcome)
    messages.success(request, "The deviation is reported.", extra_tags="pass")
    return redirect("labeling:batch", number)
