"""What is signed on the worksheet: the second person's checks, the cleared line, the completion."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.defaultfilters import pluralize
from django.urls import reverse

from labeling.forms.worksheet import SeriesVerificationForm, ValueVerificationForm, VerificationForm
from labeling.services.clearance import clear_line, verify_line
from labeling.services.completion import complete_batch
from labeling.services.verification import verify_entry, verify_step, verify_steps
from labeling.views.pages import act, carried_out, page
from labeling.views.work import worksheet
from lims.accounts.actors import actor_of
from lims.accounts.forms import SignatureForm


@page
@act
def verify(request: HttpRequest, number: str, step: str) -> HttpResponse:
    form = VerificationForm(request.POST, slug=f"verify-{step}")
    form.step_key = step
    outcome = carried_out(
        form,
        lambda: verify_step(
            actor=actor_of(request),
            number=number,
            step=step,
            credential=form.credential,
            seen=form.cleaned_data["seen"],
        ),
    )
    if not outcome.done:
        return worksheet(request, number, outcome, verify=form)
    return redirect(f"{reverse('labeling:batch', args=[number])}#{step}")


@page
@act
def verify_series(request: HttpRequest, number: str) -> HttpResponse:
    """Several steps under one attestation, each with a signature of its own."""
    form = SeriesVerificationForm(request.POST, slug=SeriesVerificationForm.SLUG)
    outcome = carried_out(
        form,
        lambda: verify_steps(
            actor=actor_of(request),
            number=number,
            shown=form.cleaned_data["steps"],
            credential=form.credential,
        ),
    )
    if not outcome.done:
        return worksheet(request, number, outcome, **{"verify-series": form})
    count, signer = len(form.cleaned_data["steps"]), form.cleaned_data["username"]
    messages.success(request, f"{count} step{pluralize(count)} verified by {signer}.", extra_tags="pass")
    return redirect("labeling:batch", number)


@page
@act
def verify_value(request: HttpRequest, number: str, pk: int) -> HttpResponse:
    """The second person's check of one value, at the workstation where it was recorded."""
    form = ValueVerificationForm(request.POST, slug=f"verify-value-{pk}")
    form.entry_id = pk
    outcome = carried_out(
        form,
        lambda: verify_entry(actor=actor_of(request), number=number, entry_id=pk, credential=form.credential),
    )
    if not outcome.done:
        return worksheet(request, number, outcome, **{"verify-entry": form})
    return redirect("labeling:batch", number)


@page
@act
def clear(request: HttpRequest, number: str) -> HttpResponse:
    """The cleared line, signed for; then the second person's signature, where the protocol asks for it."""
    second = request.POST.get("part") == "verified"
    name, do = ("verify-line", verify_line) if second else ("clear", clear_line)
    form = SignatureForm(request.POST, slug=name)
    outcome = carried_out(form, lambda: do(actor=actor_of(request), number=number, credential=form.credential))
    return redirect("labeling:batch", number) if outcome.done else worksheet(request, number, outcome, **{name: form})


@page
@act
def complete(request: HttpRequest, number: str) -> HttpResponse:
    form = SignatureForm(request.POST, slug="complete")
    outcome = carried_out(
        form,
        lambda: complete_batch(
            actor=actor_of(request),
            number=number,
            credential=form.credential,
            revision=form.cleaned_data["revision"],
        ),
    )
    if not outcome.done:
        return worksheet(request, number, outcome, complete=form)
    messages.success(request, f"{number} is complete and in quarantine.", extra_tags="pass")
    return redirect("qc:tests", number)
