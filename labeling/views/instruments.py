"""The register of instruments and the page of each: whether it is in order, its checks and calibrations."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.forms import Form
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods, require_safe

from labeling.forms.instruments import (
    AccuracyForm,
    AllowanceForm,
    CalibrationFileForm,
    CalibrationForm,
    CheckForm,
    ConstancyForm,
    DescriptionForm,
    EquipmentForm,
    RulesForm,
    SeriesForm,
    ServiceForm,
    SourceForm,
)
from labeling.models import CheckSource, EquipmentCheck
from labeling.selectors.calibrations import without_file
from labeling.selectors.instrument_rows import find_instrument, instrument_row, instrument_rows
from labeling.selectors.instrument_uses import allowable_readings
from labeling.selectors.logbook import source_row, trend_of
from labeling.selectors.stock import instruments
from labeling.services.calibrating import record_calibration
from labeling.services.calibration_certificates import attach_calibration_certificate
from labeling.services.equipment import describe_equipment, record_check, register_equipment
from labeling.services.instrument_checks import (
    SourceReading,
    record_accuracy,
    record_constancy,
    record_linearity,
    record_service,
    register_source,
)
from labeling.services.instrument_gate import allow_unchecked
from labeling.services.instrument_rules import set_rules, set_service_status
from labeling.views.pages import MEANINGS, Outcome, act, allowed, carried_out, page, page_for, shown, zone_hint
from lims.accounts.actors import Actor, actor_of
from lims.accounts.forms import ReasonedSignatureForm
from lims.accounts.roles import Permission

SHOWN = 10
Kind = EquipmentCheck.Kind


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
@require_http_methods(["GET", "HEAD", "POST"])
def sources(request: HttpRequest) -> HttpResponse:
    """The check sources, and the form for one more."""
    form = SourceForm(request.POST if request.method == "POST" else None, slug="source")
    outcome = None
    if request.method == "POST":
        outcome = carried_out(form, lambda: register_source(actor=actor_of(request), **form.cleaned_data))
        if outcome.done:
            return redirect("labeling:sources")
    rows = CheckSource.objects.select_related("registered_by").order_by("code")
    may_keep = allowed(request, Permission.KEEP_EQUIPMENT)
    context = {"rows": [source_row(row) for row in rows], "form": form if may_keep else None}
    return shown(request, "labeling/sources.html", context, outcome)


@page
@require_safe
def instrument(request: HttpRequest, code: str) -> HttpResponse:
    return instrument_page(request, code)


def instrument_page(request: HttpRequest, code: str, outcome: Outcome | None = None, **forms: Form) -> HttpResponse:
    equipment = find_instrument(code)
    row = instrument_row(equipment)
    checks = list(equipment.checks.select_related("recorded_by", "source").order_by("-at", "-pk")[:SHOWN])
    context: dict[str, Any] = {
        "instrument": row,
        "meters": equipment.kind == "dose_calibrator",
        "checks": checks,
        "trend": trend_of(equipment),
        "calibrations": list(
            equipment.calibrations.select_related("recorded_by", "certificate_kept").order_by("-valid_from", "-pk")[
                :SHOWN
            ]
        ),
        "may_restate": allowed(request, Permission.RESTATE),
        "zone_hint": zone_hint(),
        "meanings": MEANINGS,
        **_forms(request, row, forms),
    }
    return shown(request, "labeling/instrument.html", context, outcome)


def _forms(request: HttpRequest, row: dict[str, Any], given: dict[str, Form]) -> dict[str, Form]:
    """The forms of this page that this person may use, one of them perhaps as it was refused."""
    offered: dict[str, Form] = {}
    if allowed(request, Permission.KEEP_EQUIPMENT):
        offered |= {
            "check_form": CheckForm(slug="check"),
            "calibration_form": CalibrationForm(slug="calibration", initial={"factor": "1"}),
            "service_form": ServiceForm(slug="service"),
            "description_form": DescriptionForm(
                slug="description", initial={name: row[name] for name in ("name", "maker", "model", "location")}
            ),
        }
        if calibrations := without_file(row["code"]):
            offered["certificate_form"] = CalibrationFileForm(slug="certificate", calibrations=calibrations)
        if row["kind"] == "dose_calibrator":
            offered["linearity_form"] = SeriesForm(slug="linearity")
            if known := _sources():
                initial = {"source": row["daily_source"] or ""}
                offered["constancy_form"] = ConstancyForm(slug="constancy", sources=known, initial=initial)
                offered["accuracy_form"] = AccuracyForm(slug="accuracy", sources=known)
    if allowed(request, Permission.SERVE_EQUIPMENT):
        offered["status_form"] = ReasonedSignatureForm(slug="status")
    if allowed(request, Permission.ALLOW_UNCHECKED) and row["faults"]:
        readings = allowable_readings(row["kind"])
        if readings:
            offered["allowance_form"] = AllowanceForm(slug="allow", readings=readings)
    if allowed(request, Permission.RULE_EQUIPMENT):
        limits = {f"{name}_percent": limit for name, limit in row["limits_percent"].items()}
        limits |= {f"{name}_days": days for name, days in row["intervals_days"].items()}
        offered["rules_form"] = RulesForm(
            slug="rules", sources=_sources(), initial={**limits, "daily_source": row["daily_source"] or ""}
        )
    return offered | {f"{name}_form": form for name, form in given.items()}


def _sources() -> list[tuple[str, str]]:
    return [(s.code, f"{s.code} ({s.nuclide})") for s in CheckSource.objects.order_by("code")]


def _kept(request: HttpRequest, code: str, name: str, form: Form, do: Callable[[Actor], object]) -> HttpResponse:
    """Carry out what a form of the instrument's page asks for; refused, the page comes back with it."""
    outcome = carried_out(form, lambda: do(actor_of(request)))
    if outcome.done:
        return redirect("labeling:instrument", code)
    return instrument_page(request, code, outcome, **{name: form})


@page
@act
def check(request: HttpRequest, code: str) -> HttpResponse:
    form = CheckForm(request.POST, slug="check")
    return _kept(request, code, "check", form, lambda actor: record_check(actor=actor, code=code, **form.cleaned_data))


@page
@act
def calibrate(request: HttpRequest, code: str) -> HttpResponse:
    form = CalibrationForm(request.POST, request.FILES, slug="calibration")
    return _kept(
        request,
        code,
        "calibration",
        form,
        lambda actor: record_calibration(actor=actor, code=code, **form.to_command()),
    )


@page_for(Permission.KEEP_EQUIPMENT)
@act
def certificate(request: HttpRequest, code: str) -> HttpResponse:
    form = CalibrationFileForm(request.POST, request.FILES, slug="certificate", calibrations=without_file(code))
    return _kept(
        request,
        code,
        "certificate",
        form,
        lambda actor: attach_calibration_certificate(actor=actor, code=code, **form.to_command()),
    )


@page_for(Permission.KEEP_EQUIPMENT)
@act
def constancy(request: HttpRequest, code: str) -> HttpResponse:
    form = ConstancyForm(request.POST, slug="constancy", sources=_sources())

    def do(actor: Actor) -> object:
        typed = dict(form.cleaned_data)
        reading = SourceReading(**{name: typed.pop(name) for name in ("value", "unit", "at", "source")})
        return record_constancy(actor=actor, code=code, reading=reading, **typed)

    return _kept(request, code, "constancy", form, do)


@page_for(Permission.KEEP_EQUIPMENT)
@act
def linearity(request: HttpRequest, code: str) -> HttpResponse:
    form = SeriesForm(request.POST, slug="linearity")

    def do(actor: Actor) -> object:
        typed = form.cleaned_data
        readings = [SourceReading(**row) for row in form.readings]
        told = {name: typed[name] for name in ("nuclide", "note", "reason")}
        return record_linearity(actor=actor, code=code, readings=readings, **told)

    return _kept(request, code, "linearity", form, do)


@page_for(Permission.KEEP_EQUIPMENT)
@act
def accuracy(request: HttpRequest, code: str) -> HttpResponse:
    form = AccuracyForm(request.POST, slug="accuracy", sources=_sources())

    def do(actor: Actor) -> object:
        readings = [SourceReading(**row) for row in form.readings]
        return record_accuracy(actor=actor, code=code, readings=readings, note=form.cleaned_data["note"])

    return _kept(request, code, "accuracy", form, do)


@page_for(Permission.KEEP_EQUIPMENT)
@act
def describe(request: HttpRequest, code: str) -> HttpResponse:
    form = DescriptionForm(request.POST, slug="description")

    def do(actor: Actor) -> object:
        typed = form.cleaned_data
        return describe_equipment(actor=actor, code=code, description=typed, reason=typed["reason"])

    return _kept(request, code, "description", form, do)


@page_for(Permission.ALLOW_UNCHECKED)
@act
def allow(request: HttpRequest, code: str) -> HttpResponse:
    form = AllowanceForm(request.POST, slug="allow", readings=allowable_readings(find_instrument(code).kind))
    return _kept(
        request,
        code,
        "allowance",
        form,
        lambda actor: allow_unchecked(actor=actor, equipment=code, credential=form.credential, **form.to_command()),
    )


@page_for(Permission.KEEP_EQUIPMENT)
@act
def service(request: HttpRequest, code: str) -> HttpResponse:
    form = ServiceForm(request.POST, slug="service")
    return _kept(
        request, code, "service", form, lambda actor: record_service(actor=actor, code=code, **form.cleaned_data)
    )


@page
@act
def status(request: HttpRequest, code: str) -> HttpResponse:
    form = ReasonedSignatureForm(request.POST, slug="status")

    def do(actor: Actor) -> object:
        return set_service_status(
            actor=actor,
            code=code,
            in_service=request.POST.get("decision") == "in_service",
            credential=form.credential,
            reason=form.cleaned_data["reason"],
        )

    return _kept(request, code, "status", form, do)


@page
@act
def rules(request: HttpRequest, code: str) -> HttpResponse:
    form = RulesForm(request.POST, slug="rules", sources=_sources())
    return _kept(
        request,
        code,
        "rules",
        form,
        lambda actor: set_rules(actor=actor, code=code, credential=form.credential, **form.to_command()),
    )
