"""What the page of a batch shows of its handing over: the form, or what is in the way of it."""

from __future__ import annotations

from typing import Any

from django.forms import Form
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone

from labeling.domain.lifecycle import BatchStatus
from labeling.forms.dispatch import DispatchForm
from labeling.models import Batch, Container
from labeling.selectors.bench import dispatched_at, product_containers
from labeling.selectors.containers import container_row
from labeling.services.dispatch import blocked, expected_in_words
from labeling.views.pages import allowed
from lims.accounts.roles import Permission


def handing_over(request: HttpRequest, batch: Batch, revision: int, *, refused: Form | None) -> dict[str, Any]:
    """A refused form stays with all that was typed; otherwise what blocks the handing over stands in its place."""
    shown: dict[str, Any] = {"dispatch_form": refused, "dispatch_expected": expected_in_words(batch)}
    if batch.status != BatchStatus.RELEASED or not allowed(request, Permission.DISPATCH_BATCH):
        return shown
    left = vessels_of(batch)
    if not left and dispatched_at(batch) is not None:
        return shown
    if refused is None and (why := blocked(batch)) is not None:
        sentence, deviation = why
        place = reverse("labeling:deviation", args=[batch.number, deviation.pk]) if deviation else ""
        return shown | {"dispatch_blocked": {"sentence": sentence, "place": place}}
    form = refused or DispatchForm(slug="dispatch", initial={"revision": revision}, **choices_of(batch))
    return shown | {"dispatch_form": form}


def choices_of(batch: Batch) -> dict[str, Any]:
    """What the form is made with, of this batch."""
    return {"vessels": vessels_of(batch), "bound_to": batch.identity}


def vessels_of(batch: Batch) -> list[tuple[str, str]]:
    """The containers in use that hold the product, with what is in them now."""
    now = timezone.now()
    rows = product_containers(batch).filter(status=Container.Status.IN_USE).select_related("batch", "lot")
    return [(row.code, _words(container_row(row, at=now))) for row in rows]


def _words(row: dict[str, Any]) -> str:
    held = [row["now"]["display"] if row["now"] else "", f"{row['volume']['value']} mL" if row["volume"] else ""]
    return " · ".join([row["code"], *filter(None, held)])
