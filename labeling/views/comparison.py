"""Two versions of a document side by side."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from labeling.domain.comparison import differences, side_by_side
from labeling.models import ControlledVersion
from labeling.selectors.versions import find_version, version_before, versions
from labeling.views.documents import MODELS, WORDS
from labeling.views.pages import page, shown
from lims.errors import NotFound

LONGEST_NUMBER = 6


@page
@require_safe
def compare(request: HttpRequest, kind: str, code: str) -> HttpResponse:
    """`?from=1&to=2`; without them, the newest version with the one it would take the place of."""
    model = MODELS[kind]
    known = list(versions(model, code=code).order_by("number"))
    if not known:
        raise NotFound(f"There is nothing under the code {code}.")
    after = _chosen(request, model, code, "to") or known[-1]
    before = _chosen(request, model, code, "from") or version_before(after) or known[0]
    context = {
        "kind": kind,
        "word": WORDS[kind],
        "code": code,
        "before": before,
        "after": after,
        "known": known,
        "changes": differences(before.text, after.text),
        "lines": side_by_side(before.text, after.text),
    }
    return shown(request, "labeling/compare.html", context)


def _chosen(request: HttpRequest, model: type[ControlledVersion], code: str, end: str) -> ControlledVersion | None:
    given = request.GET.get(end, "")
    if not given:
        return None
    if not (given.isascii() and given.isdigit() and len(given) <= LONGEST_NUMBER):
        raise NotFound(f"There is no version {given} of {code}.")
    return find_version(model, code, int(given))
