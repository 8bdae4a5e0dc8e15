"""A dry run of a protocol version: example entries in a form, every result beside them, nothing kept."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from labeling.domain.dry_run import needed_fields
from labeling.forms.protocols import ExampleForm, example_forms
from labeling.models import ProtocolVersion
from labeling.selectors.dry_runs import dry_run_document, example_entries
from labeling.selectors.versions import find_version
from labeling.views.pages import page, shown


@page
@require_http_methods(["GET", "HEAD", "POST"])
def dry_run(request: HttpRequest, code: str, number: int) -> HttpResponse:
    version = find_version(ProtocolVersion, code, number)
    assert isinstance(version, ProtocolVersion)
    protocol = version.document
    fields = needed_fields(protocol)
    if request.method == "POST":
        forms = example_forms(protocol, fields, data=request.POST)
        entries = [form.example for form in forms if form.is_valid()]
    else:
        entries = list(example_entries(version, now=timezone.now()))
        forms = example_forms(protocol, fields, initial=entries)
    run = dry_run_document(version, entries)
    by_name = {form.prefix: form for form in forms}
    for refusal in run["refused"]:
        _refuse(by_name[refusal["field"]], refusal["part"], refusal["detail"])
    context: dict[str, Any] = {
        "version": version,
        "steps": _by_step(protocol, forms, set(run["out_of_range"])),
        "run": run,
        "refused": any(form.errors for form in forms),
    }
    return shown(request, "labeling/dry_run.html", context)


def _refuse(form: ExampleForm, part: str, detail: str) -> None:
    name = "at" if part == "at" else "value"
    form.add_error(name, detail)
    form.fields[name].widget.attrs["aria-invalid"] = "true"


def _by_step(protocol: Any, forms: list[ExampleForm], outside: set[str]) -> list[dict[str, Any]]:
    steps: list[dict[str, Any]] = []
    for form in forms:
        title = protocol.step(form.step).title
        if not steps or steps[-1]["title"] != title:
            steps.append({"title": title, "rows": []})
        limits = {"min": form.definition.min, "max": form.definition.max}
        steps[-1]["rows"].append({"form": form, "limits": limits, "outside": form.prefix in outside})
    return steps
