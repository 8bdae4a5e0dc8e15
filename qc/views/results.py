"""The tests of a batch: record, review, invalidate through an investigation."""

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
from qc.forms import InvestigationForm, ResultForm
from qc.selectors import assess, document_with_tests, full_batch_document
from qc.services.results import invalidate_result, record_result, review_result

GROUPS = (("release", "Before release"), ("final", "After release, before the batch is closed"))
TESTED = {BatchStatus.IN_PROGRESS, BatchStatus.QUARANTINE, BatchStatus.ON_HOLD}


@page
@require_safe
def tests(request: HttpRequest, number: str) -> HttpResponse:
    return results_page(request, number)


def results_page(request: HttpRequest, number: str, outcome: Outcome | None = None, **forms: Form) -> HttpResponse:
    assessment = assess(find_batch(number))
    batch = document_with_tests(assessment)
    asked = [Task.TEST] if any(_can_be_recorded(batch, test) for test in batch["tests"]) else []
    untrained = lacking(request.user, assessment.facts.batch.protocol_version, *asked)
    rows = [_row(request, batch, test, forms, trained=not untrained) for test in batch["tests"]]
    if outcome is None:
        _focus_after(request.GET.get("after", ""), rows)
    context = {
        **batch_frame(batch, "tests"),
        "activity": activity_now(assessment.facts, at=timezone.now()),
        "untrained": list(untrained.values()),
        "groups": [
            {"title": title, "tests": [row for row in rows if row["json"]["required_before"] == stage]}
            for stage, title in GROUPS
        ],
    }
    placed = {form for row in rows for form in row.values() if isinstance(form, Form)}
    for form in forms.values():
        if form not in placed:
            context["refusal"] = " ".join(str(error) for errors in form.errors.values() for error in errors)
    return shown(request, "qc/tests.html", context, outcome)


def _focus_after(key: str, rows: list[dict[str, Any]]) -> None:
    """After a result is saved the cursor goes to the next test that can be recorded."""
    place = next((position for position, row in enumerate(rows) if row["json"]["key"] == key), None)
    if place is None:
        return
    form: ResultForm | None = next((row["form"] for row in [*rows[place:], *rows[:place]] if "form" in row), None)
    inputs = form.fields if form is not None else {}
    visible = [field for field in inputs.values() if not field.widget.is_hidden]
    if visible:
        first = inputs.get("value") or inputs.get("initial_value") or inputs.get("region_0_name")
        (first or visible[-1]).widget.attrs["autofocus"] = True


def _row(request: HttpRequest, batch: Json, test: Json, forms: Mapping[str, Form], *, trained: bool) -> dict[str, Any]:
    """One test with the forms that are open to this person at this moment."""
    key, result = test["key"], test["result_id"]
    typed = not test["from_result"] and _can_be_recorded(batch, test)
    initial = {"revision": batch["revision"]}
    row: dict[str, Any] = {"json": test, "signed": _signed(batch, test)}
    if typed and result is None and trained and allowed(request, Permission.TEST):
        row["form"] = forms.get(f"record-{key}") or ResultForm(definition=_definition(batch, test))
    reviewing = allowed(request, Permission.REVIEW_RESULT) or allowed(request, Permission.TEST)
    if result is not None and not test["reviewed_by"] and reviewing:
        row["review_form"] = forms.get(f"review-{result}") or SignatureForm(slug=f"review-{result}", initial=initial)
    if result is not None and allowed(request, Permission.INVESTIGATE) and batch["status"] != BatchStatus.REJECTED:
        name = f"investigate-{result}"
        row["investigation_form"] = forms.get(name) or InvestigationForm(slug=name, initial=initial)
    return row


def _can_be_recorded(batch: Json, test: Json) -> bool:
    late = test["required_before"] == "final" and batch["status"] == BatchStatus.RELEASED
    return late or batch["status"] in TESTED


def _definition(batch: Json, test: Json) -> dict[str, Any]:
    return {**test, "nuclide": batch["nuclide"]["code"]}


def _signed(batch: Json, test: Json) -> list[tuple[str, str]]:
    if test["result_id"] is None:
        return []
    return [
        ("Batch", f"{batch['number']}, {batch['product']}"),
        ("Test", test["title"]),
        ("Result", test["display"]),
        ("Recorded by", test["recorded_by"]["full_name"]),
    ]


def _test_of(number: str, key: str) -> dict[str, Any]:
    batch = full_batch_document(number)
    for test in batch["tests"]:
        if test["key"] == key:
            return _definition(batch, test)
    raise NotFound(f"The specification of {number} has no test {key}.")


@page
@act
def record(request: HttpRequest, number: str) -> HttpResponse:
    key = request.POST.get("test", "")
    form = ResultForm(request.POST, definition=_test_of(number, key))
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
        ),
    )
    if not outcome.done:
        return results_page(request, number, outcome, **{f"record-{key}": form})
    return redirect(f"{reverse('qc:tests', args=[number])}?after={key}")


@page
@act
def review(request: HttpRequest, number: str, pk: int) -> HttpResponse:
    form = SignatureForm(request.POST, slug=f"review-{pk}")
    outcome = carried_out(
        form,
        lambda: review_result(actor=actor_of(request), number=number, result_id=pk, credential=form.credential),
    )
    if not outcome.done:
        return results_page(request, number, outcome, **{f"review-{pk}": form})
    return redirect("qc:tests", number)


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
