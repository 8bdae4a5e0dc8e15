"""Protocols and specifications: versions, their text, import, and the signatures that carry a version into use."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.contrib import messages
from django.forms import Form
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods, require_safe

from labeling.domain.comparison import Difference, differences
from labeling.domain.lifecycle import VersionAction, VersionStatus, version_actions
from labeling.forms.registers import ImportForm
from labeling.models import ControlledVersion, ProtocolVersion, SpecificationVersion
from labeling.selectors.downtime import prints_of
from labeling.selectors.training import keeps_from_effective
from labeling.selectors.versions import outline_of, specification_for, version_before
from labeling.services.versions import (
    TYPE_NAMES,
    approve_version,
    import_protocol,
    import_specification,
    make_version_effective,
    meaning_of_submitting,
    retire_version,
    submit_version,
)
from labeling.views.pages import MEANINGS, Outcome, act, allowed, carried_out, page, shown
from labeling.views.waiting import is_by
from lims.accounts.actors import actor_of
from lims.accounts.forms import ReasonedSignatureForm, SignatureForm
from lims.accounts.roles import Permission
from lims.records.selectors import document_row

MODELS: dict[str, type[ProtocolVersion] | type[SpecificationVersion]] = {
    "protocols": ProtocolVersion,
    "specifications": SpecificationVersion,
}
WORDS = {"protocols": "protocol", "specifications": "specification"}
# What each step of a version's life is called on its button, and which meaning its signature has.
ACTS = {
    VersionAction.SUBMIT: ("Submit for approval", "reviewed"),
    VersionAction.APPROVE: ("Approve", "approved"),
    VersionAction.MAKE_EFFECTIVE: ("Make effective", "made_effective"),
    VersionAction.RETIRE: ("Retire", "retired"),
}
ON_ITS_WAY = (VersionStatus.DRAFT, VersionStatus.SUBMITTED, VersionStatus.APPROVED)
MOST_NAMED = 6
OWN_DRAFT = (
    "You wrote this draft, so that your signature does not say that it was reviewed: another reviewer's does. "
    "Submitted by you, it is checked by the person who approves it."
)
TURNS = {
    VersionStatus.DRAFT: (Permission.SUBMIT_DOCUMENT, "A reviewer reads this draft and submits it for approval."),
    VersionStatus.SUBMITTED: (Permission.APPROVE_DOCUMENT, "Quality approves this version."),
    VersionStatus.APPROVED: (Permission.APPROVE_DOCUMENT, "Quality makes this version effective."),
}


@page
@require_safe
def versions(request: HttpRequest, kind: str) -> HttpResponse:
    model = MODELS[kind]
    found = model.objects.select_related("imported_by").order_by("code", "-number")
    groups: dict[str, list[ControlledVersion]] = {}
    for version in found:
        groups.setdefault(version.code, []).append(version)
    context = {
        "kind": kind,
        "word": WORDS[kind],
        "groups": [{"code": code, "title": rows[0].title, "versions": rows} for code, rows in groups.items()],
        "may_import": allowed(request, Permission.DRAFT_DOCUMENT),
    }
    return shown(request, "labeling/versions.html", context)


@page
@require_safe
def version(request: HttpRequest, kind: str, code: str, number: int) -> HttpResponse:
    return version_page(request, kind, code, number)


def version_page(
    request: HttpRequest, kind: str, code: str, number: int, outcome: Outcome | None = None, **forms: Form
) -> HttpResponse:
    found = (
        MODELS[kind]
        .objects.select_related(
            "imported_by", "review_signature", "approval_signature", "effective_signature", "retirement_signature"
        )
        .filter(code=code, number=number)
        .first()
    )
    if found is None:
        raise Http404(f"There is no version {number} of the {WORDS[kind]} {code}.")
    untrained = ""
    if isinstance(found, ProtocolVersion) and found.status == VersionStatus.APPROVED:
        untrained = keeps_from_effective(found)
    signatures = [
        found.review_signature,
        found.approval_signature,
        found.effective_signature,
        found.retirement_signature,
    ]
    before = version_before(found)
    changes = differences(before.text, found.text) if before else ()
    signed = [("Document", f"{found.title}, {found}"), ("SHA-256", found.sha256)]
    if before is not None and VersionStatus(found.status) in ON_ITS_WAY:
        signed.append(("What changed", _what_changed(before, changes)))
    context = {
        "kind": kind,
        "word": WORDS[kind],
        "version": found,
        "outline": outline_of(found),
        "before": before,
        "changes": changes,
        "lines": found.text.splitlines(),
        "signatures": [{"signature": s, "text": MEANINGS[s.meaning]} for s in signatures if s is not None],
        "acts": [
            _act(found, action, forms, request.user)
            for action in _open_acts(request, found)
            if not (untrained and action is VersionAction.MAKE_EFFECTIVE)
        ],
        "untrained": untrained,
        "turn": _who_goes_on(request, found),
        "specification": specification_for(found) if isinstance(found, ProtocolVersion) else None,
        "signed": signed,
        "may_draft": allowed(request, Permission.DRAFT_DOCUMENT),
        "may_print": allowed(request, Permission.ISSUE_PRINT),
        "prints": [document_row(document) for document in prints_of(found)],
    }
    return shown(request, "labeling/version.html", context, outcome)


def _what_changed(before: ControlledVersion, changes: Sequence[Difference]) -> str:
    """The differences to the version before in one line, for whoever signs."""
    named = "; ".join(" · ".join(change.place) + f" {change.change}" for change in changes[:MOST_NAMED])
    more = f" and {len(changes) - MOST_NAMED} more" if len(changes) > MOST_NAMED else ""
    return f"against version {before.number}: {named or 'nothing but comments or layout'}{more}"


def _open_acts(request: HttpRequest, found: ControlledVersion) -> list[VersionAction]:
    """What this person can do next."""
    actions = []
    for action in version_actions(VersionStatus(found.status)):
        permission = Permission.SUBMIT_DOCUMENT if action is VersionAction.SUBMIT else Permission.APPROVE_DOCUMENT
        if allowed(request, permission) and not (action is VersionAction.APPROVE and is_by(found, request.user)):
            actions.append(action)
    return actions


def _who_goes_on(request: HttpRequest, found: ControlledVersion) -> str:
    """Whose turn it is, where it is not this person's."""
    if found.status == VersionStatus.SUBMITTED and is_by(found, request.user):
        return "You imported or reviewed this version; another person with the quality role approves it."
    if found.status == VersionStatus.DRAFT and found.imported_by_id == request.user.pk:
        return OWN_DRAFT
    permission, sentence = TURNS.get(VersionStatus(found.status), (Permission.VIEW, ""))
    return "" if allowed(request, permission) else sentence


def _act(found: ControlledVersion, action: VersionAction, forms: dict[str, Form], person: Any) -> dict[str, Any]:
    label, meaning = ACTS[action]
    if action is VersionAction.SUBMIT:
        meaning = meaning_of_submitting(found, person).value
    kind = ReasonedSignatureForm if action is VersionAction.RETIRE else SignatureForm
    return {
        "action": action.value,
        "name": f"{TYPE_NAMES[type(found)]}.{action}",
        "label": label,
        "meaning": MEANINGS[meaning],
        "form": forms.get(action.value) or kind(slug=action.value),
        "danger": action is VersionAction.RETIRE,
    }


@page
@act
def move(request: HttpRequest, kind: str, code: str, number: int, action: str) -> HttpResponse:
    wanted = VersionAction(action)
    form = (ReasonedSignatureForm if wanted is VersionAction.RETIRE else SignatureForm)(request.POST, slug=action)

    def do() -> None:
        given: dict[str, Any] = {
            "model": MODELS[kind],
            "actor": actor_of(request),
            "code": code,
            "number": number,
            "credential": form.credential,
        }
        if wanted is VersionAction.RETIRE:
            retire_version(**given, reason=form.cleaned_data["reason"])
        elif wanted is VersionAction.SUBMIT:
            submit_version(**given)
        elif wanted is VersionAction.APPROVE:
            approve_version(**given)
        else:
            make_version_effective(**given)

    outcome = carried_out(form, do)
    if not outcome.done:
        return version_page(request, kind, code, number, outcome, **{action: form})
    return redirect("labeling:version", kind, code, number)


@page
@require_http_methods(["GET", "HEAD", "POST"])
def import_document(request: HttpRequest, kind: str) -> HttpResponse:
    posted = request.method == "POST"
    form = ImportForm(request.POST if posted else None, request.FILES if posted else None, slug="import")
    context: dict[str, Any] = {"form": form, "kind": kind, "word": WORDS[kind]}
    if not posted:
        return shown(request, "labeling/import.html", context)
    use_case = import_protocol if kind == "protocols" else import_specification
    made: list[ControlledVersion] = []
    outcome = carried_out(
        form, lambda: made.append(use_case(actor=actor_of(request), text=form.cleaned_data["document"])[0])
    )
    if not outcome.done:
        context["findings"] = findings_of(outcome)
        context["lines"] = _marked(form, context["findings"])
        return shown(request, "labeling/import.html", context, outcome)
    messages.success(request, f"{made[0]} is here as a {made[0].status}.", extra_tags="pass")
    return redirect("labeling:version", kind, made[0].code, made[0].number)


def findings_of(outcome: Outcome) -> list[dict[str, Any]]:
    errors = outcome.refusal.details.get("errors") if outcome.refusal is not None else None
    return [error for error in errors if "line" in error] if isinstance(errors, list) else []


def _marked(form: ImportForm, findings: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The refused text with the lines that were found at fault."""
    bad = {finding["line"] for finding in findings}
    text = form.cleaned_data.get("document", "")
    return (
        [{"text": line, "bad": number in bad} for number, line in enumerate(text.splitlines(), start=1)] if bad else []
    )
