"""Handing over a released product, on the page of its batch."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from labeling.forms.dispatch import DispatchForm
from labeling.selectors.batch import find_batch
from labeling.services.dispatch import dispatch_batch
from labeling.views.consigning import choices_of
from labeling.views.pages import act, carried_out, page
from labeling.views.work import worksheet
from lims.accounts.actors import actor_of


@page
@act
def dispatch(request: HttpRequest, number: str) -> HttpResponse:
    form = DispatchForm(request.POST, slug="dispatch", **choices_of(find_batch(number)))
    outcome = carried_out(
        form,
        lambda: dispatch_batch(
            actor=actor_of(request),
            number=number,
            consignment=form.consignment,
            credential=form.credential,
            at=form.cleaned_data["at"],
            revision=form.cleaned_data["revision"],
        ),
    )
    if not outcome.done:
        return worksheet(request, number, outcome, dispatch=form)
    messages.success(request, f"{number} is handed over to {form.cleaned_data['recipient']}.", extra_tags="pass")
    return redirect("labeling:batch", number)
