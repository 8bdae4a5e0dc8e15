"""The label of a thing: what it says, how many were printed, and the form that prints more."""

from __future__ import annotations

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from labeling.domain.labels import LabelKind, LabelSize
from labeling.forms.labels import LabelForm
from labeling.selectors.labels import Label, label_of, print_row, prints_of
from labeling.services.labels import print_label
from labeling.views.pages import Outcome, allowed, carried_out, page, shown
from lims.accounts.actors import actor_of
from lims.accounts.roles import Permission
from lims.records.models import Document

SHOWN = 20


@page
@require_http_methods(["GET", "HEAD", "POST"])
def label(request: HttpRequest, thing: str, key: str) -> HttpResponse:
    if thing not in set(LabelKind):
        raise Http404("There are no labels of this.")
    found = label_of(LabelKind(thing), key, at=timezone.now())
    if request.method != "POST":
        return _page(request, found, LabelForm(slug="label", initial={"size": _usual(found)}))
    form = LabelForm(request.POST, slug="label")
    asked: list[Document] = []

    def do() -> None:
        given = form.cleaned_data
        asked.append(
            print_label(
                actor=actor_of(request),
                kind=found.kind,
                key=key,
                size=LabelSize(given["size"]),
                copies=given["copies"],
                reason=given["reason"],
            )
        )

    outcome = carried_out(form, do)
    if not outcome.done:
        return _page(request, found, form, outcome)
    messages.success(request, f"Being printed: {asked[0].title}.", extra_tags="pass")
    return redirect("labeling:label", thing, key)


def _page(request: HttpRequest, found: Label, form: LabelForm, outcome: Outcome | None = None) -> HttpResponse:
    before = prints_of(found)
    copies = sum(before.values_list("context__copies", flat=True))
    context = {
        "said": found.row,
        "prints": [print_row(document) for document in before[:SHOWN]],
        "copies": copies,
        "again": found.of_batch and copies > 0,
        "form": form if allowed(request, Permission.PRINT_LABEL) else None,
        "back": _back(found),
    }
    return shown(request, "labeling/label.html", context, outcome)


def _usual(found: Label) -> str:
    return LabelSize.SYRINGE if found.kind is LabelKind.DOSE else LabelSize.VIAL


def _back(found: Label) -> str:
    if found.kind is LabelKind.BATCH:
        return reverse("labeling:batch", args=[found.key])
    if found.kind is LabelKind.INSTRUMENT:
        return reverse("labeling:instrument", args=[found.key])
    return reverse("labeling:lot" if found.kind is LabelKind.LOT else "labeling:container", args=[found.key])
