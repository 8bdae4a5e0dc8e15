"""What waits for a decision, the most urgent first."""

from __future__ import annotations

from typing import Any

from django.db.models import F
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from labeling.domain.lifecycle import BatchStatus
from labeling.models import Batch
from labeling.selectors.batch import summary_of
from labeling.views.pages import page
from qc.selectors import Assessment, assess_several, blockers_of

WAITING = [BatchStatus.QUARANTINE, BatchStatus.ON_HOLD]
AT_ONCE = 25


@page
@require_safe
def release(request: HttpRequest) -> HttpResponse:
    waiting = (
        Batch.objects.filter(status__in=WAITING)
        .select_related(
            *("protocol_version", "specification_version", "planned_by", "started_by", "disposed_by"),
            *("completion_signature", "disposition_signature"),
        )
        .order_by(F("expires_at").asc(nulls_last=True), "id")
    )
    rows = list(waiting[: AT_ONCE + 1])
    context = {"rows": [_row(assessment) for assessment in assess_several(rows[:AT_ONCE])], "more": len(rows) > AT_ONCE}
    return render(request, "qc/release.html", context)


def _row(assessment: Assessment) -> dict[str, Any]:
    return {
        "batch": summary_of(assessment.facts.batch),
        "possible": assessment.evaluation.decision_possible,
        "blockers": blockers_of(assessment),
    }
