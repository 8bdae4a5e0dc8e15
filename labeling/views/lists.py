"""Today, the board of batches, and planning a new one."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, time, timedelta
from typing import Any

from django.contrib import messages
from django.db.models import F
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from labeling.domain.day import day_line
from labeling.domain.lifecycle import BatchStatus, VersionStatus
from labeling.forms.registers import PlanForm
from labeling.models import Batch, ProtocolVersion
from labeling.selectors.batch import summary_of
from labeling.selectors.instrument_rows import instrument_rows
from labeling.selectors.stock import instruments
from labeling.selectors.today import decaying_stock, expiring, marks_of, open_alarms, overdue_of, sheets_out
from labeling.selectors.training import not_trained_to_make
from labeling.services.planning import plan_batch
from labeling.templatetags.lims_format import isotopes
from labeling.views.pages import allowed, carried_out, page, shown
from labeling.views.paging import one_page
from labeling.views.waiting import COLUMN_LENGTH, batches_read, drafts_for, waiting_for
from lims.accounts.actors import actor_of
from lims.accounts.roles import Permission

OPEN = (BatchStatus.PLANNED, BatchStatus.IN_PROGRESS, BatchStatus.QUARANTINE, BatchStatus.ON_HOLD)
ON_THEIR_WAY = (VersionStatus.DRAFT, VersionStatus.SUBMITTED, VersionStatus.APPROVED)


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """Today, or for an administrator the people: an administrator has nothing to do with batches."""
    if allowed(request, Permission.MANAGE_PEOPLE) and not allowed(request, Permission.VIEW):
        return redirect("people:people")
    return today(request)


@page
@require_safe
def today(request: HttpRequest) -> HttpResponse:
    now = timezone.now()
    day = timezone.localdate(now)
    registered = instrument_rows(list(instruments()))
    context = {
        "waits": waiting_for(request),
        "drafts": drafts_for(request),
        "nothing_to_make": _nothing_to_make(request),
        "board": [_column(status) for status in OPEN],
        "alarms": open_alarms() if allowed(request, Permission.WATCH) else [],
        "stock": decaying_stock(at=now),
        "expiring": expiring(now=now),
        "line": day_line(marks_of(day), start=_midnight(day), end=_midnight(day + timedelta(days=1)), now=now),
        "unchecked": [row for row in registered if not row["checked_today"]],
        "overdue": overdue_of(registered),
        "sheets": sheets_out(),
        "registered": bool(registered),
        "may_plan": allowed(request, Permission.MAKE_BATCH),
        "may_check": allowed(request, Permission.KEEP_EQUIPMENT),
    }
    return render(request, "labeling/today.html", context)


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), tzinfo=timezone.get_current_timezone())


def _nothing_to_make(request: HttpRequest) -> int:
    """How many protocols are on their way into use, where none is in use yet and this person would make batches."""
    versions = ProtocolVersion.objects
    if not allowed(request, Permission.MAKE_BATCH) or versions.filter(status=VersionStatus.EFFECTIVE).exists():
        return 0
    return versions.filter(status__in=ON_THEIR_WAY).count()


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


def _needs_identity(effective: Iterable[ProtocolVersion]) -> str:
    """Which protocols check whose cells these are: for those the number is demanded, for the others refused."""
    checks = [
        isotopes(version.title)
        for version in effective
        if any(field.type == "identity" for step in version.document.steps for field in step.fields)
    ]
    if not checks:
        return "None of these protocols checks an identity: leave it empty."
    return f"Needed for {'; '.join(checks)}. Left empty for every other. Scan or type it."


@page
@require_http_methods(["GET", "HEAD", "POST"])
def plan(request: HttpRequest) -> HttpResponse:
    effective = list(ProtocolVersion.objects.filter(status=VersionStatus.EFFECTIVE).order_by("kind", "code"))
    untrained = not_trained_to_make(request.user, effective)
    effective = [v for v in effective if v.code not in untrained]
    choices = [(v.code, f"{isotopes(v.title)} (version {v.number})") for v in effective]
    form = PlanForm(request.POST if request.method == "POST" else None, slug="plan", protocols=choices)
    context = {
        "form": form,
        "effective": effective,
        "untrained": list(untrained.values()),
        "identity_hint": _needs_identity(effective),
    }
    if request.method != "POST":
        return shown(request, "labeling/plan.html", context)
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
        return shown(request, "labeling/plan.html", context, outcome)
    messages.success(request, f"{planned[0].number} is planned.", extra_tags="pass")
    return redirect("labeling:batch", planned[0].number)
