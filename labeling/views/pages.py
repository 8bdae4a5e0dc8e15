"""What every page shares: who may open it, how a refusal stands on a form, and the head of a batch."""

from __future__ import annotations

from collections.abc import Mapping
from functools import wraps
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone

from labeling.domain.lifecycle import BatchStatus
from lims.accounts.pages import Outcome, P, View, allowed, carried_out, page_for, shown
from lims.accounts.roles import Permission
from lims.signatures.meanings import Meaning

__all__ = [
    "MEANINGS",
    "Outcome",
    "act",
    "allowed",
    "batch_frame",
    "carried_out",
    "page",
    "page_for",
    "shown",
    "zone_hint",
]

Json = Mapping[str, Any]

MEANINGS = {meaning.value: meaning.text for meaning in Meaning}
STAGES = (BatchStatus.PLANNED, BatchStatus.IN_PROGRESS, BatchStatus.QUARANTINE)


def page(view: View[P]) -> View[P]:
    """Signed in and allowed to look; the acts on a page are refused by the services themselves."""
    return page_for(Permission.VIEW)(view)


def act(view: View[P]) -> View[P]:
    """Something is done by POST. Whoever comes to its address otherwise (a reload, a typed address) gets the page."""

    @wraps(view)
    def posted(request: HttpRequest, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        if request.method == "POST":
            return view(request, *args, **kwargs)
        parts = request.path.strip("/").split("/")
        return redirect(f"/{'/'.join(parts[: 3 if parts[0] in ('protocols', 'specifications') else 2])}/")

    return posted


def zone_hint() -> str:
    return f"Site time, {timezone.localtime().tzname()}. Empty means now."


def batch_frame(batch: Json, tab: str) -> dict[str, Any]:
    """The context of the header that every page of a batch carries."""
    last = BatchStatus(batch["status"])
    ends = last if last in (BatchStatus.REJECTED, BatchStatus.ON_HOLD) else BatchStatus.RELEASED
    return {
        "batch": batch,
        "tab": tab,
        "stages": [{"word": stage.label, "here": stage is last} for stage in (*STAGES, ends)],
        "zone_hint": zone_hint(),
        "reason_hint": "Needed more than 15 minutes after the fact.",
        "meanings": MEANINGS,
    }
