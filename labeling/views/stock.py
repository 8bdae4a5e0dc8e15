"""Stock: what there is, and everything about one lot; its acceptance."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.forms import Form
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.views.decorators.http import require_safe

from labeling.domain.decay import decay_factor
from labeling.domain.display import display
from labeling.domain.protocol import MATERIAL_KINDS
from labeling.domain.quantities import parse_number
from labeling.domain.uncertainty import nominal
from labeling.forms.materials import AcceptanceForm, CertificateForm, SurveyForm, WithdrawalForm
from labeling.models import Container, Lot
from labeling.selectors.containers import container_row
from labeling.selectors.nuclides import nuclide_in_use
from labeling.selectors.stock import StockFilter, find_lot, lot_document, lot_row
from labeling.services.materials import acceptance_concerns, decide_lot
from labeling.views.pages import MEANINGS, Outcome, act, allowed, carried_out, page, shown, zone_hint
from labeling.views.paging import first_to_expire
from lims.accounts.actors import actor_of
from lims.accounts.forms import ReasonedSignatureForm
from lims.accounts.roles import Permission

FILTERS = (
    *(("in_stock", "In stock"), ("quarantine", "In quarantine"), ("accepted", "Accepted"), ("rejected", "Rejected")),
    *(("gone", "Gone"), ("", "All")),
)
WITHIN = {"1": "one day", "7": "one week", "30": "30 days"}


@page
@require_safe
def stock(request: HttpRequest) -> HttpResponse:
    asked = {name: request.GET.get(name, "").strip() for name in ("number", "material", "kind", "within")}
    state = request.GET.get("status", "in_stock")
    now = timezone.now()
    wanted = StockFilter(
        state=state,
        number=asked["number"],
        material=asked["material"],
        kind=asked["kind"] if asked["kind"] in MATERIAL_KINDS else "",
        within=timedelta(days=int(asked["within"])) if asked["within"] in WITHIN else None,
    )
    found = first_to_expire(request, wanted.rows(at=now))
    kept = request.GET.copy()
    context = {
        "rows": [_row(lot) for lot in found.rows],
        "older": found.older,
        "filters": [_state_link(kept, code, label, here=code == state) for code, label in FILTERS],
        "state": state,
        "asked": asked,
        "kinds": [kind for kind in MATERIAL_KINDS if kind != "batch"],
        "within": WITHIN,
        "may_receive": allowed(request, Permission.RECEIVE_LOT),
    }
    return shown(request, "labeling/stock.html", context)


def _state_link(query: Any, code: str, label: str, *, here: bool) -> dict[str, object]:
    """The same filters under another status, from the first page on."""
    changed = query.copy()
    changed["status"] = code
    changed.pop("after", None)
    return {"href": f"?{changed.urlencode()}", "label": label, "here": here}


def _row(lot: Lot) -> dict[str, Any]:
    container: Container | None = getattr(lot, "container", None)
    row = {**lot_row(lot), "held": container_row(container, at=timezone.now()) if container else None}
    if lot.status != Lot.Status.ACCEPTED:
        return {**row, "state": lot.status}
    expired, used_up = lot.expires_at <= timezone.now(), lot.left == 0
    return {**row, "state": "expired" if expired else "used_up" if used_up else lot.status}


@page
@require_safe
def lot(request: HttpRequest, pk: int) -> HttpResponse:
    return lot_page(request, pk)


def lot_page(request: HttpRequest, pk: int, outcome: Outcome | None = None, **forms: Form) -> HttpResponse:
    found = find_lot(pk)
    waits = found.status == Lot.Status.QUARANTINE
    received_it = request.user.pk == found.received_by_id
    decides = waits and allowed(request, Permission.ACCEPT_LOT) and not received_it
    keeps = allowed(request, Permission.RECEIVE_LOT)
    uses = found.entries.filter(corrected_by=None).select_related("batch").order_by("-pk")[:20]
    context = {
        "lot": lot_document(found) | _row(found),
        "activity": _activity_now(found),
        "difference": _difference(found),
        "concerns": acceptance_concerns(found) if waits else [],
        "meanings": MEANINGS,
        "signed": [
            ("Lot", f"{found.number}, {found.name or found.material}"),
            ("Expires", timezone.localtime(found.expires_at).strftime("%H:%M %Z, %d %b %Y")),
        ],
        "accept_form": (forms.get("accept") or AcceptanceForm(slug="accept")) if decides else None,
        "reject_form": (forms.get("reject") or ReasonedSignatureForm(slug="reject")) if decides else None,
        "certificate_form": (forms.get("certificate") or CertificateForm(slug="certificate")) if keeps else None,
        "survey_form": (forms.get("survey") or SurveyForm(slug="survey")) if keeps else None,
        "withdrawal_form": (forms.get("withdrawal") or _withdrawal_form(found)) if keeps and found.left else None,
        "decided_by_others": waits and not decides,
        "received_it": received_it,
        "zone_hint": zone_hint(),
        "uses": [{"number": entry.batch.number, "step": entry.step, "at": entry.measured_at} for entry in uses],
    }
    return shown(request, "labeling/lot.html", context, outcome)


def _withdrawal_form(lot: Lot) -> WithdrawalForm:
    return WithdrawalForm(slug="withdrawal", initial={"unit": lot.quantity_unit})


def _activity_now(lot: Lot) -> dict[str, object] | None:
    """What was read on arrival, or else stated, decayed to now: of a lot that has no container whose content counts."""
    reading = lot.received or lot.stated
    if not lot.nuclide or not reading:
        return None
    half_life = nominal(nuclide_in_use(lot.nuclide).half_life)
    value, at = parse_number(reading["value"], field="value"), datetime.fromisoformat(reading["at"])
    now = float(value) * nominal(decay_factor((timezone.now() - at).total_seconds(), half_life))
    decimals = min(len(f"{value:f}".partition(".")[2]), 4)
    return {
        "value": str(value),
        "unit": reading["unit"],
        "at": at,
        "half_life_s": half_life,
        "now": f"{now:.{decimals}f}",
        "measured": lot.received is not None,
    }


def _difference(lot: Lot) -> dict[str, str] | None:
    if not lot.arrival:
        return None
    return {
        "shown": display(lot.arrival["difference_percent"], lot.arrival["u_percent"], "%"),
        "expected": display(lot.arrival["expected_mbq"], None, "MBq"),
        "limit": lot.arrival["limit_percent"],
        "verdict": lot.arrival["verdict"],
        "worked": "\n".join(lot.arrival["worked"]),
        "half_life": f"{lot.arrival['nuclide']}, half-life {lot.arrival['half_life']}",
    }


@page
@act
def decide(request: HttpRequest, pk: int) -> HttpResponse:
    accept = request.POST.get("decision") == "accept"
    form = AcceptanceForm(request.POST, slug="accept") if accept else ReasonedSignatureForm(request.POST, slug="reject")
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
