"""The audit trail: of one batch with the signed review of it, and of the whole site."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.forms import Form
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_safe

from labeling.forms.trail import AuditReviewForm
from labeling.selectors.history import history_of, history_row
from labeling.services.audit_review import REVIEWABLE, review_audit_trail
from labeling.views.pages import Outcome, act, allowed, carried_out, page, page_for, shown
from labeling.views.paging import one_page
from labeling.views.records import batch_context
from lims.accounts.actors import actor_of
from lims.accounts.roles import Permission
from lims.audit.models import Operation
from lims.oversight.selectors import trail_of


@page
@require_safe
def history(request: HttpRequest, number: str) -> HttpResponse:
    return history_page(request, number)


def history_page(
    request: HttpRequest, number: str, outcome: Outcome | None = None, form: Form | None = None
) -> HttpResponse:
    context = batch_context(number, "history")
    trail = trail_of(number)
    may_review = (
        context["batch"]["status"] in REVIEWABLE and not trail.reviewed and allowed(request, Permission.REVIEW_AUDIT)
    )
    initial = {"up_to": trail.last, "revision": context["batch"]["revision"]}
    context |= {
        "acts": history_of(number)[::-1],
        "trail": trail,
        "review_form": form or (AuditReviewForm(slug="review", initial=initial) if may_review else None),
        "signed": [("Trail", f"{trail.events} events of {number}"), ("Up to", f"event {trail.last}")],
    }
    return shown(request, "labeling/batch_history.html", context, outcome)


@page
@act
def review(request: HttpRequest, number: str) -> HttpResponse:
    form = AuditReviewForm(request.POST, slug="review")
    outcome = carried_out(
        form,
        lambda: review_audit_trail(
            actor=actor_of(request),
            number=number,
            credential=form.credential,
            up_to=form.cleaned_data["up_to"],
            revision=form.cleaned_data["revision"],
        ),
    )
    if not outcome.done:
        return history_page(request, number, outcome, form)
    messages.success(request, f"The audit trail of {number} is reviewed.", extra_tags="pass")
    return redirect("labeling:history", number)


@page_for(Permission.READ_AUDIT)
@require_safe
def audit(request: HttpRequest) -> HttpResponse:
    subject = request.GET.get("subject", "").strip()
    rows = Operation.objects.select_related("actor").prefetch_related("changes")
    if subject:
        rows = rows.filter(subject=subject)
    found = one_page(request, rows)
    context: dict[str, Any] = {
        "acts": [history_row(operation) for operation in found.rows],
        "older": found.older,
        "subject": subject,
    }
    return shown(request, "labeling/audit.html", context)
