"""Reviewing test results: one, or all that wait."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.defaultfilters import pluralize
from django.urls import reverse

from labeling.views.pages import act, carried_out, page
from lims.accounts.actors import actor_of
from lims.accounts.forms import SignatureForm
from qc.forms import SeriesReviewForm
from qc.services.reviews import review_result, review_results
from qc.views.results import results_page


@page
@act
def review(request: HttpRequest, number: str, pk: int) -> HttpResponse:
    form = SignatureForm(request.POST, slug=f"review-{pk}")
    outcome = carried_out(
        form,
        lambda: review_result(actor=actor_of(request), number=number, result_id=pk, credential=form.credential),
    )
    if not outcome.done:
        return results_page(request, number, outcome, **{f"review-{pk}": form})
    return redirect(f"{reverse('qc:tests', args=[number])}#result-{pk}")


@page
@act
def review_series(request: HttpRequest, number: str) -> HttpResponse:
    """Several results under one attestation, each with a signature of its own."""
    form = SeriesReviewForm(request.POST, slug=SeriesReviewForm.SLUG)
    outcome = carried_out(
        form,
        lambda: review_results(
            actor=actor_of(request), number=number, shown=form.cleaned_data["results"], credential=form.credential
        ),
    )
    if not outcome.done:
        return results_page(request, number, outcome, **{SeriesReviewForm.SLUG: form})
    count, signer = len(form.cleaned_data["results"]), form.cleaned_data["username"]
    messages.success(request, f"{count} result{pluralize(count)} reviewed by {signer}.", extra_tags="pass")
    return redirect("qc:tests", number)
