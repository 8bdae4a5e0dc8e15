"""The audit trail: of one batch with the signed review of it, and of the whole site."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.forms import Form
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods, require_safe

from labeling.forms.trail import AuditReviewForm, TrailForm
from labeling.selectors.exceptions import exceptions
from labeling.selectors.history import history_of, history_rows
from labeling.services.audit_review import REVIEWABLE, review_audit_trail
from labeling.services.trail_export import Export, Format, export_trail, streamed
from labeling.services.trail_print import print_trail
from labeling.views.pages import Outcome, act, allowed, carried_out, page, page_for, shown
from labeling.views.paging import one_page
from labeling.views.records import batch_context
from lims.accounts.actors import actor_of
from lims.accounts.roles import Permission
from lims.oversight.selectors import trail_of
from lims.oversight.trail import Wanted, operations, wanted_of

MOST_EXCEPTIONS = 500


@page
@require_safe
def history(request: HttpRequest, number: str) -> HttpResponse:
    return history_page(request, number)


def history_page(
    request: HttpRequest, number: str, outcome: Outcome | None = None, form: Form | None = None
) -> HttpResponse:
    context = batch_context(number, "history")
    only = request.GET.get("only") == "exceptions"
    trail = trail_of(number)
    may_review = (
        context["batch"]["status"] in REVIEWABLE and not trail.reviewed and allowed(request, Permission.REVIEW_AUDIT)
    )
    initial = {"up_to": trail.last, "revision": context["batch"]["revision"]}
    context |= {
        "acts": exceptions(Wanted(subject=number), size=MOST_EXCEPTIONS).rows if only else history_of(number)[::-1],
        "only": only,
        "trail": trail,
        "may_export": allowed(request, Permission.READ_AUDIT),
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
    """The trail of the site, of a person or of a subject; `only=exceptions` leaves out what is as it should be."""
    only = request.GET.get("only") == "exceptions"
    form = TrailForm(request.GET)
    context: dict[str, Any] = {"form": form, "only": only, "acts": [], "older": "", "filtered": request.GET.urlencode()}
    outcome = carried_out(form, lambda: context.update(_found(request, only=only)))
    return shown(request, "labeling/audit.html", context, None if outcome.done else outcome)


def _found(request: HttpRequest, *, only: bool) -> dict[str, Any]:
    wanted = wanted_of(request.GET.dict())
    if not only:
        found = one_page(request, operations(wanted))
        return {"acts": history_rows(found.rows), "older": found.older}
    exceptional = exceptions(wanted, before=request.GET.get("before", ""))
    if not exceptional.older:
        return {"acts": exceptional.rows}
    query = request.GET.copy()
    query["before"] = exceptional.older
    return {"acts": exceptional.rows, "older": f"?{query.urlencode()}"}


@page_for(Permission.READ_AUDIT)
@act
def print_history(request: HttpRequest, number: str) -> HttpResponse:
    print_trail(actor=actor_of(request), number=number)
    messages.success(request, "The audit trail is being printed; it stands below in a few seconds.", extra_tags="pass")
    return redirect("labeling:batch-records", number)


@page_for(Permission.READ_AUDIT)
@require_http_methods(["GET", "HEAD", "POST"])
def export(request: HttpRequest) -> HttpResponse:
    if request.method != "POST":
        return redirect("labeling:audit")
    wanted_form = TrailForm(request.POST)
    made: list[Export] = []
    outcome = carried_out(
        wanted_form,
        lambda: made.append(
            export_trail(
                actor=actor_of(request),
                wanted=wanted_of(request.POST.dict()),
                form=Format.JSON if request.POST.get("as") == Format.JSON else Format.CSV,
            )
        ),
    )
    if not outcome.done:
        return shown(request, "labeling/audit.html", {"form": wanted_form, "acts": [], "older": ""}, outcome)
    return streamed(made[0])  # type: ignore[return-value]  # nothing asks a response for its content
