"""Down-time sheets: issue, what is outstanding, and one sheet on its way back into the record."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.forms import Form
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods, require_safe

from labeling.domain.lifecycle import BatchStatus, VersionStatus
from labeling.domain.scans import LARGEST_SCAN
from labeling.forms.protocols import ComparisonForm, IssueForm, PaperPlanForm, ScanForm, VoidForm
from labeling.models import DowntimeSheet, ProtocolVersion
from labeling.selectors.downtime import (
    START,
    find_scan,
    find_sheet,
    outstanding_sheets,
    sheet_document,
    sheet_row,
    sheets,
    to_compare,
)
from labeling.selectors.facts import BatchFacts, facts_of, reconciliation_manifest, unrecorded
from labeling.services.downtime import (
    attach_scan,
    issue_sheet,
    reconcile_sheet,
    sign_in_place,
    sign_transfer,
    void_sheet,
)
from labeling.services.planning import plan_batch
from labeling.services.prints import print_master_record
from labeling.templatetags.lims_format import isotopes
from labeling.views.pages import MEANINGS, Outcome, act, allowed, carried_out, page, shown
from labeling.views.paging import one_page
from lims.accounts.actors import actor_of
from lims.accounts.forms import ReasonedSignatureForm, SignatureForm
from lims.accounts.models import User
from lims.accounts.roles import Permission, may
from lims.downloads import download
from lims.signatures.signing import still_holds


@page
@require_http_methods(["GET", "HEAD", "POST"])
def register(request: HttpRequest) -> HttpResponse:
    """Outstanding sheets first, then those that are accounted for; and the form that issues one."""
    form = _issue_form(request)
    issued: list[DowntimeSheet] = []
    outcome = None
    if request.method == "POST":
        outcome = carried_out(form, lambda: issued.append(issue_sheet(actor=actor_of(request), **form.cleaned_data)))
        if outcome.done:
            messages.success(request, f"{issued[0].number} is issued. Its PDF is being made.", extra_tags="pass")
            return redirect("labeling:downtime-sheet", issued[0].number)
    closed = one_page(request, sheets().exclude(state=DowntimeSheet.State.ISSUED))
    context = {
        "form": form,
        "outstanding": [sheet_row(sheet) for sheet in outstanding_sheets()],
        "closed": [sheet_row(sheet) for sheet in closed.rows],
        "older": closed.older,
        "may_issue": allowed(request, Permission.ISSUE_PRINT),
    }
    return shown(request, "labeling/downtime.html", context, outcome)


def _issue_form(request: HttpRequest) -> IssueForm:
    effective = ProtocolVersion.objects.filter(status=VersionStatus.EFFECTIVE).order_by("code")
    people = [user for user in User.objects.filter(is_active=True).order_by("full_name") if _makes(user)]
    return IssueForm(
        request.POST if request.method == "POST" else None,
        slug="issue",
        initial={"protocol": request.GET.get("protocol", "")},
        protocols=[(v.code, f"{isotopes(v.title)} (version {v.number})") for v in effective],
        people=[(user.username, user.full_name) for user in people],
    )


def _makes(user: User) -> bool:
    return may(user, Permission.MAKE_BATCH)


@page
@require_safe
def sheet(request: HttpRequest, number: str) -> HttpResponse:
    return sheet_page(request, number)


def sheet_page(request: HttpRequest, number: str, outcome: Outcome | None = None, **forms: Form) -> HttpResponse:
    found = find_sheet(number)
    facts = facts_of(found.batch) if found.batch else None
    manifest = reconciliation_manifest(facts) if facts else {}
    signed = bool(found.transfer_signature and facts and still_holds(found.transfer_signature, manifest))
    compared = bool(found.comparison_signature and facts and still_holds(found.comparison_signature, manifest))
    working = facts is not None and facts.batch.status == BatchStatus.IN_PROGRESS
    document = sheet_document(found)
    missing = unrecorded(facts) if facts and working else []
    rejected = facts is not None and facts.batch.status == BatchStatus.REJECTED
    comparison_form = forms.get("reconcile") or _comparison_form(facts)
    ready = working and not missing and bool(document["scans"])
    context: dict[str, Any] = {
        "sheet": document,
        "prints": [document["document"]],
        "batch": facts.batch if facts else None,
        "missing": missing,
        "signed": signed,
        "compared": compared,
        "changed": found.comparison_signature is not None and not compared,
        "ready": ready,
        "may_work": allowed(request, Permission.MAKE_BATCH),
        "may_void": allowed(request, Permission.ISSUE_PRINT) and (facts is None or rejected),
        "plan_form": forms.get("plan") or PaperPlanForm(slug="plan"),
        "wants_identity": _wants_identity(found),
        "scan_form": forms.get("scan") or ScanForm(slug="scan"),
        "void_form": forms.get("void") or VoidForm(slug="void"),
        "transfer_form": forms.get("transfer") or SignatureForm(slug="transfer"),
        "may_stand_in": allowed(request, Permission.STAND_IN),
        "stand_in_form": forms.get("stand_in") or ReasonedSignatureForm(slug="stand-in"),
        "comparison_form": comparison_form,
        "start_choice": comparison_form[f"compared.{START}"] if facts else None,
        "may_compare": allowed(request, Permission.VERIFY),
        "rows": _comparison_rows(facts, comparison_form) if facts and ready else [],
        "meanings": MEANINGS,
    }
    return shown(request, "labeling/downtime_sheet.html", context, outcome)


def _wants_identity(found: DowntimeSheet) -> bool:
    return any(field.type == "identity" for step in found.protocol_version.document.steps for field in step.fields)


def _comparison_form(facts: BatchFacts | None, data: Any = None) -> ComparisonForm:
    names = to_compare(facts) if facts else {}
    return ComparisonForm(data, slug="reconcile", names=list(names.items()))


def _comparison_rows(facts: BatchFacts, form: Form) -> list[dict[str, Any]]:
    """Every field as it was entered, step by step, each with the choice that compares it with the paper."""
    current = facts.current
    return [
        {
            "step": step.title,
            "timer": facts.timer_of(step.key) if step.timer else None,
            "timer_choice": form[f"compared.{step.key}"] if step.timer else None,
            "fields": [
                {
                    "label": field.label,
                    "type": field.type,
                    "entry": current.get(f"{step.key}.{field.key}"),
                    "choice": form[f"compared.{step.key}.{field.key}"],
                    "how": form[name] if (name := f"compared.{step.key}.{field.key}.how") in form.fields else None,
                }
                for field in step.fields
            ],
        }
        for step in facts.protocol.steps
    ]


@page
@act
def plan(request: HttpRequest, number: str) -> HttpResponse:
    form = PaperPlanForm(request.POST, slug="plan")
    found = find_sheet(number)
    planned: list[Any] = []
    outcome = carried_out(
        form,
        lambda: planned.append(
            plan_batch(
                actor=actor_of(request),
                protocol=found.protocol_version.code,
                identity=form.cleaned_data["identity"],
                sheet=number,
            )
        ),
    )
    if not outcome.done:
        return sheet_page(request, number, outcome, plan=form)
    messages.success(request, f"{planned[0].number} is planned from {number}.", extra_tags="pass")
    return redirect("labeling:batch", planned[0].number)


@page
@act
def attach(request: HttpRequest, number: str) -> HttpResponse:
    form = ScanForm(request.POST, request.FILES, slug="scan")

    def do() -> None:
        file = form.cleaned_data["file"]
        attach_scan(actor=actor_of(request), number=number, name=file.name, content=file.read(LARGEST_SCAN + 1))

    outcome = carried_out(form, do)
    return (
        redirect("labeling:downtime-sheet", number) if outcome.done else sheet_page(request, number, outcome, scan=form)
    )


@page
@act
def void(request: HttpRequest, number: str) -> HttpResponse:
    form = VoidForm(request.POST, slug="void")
    outcome = carried_out(
        form, lambda: void_sheet(actor=actor_of(request), number=number, reason=form.cleaned_data["reason"])
    )
    return (
        redirect("labeling:downtime-sheet", number) if outcome.done else sheet_page(request, number, outcome, void=form)
    )


@page
@act
def transfer(request: HttpRequest, number: str) -> HttpResponse:
    form = SignatureForm(request.POST, slug="transfer")
    outcome = carried_out(
        form, lambda: sign_transfer(actor=actor_of(request), number=number, credential=form.credential)
    )
    if not outcome.done:
        return sheet_page(request, number, outcome, transfer=form)
    return redirect("labeling:downtime-sheet", number)


@page
@act
def stand_in(request: HttpRequest, number: str) -> HttpResponse:
    form = ReasonedSignatureForm(request.POST, slug="stand-in")
    outcome = carried_out(
        form,
        lambda: sign_in_place(
            actor=actor_of(request), number=number, credential=form.credential, reason=form.cleaned_data["reason"]
        ),
    )
    if not outcome.done:
        return sheet_page(request, number, outcome, stand_in=form)
    return redirect("labeling:downtime-sheet", number)


@page
@act
def reconcile(request: HttpRequest, number: str) -> HttpResponse:
    found = find_sheet(number)
    form = _comparison_form(facts_of(found.batch) if found.batch else None, request.POST)
    outcome = carried_out(
        form,
        lambda: reconcile_sheet(
            actor=actor_of(request), number=number, credential=form.credential, compared=form.compared
        ),
    )
    if not outcome.done:
        return sheet_page(request, number, outcome, reconcile=form)
    messages.success(request, f"{number} is reconciled.", extra_tags="pass")
    return redirect("labeling:downtime-sheet", number)


@page
@require_safe
def scan(request: HttpRequest, number: str, pk: int) -> HttpResponse:
    found = find_scan(number, pk)
    return download(bytes(found.content.content), name=found.name, media_type=found.media_type, sha256=found.sha256)


@page
@act
def master_record(request: HttpRequest, code: str, number: int) -> HttpResponse:
    """Ask for the printed master record; the version's page shows what becomes of it."""
    document = print_master_record(actor=actor_of(request), code=code, number=number)
    messages.success(request, f"{document.number} is asked for. It is printed and sealed now.", extra_tags="pass")
    return redirect("labeling:version", "protocols", code, number)
