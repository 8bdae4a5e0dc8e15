"""A document written in the browser: checked as it is typed, shown as the worksheet it makes, saved as a draft."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from labeling.domain.lifecycle import VersionStatus
from labeling.domain.limit_remarks import limit_remarks
from labeling.domain.outline import protocol_outline, specification_outline
from labeling.domain.protocol_reading import parse_protocol
from labeling.forms.protocols import EditorForm
from labeling.models import ControlledVersion, SpecificationVersion
from labeling.selectors.versions import find_version, versions
from labeling.services.versions import import_protocol, import_specification
from labeling.views.documents import MODELS, WORDS
from labeling.views.pages import allowed, carried_out, page, shown
from lims.accounts.actors import actor_of
from lims.accounts.roles import Permission, require
from lims.errors import InvalidInput, NotFound

STARTS = {
    "protocols": "protocol: \ntitle: \nkind: labeling\nnuclide: Zr-89\nproduct: \nsteps:\n"
    "  - key: \n    title: \n    fields:\n      - {key: , label: , type: activity, unit: MBq}\n",
    "specifications": "specification: \ntitle: \ntests:\n"
    '  - {key: , title: , unit: "%", min: "", required_before: release}\n',
}


@page
@require_http_methods(["GET", "HEAD", "POST"])
def edit(request: HttpRequest, kind: str, code: str) -> HttpResponse:
    """The next draft, begun from version `?from=`, or from the newest."""
    given = request.GET.get("from", "")
    if given.isascii() and given.isdigit() and len(given) <= 6:
        source = find_version(MODELS[kind], code, int(given))
    else:
        newest = versions(MODELS[kind], code=code).order_by("-number").first()
        if newest is None:
            raise NotFound(f"There is nothing under the code {code}.")
        source = newest
    return _editor(request, kind, source)


@page
@require_http_methods(["GET", "HEAD", "POST"])
def new(request: HttpRequest, kind: str) -> HttpResponse:
    return _editor(request, kind, None)


@page
@require_POST
def check(request: HttpRequest, kind: str) -> HttpResponse:
    """What the text that is being typed would be: its findings with their lines, or the worksheet it makes."""
    require(request.user, Permission.DRAFT_DOCUMENT)  # type: ignore[arg-type]
    text = request.POST.get("document", "").replace("\r\n", "\n")
    return render(request, "labeling/editor_check.html", _checked(kind, text))


def _editor(request: HttpRequest, kind: str, source: ControlledVersion | None) -> HttpResponse:
    posted = request.method == "POST"
    form = EditorForm(
        request.POST if posted else None,
        slug="editor",
        initial={"document": source.text if source else STARTS[kind]},
    )
    context: dict[str, Any] = {
        "kind": kind,
        "word": WORDS[kind],
        "source": source,
        "form": form,
        "may_draft": allowed(request, Permission.DRAFT_DOCUMENT),
    }
    if not posted:
        context.update(_checked(kind, form.initial["document"]))
        return shown(request, "labeling/editor.html", context)
    if request.POST.get("act") != "save":
        form.is_valid()
        context.update(_checked(kind, form.cleaned_data.get("document", "")))
        return shown(request, "labeling/editor.html", context)
    use_case = import_protocol if kind == "protocols" else import_specification
    made: list[tuple[ControlledVersion, bool]] = []
    outcome = carried_out(
        form, lambda: made.append(use_case(actor=actor_of(request), text=form.cleaned_data["document"]))
    )
    if not outcome.done:
        context.update(_checked(kind, form.cleaned_data.get("document", "")))
        return shown(request, "labeling/editor.html", context, outcome)
    version, added = made[0]
    said = f"{version} is here as a draft." if added else f"{version} has this very text already."
    messages.success(request, said, extra_tags="pass")
    return redirect("labeling:version", kind, version.code, version.number)


def _checked(kind: str, text: str) -> dict[str, Any]:
    read = protocol_outline if kind == "protocols" else specification_outline
    try:
        return {"outline": read(text), "findings": [], "remarks": _remarks(kind, text)}
    except InvalidInput as refusal:
        lines = text.splitlines()
        found = refusal.details.get("errors") or [{"line": 1, "detail": refusal.message}]
        return {
            "outline": None,
            "findings": [{**f, "text": lines[f["line"] - 1] if f["line"] <= len(lines) else ""} for f in found],
        }


def _remarks(kind: str, text: str) -> list[str]:
    """What is allowed and worth a second look: limits other than those of the specification in use."""
    if kind != "protocols":
        return []
    protocol = parse_protocol(text)
    effective = SpecificationVersion.objects.filter(code=protocol.specification, status=VersionStatus.EFFECTIVE).first()
    return list(limit_remarks(protocol, effective.document)) if effective else []
