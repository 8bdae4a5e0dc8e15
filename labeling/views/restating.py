"""Restating readings: what would move, then the signature; and what became of it."""

from __future__ import annotations

import json
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods, require_safe

from labeling.forms.instruments import RestatementForm
from labeling.selectors.instrument_rows import find_instrument
from labeling.selectors.reevaluation import pending_batches, restatement_row
from labeling.selectors.restated_readings import restated_of
from labeling.services.restating import Preview, Proposal, preview, restate
from labeling.views.pages import MEANINGS, Outcome, act, allowed, carried_out, page, shown
from lims.accounts.actors import actor_of
from lims.accounts.forms import ReasonedSignatureForm
from lims.accounts.roles import Permission

ROWS = 50


@page
@require_http_methods(["GET", "HEAD", "POST"])
def propose(request: HttpRequest, code: str) -> HttpResponse:
    """The proposal, and with it a page of every batch that it would move."""
    find_instrument(code)
    if request.method != "POST":
        return _page(request, code, RestatementForm(slug="restate", initial={"factor": "1"}))
    form = RestatementForm(request.POST, slug="restate")
    found: list[Preview] = []

    def do() -> None:
        proposal = Proposal(**form.terms)
        found.append(preview(actor=actor_of(request), code=code, proposal=proposal, after=form.cleaned_data["after"]))

    outcome = carried_out(form, do)
    return _page(request, code, form, outcome, found=found[0] if outcome.done else None)


@page
@act
def sign(request: HttpRequest, code: str) -> HttpResponse:
    form, signature = RestatementForm(request.POST, slug="restate"), ReasonedSignatureForm(request.POST, slug="sign")
    signed: list[int] = []

    def do() -> None:
        if form.is_valid():
            restatement = restate(
                actor=actor_of(request),
                code=code,
                proposal=Proposal(**form.terms),
                credential=signature.credential,
                reason=signature.cleaned_data["reason"],
                seen=form.cleaned_data["seen"],
            )
            signed.append(restatement.pk)

    outcome = carried_out(signature, do)
    if signed:
        return redirect("labeling:restatement", code, signed[0])
    found = preview(actor=actor_of(request), code=code, proposal=Proposal(**form.terms)) if form.is_valid() else None
    return _page(request, code, form, outcome, found=found, signature=signature)


@page
@require_safe
def restatement(request: HttpRequest, code: str, pk: int) -> HttpResponse:
    found = find_instrument(code).restatements.select_related("equipment", "signature").filter(pk=pk).first()
    if found is None:
        raise Http404(f"There is no such restatement of {code}.")
    rows = found.reevaluations.select_related("batch").order_by("id")
    after = request.GET.get("after", "")
    shown_rows = list((rows.filter(pk__gt=int(after)) if after.isascii() and after.isdigit() else rows)[: ROWS + 1])
    context = {
        "code": code,
        "restatement": restatement_row(found),
        "done": len(found.batches) - len(pending_batches(found)),
        "batches": found.batches,
        "readings": restated_of(found.readings.all()),
        "left_out": json.loads(found.signature.manifest).get("left_out", []),
        "rows": [
            {
                "number": r.batch.number,
                "status": r.batch.status,
                "recomputed": r.recomputed,
                "rows": _moved(r.results, r.tests),
            }
            for r in shown_rows[:ROWS]
        ],
        "next": f"?after={shown_rows[ROWS - 1].pk}" if len(shown_rows) > ROWS else "",
    }
    return shown(request, "labeling/restatement.html", context)


def _page(
    request: HttpRequest,
    code: str,
    form: RestatementForm,
    outcome: Outcome | None = None,
    *,
    found: Preview | None = None,
    signature: ReasonedSignatureForm | None = None,
) -> HttpResponse:
    context: dict[str, Any] = {"code": code, "form": form, "meanings": MEANINGS}
    if found is not None:
        moved = [
            {"number": r.facts.batch.number, "status": r.facts.batch.status, "rows": _moved(r.results, r.tests)}
            for r in found.rows
        ]
        context |= {
            "found": found,
            "rows": moved,
            "verdicts": sum(1 for r in found.rows if r.verdicts_moved),
            "terms": _terms(form, found),
            "signature": signature or ReasonedSignatureForm(slug="sign"),
            "may_sign": allowed(request, Permission.RESTATE),
        }
    return shown(request, "labeling/restate.html", context, outcome)


def _terms(form: RestatementForm, found: Preview) -> list[tuple[str, str]]:
    """What goes along with the signature: the proposal as it was previewed, an end left open fixed to its instant."""
    period = {"since": found.restatement.since.isoformat(), "until": found.restatement.until.isoformat()}
    return [(name, str(value or "")) for name, value in {**form.terms, **period}.items()]


def _moved(results: list[dict[str, Any]], tests: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What comes out otherwise, the tests marked as such: their titles are often those of results."""
    rows = [*results, *({**test, "is_test": True} for test in tests)]
    return [row for row in rows if row["moved"] or row["verdict_moved"]]
