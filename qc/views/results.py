"""The tests of a batch: record, invalidate through an investigation. They are reviewed in `reviews`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.forms import Form
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_safe

from labeling.domain.lifecycle import BatchStatus
from labeling.domain.training import Task
from labeling.selectors.batch import find_batch
from labeling.selectors.training import lacking
from labeling.views.activity import activity_now
from labeling.views.pages import Json, Outcome, act, allowed, batch_frame, carried_out, page, shown
from lims.accounts.actors import actor_of
from lims.accounts.forms import SignatureForm
from lims.accounts.roles import Permission
from lims.errors import NotFound
from lims.signatures.signing import digest_of
from qc.forms import InvestigationForm, ResultForm, SeriesReviewForm
from qc.selectors import Assessment, assess, document_with_tests, product_measured
from qc.services.investigations import invalidate_result
from qc.services.results import record_result, result_manifest
from qc.views.reviewing import awaits_review, may_review, series_of, signed_facts, who_reviews

GROUPS = (("release", "Before release"), ("final", "After release, before the batch is closed"))
TESTED = {BatchStatus.IN_PROGRESS, BatchStatus.QUARANTINE, BatchStatus.ON_HOLD}


@page
@require_safe
def tests(request: HttpRequest, number: str) -> HttpResponse:
    return results_page(request, number)


def results_page(request: HttpRequest, number: str, outcome: Outcome | None = None, **forms: Form) -> HttpResponse:
    assessment = assess(find_batch(number))
    batch = document_with_tests(assessment)
    product = product_measured(assessment.facts)
    asked = [Task.TEST] if any(_can_be_recorded(batch, test) for test in batch["tests"]) else []
    untrained = lacking(request.user, assessment.facts.batch.protocol_version, *asked)
    rows = [_row(request, batch, test, forms, trained=not untrained, product=product) for test in batch["tests"]]
    series = series_of(rows, forms.get(SeriesReviewForm.SLUG))
    digests = _digests(assessment) if series else {}
    for row in rows:
        row["shown"] = digests.get(row["json"]["result_id"])
    if outcome is None:
        _mark_saved(request.GET.get("after", ""), rows)
    context = {
        **batch_frame(batch, "tests"),
        "activity": activity_now(assessment.facts, at=timezone.now()),
        "untrained": list(untrained.values()),
        "series": series,
        "groups": [
            {"title": title, "tests": [row for row in rows if row["json"]["required_before"] == stage]}
            for stage, title in GROUPS
        ],
    }
    placed = {form for row in rows for form in row.values() if isinstance(form, Form)}
    if series:
        placed.add(series.form)
    for form in forms.values():
        if form not in placed:
            context["refusal"] = " ".join(str(error) for errors in form.errors.values() for error in errors)
    return shown(request, "qc/tests.html", context, outcome)


def _mark_saved(key: str, rows: list[dict[str, Any]]) -> None:
    """After a result is saved its test is in sight, with the verdict and the way to the next that is to be recorded."""
    place = next((position for position, row in enumerate(rows) if row["json"]["key"] == key), None)
    if place is None or rows[place]["json"]["result_id"] is None:
        return
    stage = rows[place]["json"]["required_before"]
    following = [row for row in (*rows[place + 1 :], *rows[:place]) if row["json"]["required_before"] == stage]
    rows[place]["saved"] = {"next": next((row["json"] for row in following if "form" in row), None)}


def _row(
    request: HttpRequest, batch: Json, test: Json, forms: Mapping[str, Form], *, trained: bool, product: Json | None
) -> dict[str, Any]:
    """One test with the forms that are open to this person at this moment."""
    key, result = test["key"], test["result_id"]
    typed = not test["from_result"] and _can_be_recorded(batch, test)
    initial = {"revision": batch["revision"]}
    row: dict[str, Any] = {"json": test, "signed": signed_facts(batch, test)}
    if typed and not test["reviewed_by"] and trained and allowed(request, Permission.TEST):
        place = "form" if result is None else "correct_form"
        row[place] = forms.get(f"record-{key}") or ResultForm(definition=_definition(batch, test), product=product)
    if awaits_review(test):
        name = f"review-{result}"
        if may_review(request, test):
            row["review_form"] = forms.get(name) or SignatureForm(slug=name, initial=initial)
        else:
            row["who_reviews"] = who_reviews(request, test)
    if result is not None and allowed(request, Permission.INVESTIGATE) and batch["status"] != BatchStatus.REJECTED:
        name = f"investigate-{result}"
        row["investigation_form"] = forms.get(name) or InvestigationForm(slug=name, initial=initial)
    return row


def _digests(assessment: Assessment) -> dict[int, str]:
    """Of each result, what a reviewer sends back to say which state of it they were shown."""
    attempts = [result for results in assessment.results.values() for result in results]
    return {result.pk: digest_of(result_manifest(result)) for result in attempts}


def _can_be_recorded(batch: Json, test: Json) -> bool:
    late = test["required_before"] == "final" and batch["status"] == BatchStatus.RELEASED
    return late or batch["status"] in TESTED


def _definition(batch: Json, test: Json) -> dict[str, Any]:
    return {**test, "nuclide": batch["nuclide"]["code"]}


def _posted(request: HttpRequest, number: str, key: str) -> ResultForm:
    assessment = assess(find_batch(number))
    batch = document_with_tests(assessment)
    for test in batch["tests"]:
        if test["key"] == key:
            product = product_measured(assessment.facts)
            return ResultForm(request.POST, definition=_definition(batch, test), product=product)
    raise NotFound(f"The specification of {number} has no test {key}.")


@page
@act
def record(request: HttpRequest, number: str) -> HttpResponse:
    key = request.POST.get("test", "")
    form = _posted(request, number, key)
    outcome = carried_out(
        form,
        lambda: record_result(
            actor=actor_of(request),
            number=number,
            test=key,
            value=form.cleaned_data.get("value", ""),
            inputs=form.cleaned_data.get("raw"),
            at=form.cleaned_data["at"],
            equipment=form.cleaned_data.get("equipment", ""),
            corrects=form.cleaned_data["corrects"],
            reason=form.cleaned_data["reason"],
        ),
    )
    if not outcome.done:
        return results_page(request, number, outcome, **{f"record-{key}": form})
    return redirect(f"{reverse('qc:tests', args=[number])}?after={key}")


@page
@act
def investigate(request: HttpRequest, number: str, pk: int) -> HttpResponse:
    form = InvestigationForm(request.POST, slug=f"investigate-{pk}")
    outcome = carried_out(
        form,
        lambda: invalidate_result(
            actor=actor_of(request),
            number=number,
            result_id=pk,
            cause=form.cleaned_data["cause"],
            credential=form.credential,
            revision=form.cleaned_data["revision"],
        ),
    )
    if not outcome.done:
        return results_page(request, number, outcome, **{f"investigate-{pk}": form})
    return redirect("qc:tests", number)
