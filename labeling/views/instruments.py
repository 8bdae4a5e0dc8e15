"""The register of instruments, their daily checks and calibrations."""

from __future__ import annotations

from typing import Any

from django.forms import Form
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods, require_safe

from labeling.forms.registers import CalibrationForm, CheckForm, EquipmentForm
from labeling.models import Equipment
from labeling.selectors.stock import instrument_row, instrument_rows, instruments
from labeling.services.equipment import record_calibration, record_check, register_equipment
from labeling.views.pages import Outcome, act, allowed, carried_out, page, shown, zone_hint
from lims.accounts.actors import actor_of
from lims.accounts.roles import Permission

SHOWN = 30


@page
@require_safe
def register(request: HttpRequest) -> HttpResponse:
    rows = instrument_rows(list(instruments()))
    may_keep = allowed(request, Permission.KEEP_EQUIPMENT)
    return shown(request, "labeling/instruments.html", {"rows": rows, "may_keep": may_keep})


@page
@require_http_methods(["GET", "HEAD", "POST"])
def new(request: HttpRequest) -> HttpResponse:
    form = EquipmentForm(request.POST if request.method == "POST" else None, slug="instrument")
    if request.method != "POST":
        return shown(request, "labeling/instrument_new.html", {"form": form})
    outcome = carried_out(form, lambda: register_equipment(actor=actor_of(request), **form.cleaned_data))
    if not outcome.done:
        return shown(request, "labeling/instrument_new.html", {"form": form}, outcome)
    return redirect("labeling:instrument", form.cleaned_data["code"])


@page
@require_safe
def instrument(request: HttpRequest, code: str) -> HttpResponse:
    return instrument_page(request, code)


def instrument_page(request: HttpRequest, code: str, outcome: Outcome | None = None, **forms: Form) -> HttpResponse:
    equipment = instruments().filter(code=code).first()
    if equipment is None:
        raise Http404(f"There is no instrument {code} in the register.")
    may_keep = allowed(request, Permission.KEEP_EQUIPMENT)
    context: dict[str, Any] = {
        "instrument": instrument_row(equipment),
        "checks": _newest(equipment, "checks", "-at"),
        "calibrations": _newest(equipment, "calibrations", "-valid_from"),
        "check_form": (forms.get("check") or CheckForm(slug="check")) if may_keep else None,
        "calibration_form": (forms.get("calibration") or CalibrationForm(slug="calibration")) if may_keep else None,
        "zone_hint": zone_hint(),
    }
    return shown(request, "labeling/instrument.html", context, outcome)


def _newest(equipment: Equipment, relation: str, order: str) -> list[Any]:
    return list(getattr(equipment, relation).select_related("recorded_by").order_by(order, "-pk")[:SHOWN])


@page
@act
def check(request: HttpRequest, code: str) -> HttpResponse:
    form = CheckForm(request.POST, slug="check")
    outcome = carried_out(form, lambda: record_check(actor=actor_of(request), code=code, **form.cleaned_data))
    return (
        redirect("labeling:instrument", code) if outcome.done else instrument_page(request, code, outcome, check=form)
    )


@page
@act
def calibrate(request: HttpRequest, code: str) -> HttpResponse:
    form = CalibrationForm(request.POST, slug="calibration")
    outcome = carried_out(form, lambda: record_calibration(actor=actor_of(request), code=code, **form.cleaned_data))
    if outcome.done:
        return redirect("labeling:instrument", code)
    return instrument_page(request, code, outcome, calibration=form)
