"""The page of the access review: every account, the signature for it, and the reviews before."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from lims.accounts.actors import actor_of
from lims.accounts.pages import Outcome, allowed, carried_out, page_for, shown
from lims.accounts.roles import Permission
from lims.pagination import one_page
from lims.people import access_review as review
from lims.people.forms import AccessReviewForm
from lims.people.holders import LONG_UNUSED, account_rows, as_csv
from lims.signatures.meanings import Meaning


@page_for(Permission.READ_ACCESS)
@require_http_methods(["GET", "HEAD", "POST"])
def access_review(request: HttpRequest) -> HttpResponse:
    if request.method != "POST":
        return _page(request)
    form = AccessReviewForm(request.POST, slug="access-review")
    outcome = carried_out(
        form,
        lambda: review.review_access(
            actor=actor_of(request),
            credential=form.credential,
            conclusion=form.cleaned_data["conclusion"],
            seen=form.cleaned_data["seen"],
        ),
    )
    if not outcome.done:
        return _page(request, outcome, form)
    messages.success(request, "The review of who has access is signed.", extra_tags="pass")
    return redirect("people:access-review")


@page_for(Permission.READ_ACCESS)
@require_safe
def present_list(request: HttpRequest) -> HttpResponse:
    return _as_file(account_rows(now=timezone.now()), f"access-{timezone.localdate()}.csv")


@page_for(Permission.READ_ACCESS)
@require_safe
def reviewed_list(request: HttpRequest, pk: int) -> HttpResponse:
    return _as_file(review.find_review(pk).listed, f"access-review-{pk}.csv")


def _page(request: HttpRequest, outcome: Outcome | None = None, form: AccessReviewForm | None = None) -> HttpResponse:
    may_sign = allowed(request, Permission.REVIEW_ACCESS) and not allowed(request, Permission.MANAGE_PEOPLE)
    past = one_page(request, review.reviews())
    context: dict[str, Any] = {
        "now": review.present_document(),
        "past": [review.review_row(one) for one in past.rows],
        "older": past.older,
        "long_unused_days": LONG_UNUSED.days,
        "meaning": Meaning.ACCESS_REVIEWED.text,
        "form": (form or AccessReviewForm(slug="access-review")) if may_sign else None,
        "may_manage": allowed(request, Permission.MANAGE_PEOPLE),
    }
    return shown(request, "people/access_review.html", context, outcome)


def _as_file(rows: list[dict[str, Any]], name: str) -> HttpResponse:
    answer = HttpResponse(as_csv(rows), content_type="text/csv; charset=utf-8")
    answer["Content-Disposition"] = f'attachment; filename="{name}"'
    answer["Cache-Control"] = "private, no-store"
    return answer
