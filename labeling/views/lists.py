"""Today, the board of batches, and planning a new one."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.contrib import messages
from django.db.models import Count, F, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from labeling.domain.lifecycle import BatchStatus, VersionStatus
from labeling.forms.registers import PlanForm
from labeling.models import Batch, Deviation, Lot, ProtocolVersion
from labeling.selectors.batch import summary_of
from labeling.selectors.stock import instrument_row, instruments, lot_row, lots
from labeling.services.planning import plan_batch
from labeling.views.pages import allowed, carried_out, page, shown
from labeling.views.paging import one_page
from lims.accounts.actors import actor_of
from lims.accounts.roles import Permission

OPEN = (BatchStatus.PLANNED, BatchStatus.IN_PROGRESS, BatchStatus.QUARANTINE, BatchStatus.ON_HOLD)
COLUMN_LENGTH = 12
SOON = timedelta(days=7)


def batches_read() -> QuerySet[Batch]:
    return Batch.objects.select_related(
        *("protocol_version", "specification_version", "planned_by", "started_by", "disposed_by"),
        *("completion_signature", "disposition_signature"),
    )


def home(request: HttpRequest) -> HttpResponse:
    """Today, or for an administrator the people: an administrator has nothing to do with batches."""
    if allowed(request, Permission.MANAGE_PEOPLE) and not allowed(request, Permission.VIEW):
        return redirect("people:people")
    return today(request)


@page
@require_safe
def today(request: HttpRequest) -> HttpResponse:
    now = timezone.now()
    expiring = lots(status=Lot.Status.ACCEPTED).filter(expires_at__gt=now, expires_at__lt=now + SOON)
    unchecked = [row for row in map(instrument_row, instruments()) if not row["checked_today"]]
    context = {
        "waits": _waiting_for(request),
        "board": [_column(status) for status in OPEN],
        "expiring": [lot_row(lot) for lot in expiring.order_by("expires_at")[:COLUMN_LENGTH]],
        "unchecked": unchecked,
        "may_plan": allowed(request, Permission.MAKE_BATCH),
        "may_check": allowed(request, Permission.KEEP_EQUIPMENT),
    }
    return render(request, "labeling/today.html", context)


def _column(status: BatchStatus) -> dict[str, Any]:
    rows = list(
        batches_read().filter(status=status).order_by(F("expires_at").asc(nulls_last=True), "-id")[: COLUMN_LENGTH + 1]
    )
    return {
        "status": status.value,
        "label": status.label,
        "batches": [summary_of(batch) for batch in rows[:COLUMN_LENGTH]],
        "more": len(rows) > COLUMN_LENGTH,
    }


def _waiting_for(request: HttpRequest) -> list[dict[str, str]]:
    """What this person's roles can move on, the most urgent first."""
    waits: list[dict[str, str]] = []
    if allowed(request, Permission.RELEASE_BATCH):
        waits += [_decision(batch) for batch in _by_expiry(BatchStatus.QUARANTINE)]
    if allowed(request, Permission.TEST) or allowed(request, Permission.REVIEW_RESULT):
        waits += [_testing(batch) for batch in _by_expiry(BatchStatus.QUARANTINE, BatchStatus.IN_PROGRESS)]
    if allowed(request, Permission.ASSESS_DEVIATION):
        waits += _open_deviations()
    if allowed(request, Permission.VERIFY):
        waits += [_verifying(batch) for batch in _by_expiry(BatchStatus.IN_PROGRESS)]
    if allowed(request, Permission.MAKE_BATCH):
        waits += [_work(batch) for batch in _by_expiry(BatchStatus.IN_PROGRESS, BatchStatus.PLANNED)]
    if allowed(request, Permission.ACCEPT_LOT):
        waits += [_lot(lot) for lot in lots(status=Lot.Status.QUARANTINE).order_by("expires_at")[:COLUMN_LENGTH]]
    return waits


def _by_expiry(*statuses: BatchStatus) -> list[Batch]:
    rows = batches_read().filter(status__in=statuses).order_by(F("expires_at").asc(nulls_last=True), "id")
    return list(rows[:COLUMN_LENGTH])


def _wait(batch: Batch, what: str, href: str) -> dict[str, str]:
    return {
        "name": batch.number,
        "text": f"{batch.protocol_version.product}: {what}",
        "href": href,
        "until": batch.expires_at.isoformat() if batch.expires_at else "",
    }


def _decision(batch: Batch) -> dict[str, str]:
    return _wait(batch, "waits for the decision.", f"/batches/{batch.number}/release/")


def _testing(batch: Batch) -> dict[str, str]:
    return _wait(batch, "tests and their review.", f"/batches/{batch.number}/tests/")


def _verifying(batch: Batch) -> dict[str, str]:
    return _wait(batch, "critical values are checked by a second person.", f"/batches/{batch.number}/")


def _work(batch: Batch) -> dict[str, str]:
    what = "is planned and can be started." if batch.status == BatchStatus.PLANNED else "is in progress."
    return _wait(batch, what, f"/batches/{batch.number}/")


def _open_deviations() -> list[dict[str, str]]:
    counted = (
        Deviation.objects.filter(assessment_signature=None)
        .exclude(batch__status=BatchStatus.REJECTED)
        .values("batch__number")
        .annotate(open=Count("id"))
        .order_by("batch__number")[:COLUMN_LENGTH]
    )
    return [
        {
            "name": row["batch__number"],
            "text": f"{row['open']} deviation{'' if row['open'] == 1 else 's'} to assess.",
            "href": f"/batches/{row['batch__number']}/#deviations",
            "until": "",
        }
        for row in counted
    ]


def _lot(lot: Lot) -> dict[str, str]:
    return {
        "name": lot.number,
        "text": f"{lot.name or lot.material}: received, to be accepted or rejected.",
        "href": f"/stock/{lot.pk}/",
        "until": "",
    }


@page
@require_safe
def batches(request: HttpRequest) -> HttpResponse:
    status = request.GET.get("status", "")
    wanted = request.GET.get("number", "").strip()
    rows = batches_read()
    if status in {s.value for s in BatchStatus}:
        rows = rows.filter(status=status)
    if wanted:
        rows = rows.filter(number__icontains=wanted)
    found = one_page(request, rows)
    context = {
        "rows": [summary_of(batch) for batch in found.rows],
        "older": found.older,
        "statuses": [{"code": s.value, "label": s.label, "here": s.value == status} for s in BatchStatus],
        "status": status,
        "wanted": wanted,
        "may_plan": allowed(request, Permission.MAKE_BATCH),
    }
    return render(request, "labeling/batches.html", context)


@page
@require_http_methods(["GET", "HEAD", "POST"])
def plan(request: HttpRequest) -> HttpResponse:
    effective = list(ProtocolVersion.objects.filter(status=VersionStatus.EFFECTIVE).order_by("kind", "code"))
    choices = [(v.code, f"{v.title} (version {v.number})") for v in effective]
    form = PlanForm(request.POST if request.method == "POST" else None, slug="plan", protocols=choices)
    if request.method != "POST":
        return shown(request, "labeling/plan.html", {"form": form, "effective": effective})
    planned: list[Batch] = []
    outcome = carried_out(
        form,
        lambda: planned.append(
            plan_batch(
                actor=actor_of(request), protocol=form.cleaned_data["protocol"], identity=form.cleaned_data["identity"]
            )
        ),
    )
    if not outcome.done:
        return shown(request, "labeling/plan.html", {"form": form, "effective": effective}, outcome)
    messages.success(request, f"{planned[0].number} is planned.", extra_tags="pass")
    return redirect("labeling:batch", planned[0].number)
