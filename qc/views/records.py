"""Make a further record of a batch; it appears below those that are there."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from labeling.forms.registers import RecordForm
from labeling.views.pages import act, carried_out, page
from labeling.views.records import records_of
from lims.accounts.actors import actor_of
from qc.services.records import request_record


@page
@act
def new_record(request: HttpRequest, number: str) -> HttpResponse:
    form = RecordForm(request.POST, slug="record")
    outcome = carried_out(
        form, lambda: request_record(actor=actor_of(request), number=number, reason=form.cleaned_data["reason"])
    )
    if not outcome.done:
        return records_of(request, number, outcome, form)
    messages.success(request, "The record is being made; it stands below in a few seconds.", extra_tags="pass")
    return redirect("labeling:batch-records", number)
