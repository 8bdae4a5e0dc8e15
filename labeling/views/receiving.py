"""Receiving a lot, and adding to it later: a certificate, a survey; taking something out by hand."""

from __future__ import annotations

from collections.abc import Callable
from zoneinfo import available_timezones

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods

from labeling.domain.lifecycle import VersionStatus
from labeling.forms.fields import LabForm
from labeling.forms.materials import CertificateForm, LotForm, SurveyForm, WithdrawalForm
from labeling.models import Lot, ProtocolVersion
from labeling.selectors.stock import instruments
from labeling.services.materials import receive_lot
from labeling.services.receipts import attach_certificate, record_survey
from labeling.services.stock import withdraw
from labeling.views.pages import act, carried_out, page, shown, zone_hint
from labeling.views.stock import lot_page
from lims.accounts.actors import actor_of


def _materials() -> dict[str, tuple[str, str]]:
    """What the effective protocols take from lots: key to name and kind, with every name that a protocol gives it."""
    versions = ProtocolVersion.objects.filter(status=VersionStatus.EFFECTIVE).order_by("code")
    taken = [m for v in versions for m in v.document.materials if m.kind != "batch"]
    names: dict[str, list[str]] = {}
    for material in taken:
        names.setdefault(material.key, []).append(material.name)
    return {m.key: (_together(m.key, names[m.key]), m.kind) for m in taken}


def _together(key: str, names: list[str]) -> str:
    different = list(dict.fromkeys(names))
    return different[0] if len(different) == 1 else f"{' or '.join(different)} ({key})"


@page
@require_http_methods(["GET", "HEAD", "POST"])
def receive(request: HttpRequest) -> HttpResponse:
    materials = _materials()
    posted = request.method == "POST"
    form = LotForm(
        request.POST if posted else None,
        request.FILES if posted else None,
        slug="lot",
        materials=materials,
        instruments=[equipment.code for equipment in instruments().filter(kind="dose_calibrator")],
    )
    zones = sorted(zone for zone in available_timezones() if "/" in zone and not zone.startswith("Etc/"))
    context = {"form": form, "zone_hint": zone_hint(), "materials": materials, "zones": ["UTC", *zones]}
    if not posted:
        return shown(request, "labeling/lot_new.html", context)
    received: list[Lot] = []

    def do() -> None:
        typed = form.cleaned_data
        lot = receive_lot(
            actor=actor_of(request),
            number=typed["number"].strip(),
            material=typed["material"],
            kind=materials[typed["material"]][1],
            name=typed["name"] or materials[typed["material"]][0],
            identity=typed["identity"].strip(),
            expires_at=typed["expires_at"],
            stated=form.stated,
            volume=form.volume_given,
            received=form.received,
            delivery=form.delivery,
        )
        received.append(lot)

    outcome = carried_out(form, do)
    if not outcome.done:
        return shown(request, "labeling/lot_new.html", context, outcome)
    messages.success(request, f"Lot {received[0].number} is received and in quarantine.", extra_tags="pass")
    return redirect("labeling:lot", received[0].pk)


@page
@act
def certificate(request: HttpRequest, pk: int) -> HttpResponse:
    form = CertificateForm(request.POST, request.FILES, slug="certificate")
    return _added(
        *(request, pk, form),
        lambda: attach_certificate(actor=actor_of(request), lot_id=pk, certificate=form.certificate),
        said="The certificate is kept.",
    )


@page
@act
def survey(request: HttpRequest, pk: int) -> HttpResponse:
    form = SurveyForm(request.POST, slug="survey")
    return _added(
        *(request, pk, form),
        lambda: record_survey(actor=actor_of(request), lot_id=pk, survey=form.survey),
        said="The survey is recorded.",
    )


@page
@act
def withdrawal(request: HttpRequest, pk: int) -> HttpResponse:
    form = WithdrawalForm(request.POST, slug="withdrawal")

    def do() -> None:
        typed = form.cleaned_data
        amount = {"value": typed["value"], "unit": typed["unit"]}
        withdraw(actor=actor_of(request), lot_id=pk, amount=amount, reason=typed["reason"])

    return _added(request, pk, form, do, said="It is taken from the stock.")


def _added(request: HttpRequest, pk: int, form: LabForm, do: Callable[[], object], *, said: str) -> HttpResponse:
    outcome = carried_out(form, do)
    if not outcome.done:
        return lot_page(request, pk, outcome, **{form.slug: form})
    messages.success(request, said, extra_tags="pass")
    return redirect("labeling:lot", pk)
