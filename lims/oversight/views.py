"""Alarms with their acknowledgement, and the state of the installation."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods, require_safe

from lims.accounts.actors import actor_of
from lims.accounts.pages import Outcome, allowed, carried_out, page_for, shown
from lims.accounts.roles import Permission
from lims.oversight.forms import AcknowledgeForm
from lims.oversight.models import Alarm
from lims.oversight.selectors import alarm_row, alarms
from lims.oversight.services import acknowledge_alarm
from lims.oversight.state import state_of_installation
from lims.pagination import is_row_number

PAGE = 50


@page_for(Permission.WATCH)
@require_safe
def alarm_list(request: HttpRequest) -> HttpResponse:
    return _alarms(request, {})


@page_for(Permission.WATCH)
@require_http_methods(["GET", "HEAD", "POST"])
def acknowledge(request: HttpRequest, pk: int) -> HttpResponse:
    if request.method != "POST":
        return redirect("oversight:alarms")
    form = AcknowledgeForm(request.POST, alarm_id=pk)
    outcome = carried_out(
        form,
        lambda: acknowledge_alarm(actor=actor_of(request), alarm_id=pk, comment=form.cleaned_data["comment"]),
    )
    if not outcome.done:
        return _alarms(request, {pk: form}, outcome)
    messages.success(request, "The alarm is acknowledged.", extra_tags="pass")
    return redirect("oversight:alarms")


@page_for(Permission.WATCH)
@require_safe
def health(request: HttpRequest) -> HttpResponse:
    return shown(request, "oversight/health.html", {"state": state_of_installation()})


def _alarms(request: HttpRequest, refused: dict[int, AcknowledgeForm], outcome: Outcome | None = None) -> HttpResponse:
    may = allowed(request, Permission.ACKNOWLEDGE)
    before = request.GET.get("before", "")
    closed = alarms(state="acknowledged").order_by("-pk")
    if is_row_number(before):
        closed = closed.filter(pk__lt=int(before))
    page = list(closed[: PAGE + 1])
    context: dict[str, Any] = {
        "open": [_shown(alarm, refused, may=may) for alarm in alarms(state="open").order_by("-severity", "-pk")],
        "closed": [alarm_row(alarm) for alarm in page[:PAGE]],
        "older": f"?before={page[PAGE - 1].pk}" if len(page) > PAGE else "",
    }
    return shown(request, "oversight/alarms.html", context, outcome)


def _shown(alarm: Alarm, refused: dict[int, AcknowledgeForm], *, may: bool) -> dict[str, Any]:
    form = refused.get(alarm.pk) or AcknowledgeForm(alarm_id=alarm.pk)
    return {**alarm_row(alarm), "form": form if may else None}
