"""Tests that end after the release: what failed, what is still to come. For every page of a batch, and for Today."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from django import template

from labeling.domain.lifecycle import BatchStatus
from labeling.models import Batch
from labeling.selectors.batch import find_batch
from labeling.selectors.facts import rows_of
from labeling.views.pages import allowed
from labeling.views.waiting import COLUMN_LENGTH, batches_read, wait_on
from lims.accounts.roles import Permission
from qc.models import TestResult
from qc.selectors import assess, assess_several, tests_of

register = template.Library()
LOOKED_AT = 50  # the newest released batches; sterility takes two weeks


@register.simple_tag
def failed_after_release(batch: Mapping[str, Any]) -> list[str]:
    """The titles of the final tests that failed although the batch was released before."""
    if batch["status"] != BatchStatus.RELEASED:
        return []
    return _failed(batch["tests"] if "tests" in batch else tests_of(assess(find_batch(batch["number"]))))


def _failed(tests: Iterable[Mapping[str, Any]]) -> list[str]:
    return [test["title"] for test in tests if test["required_before"] == "final" and test["verdict"] == "fail"]


@register.simple_tag(takes_context=True)
def failures_for(context: Any) -> list[dict[str, str]]:
    """Released batches with a failing final test, for those who decide about what was released."""
    request = context["request"]
    if not any(allowed(request, p) for p in (Permission.RELEASE_BATCH, Permission.INVESTIGATE)):
        return []
    failing = TestResult.objects.filter(
        batch__status=BatchStatus.RELEASED, verdict="fail", investigation=None, corrected_by=None
    )
    numbers = list(failing.order_by("-id").values_list("batch__number", flat=True)[:LOOKED_AT])
    found = []
    batches = list(batches_read().filter(number__in=numbers).order_by("-id")[:COLUMN_LENGTH])
    for assessment in assess_several(batches):
        batch, titles = assessment.facts.batch, _failed(tests_of(assessment))
        if titles:
            row = wait_on(
                assessment.facts.batch,
                f"{', '.join(titles)} failed after release.",
                f"/batches/{batch.number}/tests/",
            )
            found.append({**row, "until": ""})
    return found


@register.simple_tag(takes_context=True)
def pending_for(context: Any) -> list[dict[str, str]]:
    """Final tests of released batches that are still to be recorded or reviewed."""
    request = context["request"]
    may_test, may_review = (allowed(request, p) for p in (Permission.TEST, Permission.REVIEW_RESULT))
    if not may_test and not may_review:
        return []
    released = batches_read().filter(status=BatchStatus.RELEASED).order_by("-disposition_signature__at", "-id")
    batches = list(released[:LOOKED_AT])
    valid = TestResult.objects.filter(investigation=None, corrected_by=None).select_related("review")
    results = rows_of(batches, valid)
    rows = [_pending(batch, results[batch.pk], may_test=may_test, may_review=may_review) for batch in batches]
    return [row for row in rows if row is not None][:COLUMN_LENGTH]


def _pending(batch: Batch, results: list[TestResult], *, may_test: bool, may_review: bool) -> dict[str, str] | None:
    specification = batch.specification_version.document if batch.specification_version else None
    final = [t for t in specification.tests if t.required_before == "final"] if specification else []
    reviewed = {result.test: hasattr(result, "review") for result in results}
    missing = [t.title for t in final if not t.from_result and t.key not in reviewed] if may_test else []
    unread = [t.title for t in final if reviewed.get(t.key) is False] if may_review else []
    said = [*(f"{title} is to come" for title in missing), *(f"{title} is to be reviewed" for title in unread)]
    if not said:
        return None
    return {**wait_on(batch, f"released; {', '.join(said)}.", f"/batches/{batch.number}/tests/"), "until": ""}
