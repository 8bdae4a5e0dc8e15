"""Correcting what was recorded of a container by itself. What was recorded in a batch is corrected there."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from labeling.forms.containers import ContainerCorrectionForm
from labeling.models import Equipment
from labeling.selectors.containers import container_document, find_container
from labeling.services.containers import correct_event
from labeling.views.pages import carried_out, page_for, shown
from lims.accounts.actors import actor_of
from lims.accounts.roles import Permission


@page_for(Permission.KEEP_CONTAINERS)
@require_http_methods(["GET", "HEAD", "POST"])
def correct(request: HttpRequest, pk: int, event: int) -> HttpResponse:
    """The event as it is recorded, and the form for what it should have been, with the reason."""
    document = container_document(find_container(pk), at=timezone.now())
    old = next((row for row in document["events"] if row["id"] == event), None)
    if old is None:
        raise Http404(f"{document['code']} has no event {event}.")
    codes = list(Equipment.objects.filter(kind="dose_calibrator").order_by("code").values_list("code", flat=True))
    posted = request.POST if request.method == "POST" else None
    form = ContainerCorrectionForm(posted, slug="correction", instruments=codes, initial=_as_recorded(old))
    context = {"container": document, "event": old, "form": form}
    if posted is None:
        return shown(request, "labeling/container_correct.html", context)
    outcome = carried_out(form, lambda: _correct(request, pk, event, form))
    if not outcome.done:
        return shown(request, "labeling/container_correct.html", context, outcome)
    messages.success(request, "It is corrected. What was recorded first stays, struck through.", extra_tags="pass")
    return redirect("labeling:container", pk)


def _correct(request: HttpRequest, pk: int, event: int, form: ContainerCorrectionForm) -> None:
    typed = form.cleaned_data
    at = {"at": typed["at"].isoformat()} if typed["at"] else {}
    amounts = form.amounts(equipment=typed["equipment"], **at)
    correct_event(actor=actor_of(request), container_id=pk, event_id=event, reason=typed["reason"], **amounts)


def _as_recorded(event: dict[str, Any]) -> dict[str, Any]:
    """What it was read on stays where nobody says otherwise; the amounts are typed anew."""
    return {"equipment": event["equipment"] or ""}
