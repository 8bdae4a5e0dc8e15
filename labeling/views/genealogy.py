"""Where a lot went and what a batch stands on, as a drawing and as lists; the list of a recall as CSV."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from labeling.selectors.batch import find_batch
from labeling.selectors.genealogy import made_from, made_into, used_in
from labeling.selectors.stock import find_lot
from labeling.services.where_used import where_used_csv
from labeling.views.drawing import draw
from labeling.views.pages import page, shown
from labeling.views.records import batch_context

MOST_LISTED = 500


@page
@require_safe
def lot(request: HttpRequest, pk: int) -> HttpResponse:
    found = find_lot(pk)
    into = used_in(found)
    batches = into.others("batch")
    context = {
        "lot": found,
        "drawing": draw(into),
        "batches": batches[:MOST_LISTED],
        "count": len(batches),
        "doses": len(into.doses),
    }
    return shown(request, "labeling/lot_genealogy.html", context)


@page
@require_safe
def where_used(request: HttpRequest, pk: int) -> HttpResponse:
    found = find_lot(pk)
    answer = HttpResponse(where_used_csv(used_in(found)), content_type="text/csv; charset=utf-8")
    answer["Content-Disposition"] = f'attachment; filename="where-used-{found.pk}.csv"'
    answer["Cache-Control"] = "private, no-store"
    return answer


@page
@require_safe
def batch(request: HttpRequest, number: str) -> HttpResponse:
    found = find_batch(number)
    into, out_of = made_into(found), made_from(found)
    context = {
        **batch_context(number, "genealogy"),
        "drawing": draw(out_of, into),
        "made_from": out_of.others("batch")[:MOST_LISTED],
        "lots": out_of.others("lot")[:MOST_LISTED],
        "made_into": into.others("batch")[:MOST_LISTED],
    }
    return shown(request, "labeling/batch_genealogy.html", context)
