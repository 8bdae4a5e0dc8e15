"""The release page: the verdict in a sentence, what stands against it, what is unusual, and the signed decision."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.contrib import messages
from django.forms import Form
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from labeling.domain.lifecycle import BatchStatus
from labeling.selectors.batch import find_batch
from labeling.services.completion import hold_batch, resume_batch
from labeling.views.activity import activity_now
from labeling.views.pages import Outcome, act, allowed, batch_frame, carried_out, page, shown
from lims.accounts.actors import actor_of
from lims.accounts.forms import SignatureForm
from lims.accounts.roles import Permission
from lims.audit.reasons import ReasonFor
from qc.forms import HoldForm, RejectForm
from qc.selectors import assess, blockers_of, document_with_tests
from qc.services.disposition import reject_batch, release_batch
from qc.views.unusual import unusual_of

WHERE = {"open_deviation": "#deviations", "product_affected": "#deviations", "no_expiry": ""}


@page
@require_http_methods(["GET", "HEAD", "POST"])
def disposition(request: HttpRequest, number: str) -> HttpResponse:
    if request.method != "POST":
        return release_page(request, number)
    return _release(request, number) if request.POST.get("decision") == "release" else _reject(request, number)


def release_page(request: HttpRequest, number: str, outcome: Outcome | None = None, **forms: Form) -> HttpResponse:
    assessment = assess(find_batch(number))
    batch = document_with_tests(assessment)
    blockers = [{**blocker, "href": _href(number, blocker)} for blocker in blockers_of(assessment)]
    possible = assessment.evaluation.decision_possible
    shown_state = {"revision": batch["revision"]}
    may_release = possible and allowed(request, Permission.RELEASE_BATCH)
    may_reject = "reject" in batch["actions"] and allowed(request, Permission.REJECT_BATCH)
    context = {
        **batch_frame(batch, "release"),
        "activity": activity_now(assessment.facts, at=timezone.now()),
        "verdict": verdict_of(batch, possible=possible, blockers=blockers),
        "blockers": blockers if batch["status"] not in ("released", "rejected") else [],
        "unusual": _unusual(batch, blocked=bool(blockers)),
        "signed": _signed(batch),
        "release_form": forms.get("release") or _if(may_release, SignatureForm(slug="release", initial=shown_state)),
        "reject_form": forms.get("reject") or _if(may_reject, RejectForm(slug="reject", initial=shown_state)),
        "hold_form": _hold_form(request, batch, forms.get("hold")),
        "dispositions": [
            s
            for s in batch["signatures"]
            if s["meaning"] in ("released", "rejected") and s["covers"] == f"batch {number}"
        ],
        "no_decision": _who_decides(batch, possible=possible),
    }
    return shown(request, "qc/disposition.html", context, outcome)


def _unusual(batch: Mapping[str, Any], *, blocked: bool) -> list[dict[str, str]]:
    """An open deviation stands with what is in the way, and is not told again."""
    decided = batch["status"] in ("released", "rejected")
    return [row for row in unusual_of(batch) if decided or not blocked or row["tone"] != "open"]


def _if(condition: bool, form: Form) -> Form | None:
    return form if condition else None


def verdict_of(batch: Mapping[str, Any], *, possible: bool, blockers: list[dict[str, Any]]) -> dict[str, str]:
    number = batch["number"]
    if batch["status"] == BatchStatus.RELEASED:
        return {"tone": "pass", "sentence": f"{number} is released."}
    if batch["status"] == BatchStatus.REJECTED:
        return {"tone": "fail", "sentence": f"{number} is rejected."}
    if possible:
        return {
            "tone": "pass",
            "sentence": f"{number} can be released.",
            "more": "Every test required before release conforms and is reviewed, and nothing is open.",
        }
    count = len(blockers)
    things = "one thing is" if count == 1 else f"{count} things are"
    return {"tone": "fail", "sentence": f"{number} cannot be released: {things} in the way."}


def _who_decides(batch: Mapping[str, Any], *, possible: bool) -> str:
    if batch["status"] in ("released", "rejected"):
        return ""
    return "The release is signed by a person with that role." if possible else ""


def _href(number: str, blocker: Mapping[str, Any]) -> str:
    """The place where a blocker is cleared."""
    if test := blocker.get("test"):
        return f"{reverse('qc:tests', args=[number])}#{test}"
    if blocker["code"] in WHERE:
        return reverse("labeling:batch", args=[number]) + WHERE[blocker["code"]]
    if blocker["code"] == "audit_trail_not_reviewed":
        return f"{reverse('labeling:history', args=[number])}#review"
    return reverse("labeling:batch", args=[number]) if blocker["code"] == "wrong_status" else ""


def _signed(batch: Mapping[str, Any]) -> list[tuple[str, str]]:
    required = [test for test in batch["tests"] if test["required_before"] == "release"]
    conforming = sum(test["verdict"] == "pass" for test in required)
    rows = [
        ("Batch", f"{batch['number']}, {batch['product']}"),
        ("Tests", f"{conforming} of {len(required)} required before release conform"),
        ("Deviations", str(len(batch["deviations"])) if batch["deviations"] else "none"),
    ]
    review = batch["audit_review"]
    if review is not None and review["holds"]:
        rows.append(("Audit trail", f"reviewed up to event {review['up_to']} by {review['by']['full_name']}"))
    return [*rows, ("Identity", batch["identity"])] if batch["identity"] else rows


def _hold_form(request: HttpRequest, batch: Mapping[str, Any], refused: Form | None) -> Form | None:
    possible = "hold" in batch["actions"] or "resume" in batch["actions"]
    if not possible or not allowed(request, Permission.HOLD_BATCH):
        return None
    change = ReasonFor.HOLD if "hold" in batch["actions"] else ReasonFor.RESUME
    return refused or HoldForm(slug="hold", change=change, initial={"revision": batch["revision"]})


def _release(request: HttpRequest, number: str) -> HttpResponse:
    form = SignatureForm(request.POST, slug="release")
    outcome = carried_out(
        form,
        lambda: release_batch(
            actor=actor_of(request), number=number, credential=form.credential, revision=form.cleaned_data["revision"]
        ),
    )
    return (
        _decided(request, number, "released") if outcome.done else release_page(request, number, outcome, release=form)
    )


def _reject(request: HttpRequest, number: str) -> HttpResponse:
    form = RejectForm(request.POST, slug="reject")
    outcome = carried_out(
        form,
        lambda: reject_batch(
            actor=actor_of(request),
            number=number,
            credential=form.credential,
            reason=form.cleaned_data["reason"],
            revision=form.cleaned_data["revision"],
        ),
    )
    return (
        _decided(request, number, "rejected") if outcome.done else release_page(request, number, outcome, reject=form)
    )


def _decided(request: HttpRequest, number: str, word: str) -> HttpResponse:
    messages.success(request, f"{number} is {word}. Its record is being made.", extra_tags="pass")
    return redirect("labeling:batch-records", number)


@page
@act
def hold(request: HttpRequest, number: str) -> HttpResponse:
    held = find_batch(number).status == BatchStatus.ON_HOLD
    form = HoldForm(request.POST, slug="hold", change=ReasonFor.RESUME if held else ReasonFor.HOLD)
    move = resume_batch if held else hold_batch
    outcome = carried_out(
        form,
        lambda: move(
            actor=actor_of(request),
            number=number,
            reason=form.cleaned_data["reason"],
            revision=form.cleaned_data["revision"],
        ),
    )
    return redirect("qc:disposition", number) if outcome.done else release_page(request, number, outcome, hold=form)
