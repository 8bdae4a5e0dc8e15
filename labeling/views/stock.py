"""Stock: lots received, examined and used."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.forms import Form
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from labeling.domain.lifecycle import VersionStatus
from labeling.forms.registers import LotForm
from labeling.models import Lot, ProtocolVersion
from labeling.selectors.stock import instruments, lot_row, lots
from labeling.services.materials import decide_lot, receive_lot
from labeling.templatetags.lims_format import isotopes
from labeling.views.pages import MEANINGS, Outcome, act, allowed, carried_out, page, shown, zone_hint
from labeling.views.paging import one_page
from lims.accounts.actors import actor_of
from lims.accounts.forms import ReasonedSignatureForm, SignatureForm
from lims.accounts.roles import Permission

FILTERS = (("", "All"), ("quarantine", "In quarantine"), ("accepted", "Accepted"), ("rejected", "Rejected"))


@page
@require_safe
def stock(request: HttpRequest) -> HttpResponse:
    status, wanted = request.GET.get("status", ""), request.GET.get("number", "").strip()
    rows = lots(status=status if status in Lot.Status.values else "")
    if wanted:
        rows = rows.filter(number__icontains=wanted)
    found = one_page(request, rows)
    context = {
        "rows": [_row(lot) for lot in found.rows],
        "older": found.older,
        "filters": [{"code": code, "label": label, "here": code == status} for code, label in FILTERS],
        "wanted": wanted,
        "may_receive": allowed(request, Permission.RECEIVE_LOT),
    }
    return shown(request, "labeling/stock.html", context)


def _row(lot: Lot) -> dict[str, Any]:
    row = lot_row(lot)
    expired = lot.status == Lot.Status.ACCEPTED and lot.expires_at <= timezone.now()
    return {**row, "state": "expired" if expired else lot.status}


def _materials() -> dict[str, tuple[str, str]]:
    """What the effective protocols take from lots: key to name and kind."""
    versions = ProtocolVersion.objects.filter(status=VersionStatus.EFFECTIVE).order_by("code")
    return {m.key: (m.name, m.kind) for v in versions for m in v.document.materials if m.kind != "batch"}


@page
@require_http_methods(["GET", "HEAD", "POST"])
def receive(request: HttpRequest) -> HttpResponse:
    materials = _materials()
    form = LotForm(
        request.POST if request.method == "POST" else None,
        slug="lot",
        materials=[(key, isotopes(name)) for key, (name, _) in materials.items()],
        instruments=[equipment.code for equipment in instruments()],
    )
    context = {"form": form, "zone_hint": zone_hint(), "materials": materials}
    if request.method != "POST":
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
        )
        received.append(lot)

    outcome = carried_out(form, do)
    if not outcome.done:
        return shown(request, "labeling/lot_new.html", context, outcome)
    messages.success(request, f"Lot {received[0].number} is received and in quarantine.", extra_tags="pass")
    return redirect("labeling:lot", received[0].pk)


@page
@require_safe
def lot(request: HttpRequest, pk: int) -> HttpResponse:
    return lot_page(request, pk)


def lot_page(request: HttpRequest, pk: int, outcome: Outcome | None = None, **forms: Form) -> HttpResponse:
    found = lots().filter(pk=pk).first()
    if found is None:
        raise Http404("There is no such lot.")
    waits = found.status == Lot.Status.QUARANTINE
    received_it = request.user.pk == found.received_by_id
    decides = waits and allowed(request, Permission.ACCEPT_LOT) and not received_it
    uses = found.entries.select_related("batch").order_by("-pk")[:20]
    context = {
        "lot": _row(found),
        "meanings": MEANINGS,
        "signed": [
            ("Lot", f"{found.number}, {found.name or found.material}"),
            ("Expires", timezone.localtime(found.expires_at).strftime("%H:%M %Z, %d %b %Y")),
        ],
        "accept_form": (forms.get("accept") or SignatureForm(slug="accept")) if decides else None,
        "reject_form": (forms.get("reject") or ReasonedSignatureForm(slug="reject")) if decides else None,
        "decided_by_others": waits and not decides,
        "received_it": received_it,
        "uses": [{"number": entry.batch.number, "step": entry.step, "at": entry.measured_at} for entry in uses],
    }
    return shown(request, "labeling/lot.html", context, outcome)


@page
@act
def decide(request: HttpRequest, pk: int) -> HttpResponse:
    accept = request.POST.get("decision") == "accept"
    form = SignatureForm(request.POST, slug="accept") if accept else ReasonedSignatureForm(request.POST, slug="reject")
    outcome = carried_out(
        form,
        lambda: decide_lot(
            actor=actor_of(request),
            lot_id=pk,
            credential=form.credential,
            accept=accept,
            reason=form.cleaned_data.get("reason", ""),
        ),
    )
    return redirect("labeling:lot", pk) if outcome.done else lot_page(request, pk, outcome, **{form.slug: form})
