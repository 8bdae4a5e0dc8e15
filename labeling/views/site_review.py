"""The periodic review of the site's audit trail: draw a sample, look at it and at the exceptions, sign."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from labeling.forms.trail import PeriodReviewForm, SampleForm
from labeling.selectors.exceptions import count_exceptions
from labeling.selectors.samples import acts_of, sample_row, samples
from labeling.services.site_review import draw_sample, find_sample, review_period
from labeling.views.pages import MEANINGS, Outcome, allowed, carried_out, page_for, shown
from labeling.views.paging import one_page
from lims.accounts.actors import actor_of
from lims.accounts.roles import Permission
from lims.oversight.models import TrailSample
from lims.oversight.trail import Wanted, wanted_of


@page_for(Permission.READ_AUDIT)
@require_http_methods(["GET", "HEAD", "POST"])
def sample_list(request: HttpRequest) -> HttpResponse:
    may = allowed(request, Permission.REVIEW_SITE_AUDIT)
    form, outcome = SampleForm(request.POST if request.method == "POST" else None), None
    if request.method == "POST":
        drawn: list[TrailSample] = []
        outcome = carried_out(
            form,
            lambda: drawn.append(
                draw_sample(
                    actor=actor_of(request),
                    wanted=wanted_of({"from": form.cleaned_data["from"], "to": form.cleaned_data["to"]}),
                    size=form.cleaned_data["size"],
                )
            ),
        )
        if outcome.done:
            return redirect("labeling:sample", drawn[0].pk)
    found = one_page(request, samples())
    context = {"form": form if may else None, "rows": [sample_row(one) for one in found.rows], "older": found.older}
    return shown(request, "labeling/samples.html", context, outcome)


@page_for(Permission.READ_AUDIT)
@require_http_methods(["GET", "HEAD", "POST"])
def sample(request: HttpRequest, pk: int) -> HttpResponse:
    if request.method != "POST":
        return _sample_page(request, pk)
    form = PeriodReviewForm(request.POST, slug="review")
    outcome = carried_out(
        form,
        lambda: review_period(
            actor=actor_of(request),
            sample_id=pk,
            credential=form.credential,
            findings=form.cleaned_data["reason"],
        ),
    )
    if not outcome.done:
        return _sample_page(request, pk, outcome, form)
    messages.success(request, "The review of the period is signed.", extra_tags="pass")
    return redirect("labeling:sample", pk)


def _sample_page(
    request: HttpRequest, pk: int, outcome: Outcome | None = None, form: PeriodReviewForm | None = None
) -> HttpResponse:
    drawn = find_sample(pk)
    row = sample_row(drawn)
    may = row["review"] is None and allowed(request, Permission.REVIEW_SITE_AUDIT)
    exceptional = count_exceptions(Wanted(since=drawn.since, until=drawn.until))
    context: dict[str, Any] = {
        "sample": row,
        "meanings": MEANINGS,
        "acts": acts_of(drawn),
        "exceptions": exceptional,
        "first_day": timezone.localtime(drawn.since).date().isoformat(),
        "last_day": timezone.localtime(drawn.until - timedelta(microseconds=1)).date().isoformat(),
        "form": (form or PeriodReviewForm(slug="review")) if may else None,
        "signed": [
            ("Sample", f"{row['size']} of {row['population']} acts"),
            ("Exceptions", f"{exceptional} in the period"),
        ],
    }
    return shown(request, "labeling/sample.html", context, outcome)
