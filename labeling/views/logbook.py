"""The log book of an instrument, and the evidence of one check."""

from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from labeling.selectors.instrument_rows import find_instrument
from labeling.selectors.logbook import Newest, check_document, logbook
from labeling.views.pages import page, shown


@page
@require_safe
def log(request: HttpRequest, code: str) -> HttpResponse:
    equipment = find_instrument(code)
    rows, older = logbook(equipment, before=Newest.read(request.GET.get("before", "")))
    context = {"code": equipment.code, "rows": rows, "older": older}
    return shown(request, "labeling/instrument_log.html", context)


@page
@require_safe
def evidence(request: HttpRequest, code: str, pk: int) -> HttpResponse:
    found = find_instrument(code).checks.select_related("recorded_by", "source", "equipment").filter(pk=pk).first()
    if found is None:
        raise Http404(f"There is no such check of {code}.")
    points = [{**point, "percent": point["percent_of_expected"]} for point in found.evidence.get("points", [])]
    limits = [found.evidence.get("limit_percent", ""), found.evidence.get("warning_percent", "")]
    context = {
        "check": found,
        "row": check_document(found),
        "code": code,
        "points": [{**point, "state": found.state if len(points) == 1 else "within"} for point in points],
        "limit": limits[0],
        "warning": limits[1],
    }
    return shown(request, "labeling/instrument_check.html", context)
