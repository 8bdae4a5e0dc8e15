"""Lists by cursor: a page costs the same wherever it lies, and no list counts what it does not show."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from django.db import DataError
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from rest_framework.exceptions import NotFound
from rest_framework.pagination import CursorPagination

M = TypeVar("M", bound=Model)
PAGE = 50
LONGEST_ROW_NUMBER = 18


class NewestFirst(CursorPagination):
    """A cursor is opaque; one that we did not make names no page."""

    ordering = "-pk"
    page_size = 50
    page_size_query_param = "page_size"
    max_page_size = 500

    def paginate_queryset(self, queryset: Any, request: Any, view: Any = None) -> list[Any] | None:
        try:
            return super().paginate_queryset(queryset, request, view=view)
        except (ValueError, DataError):
            raise NotFound("This cursor names no page; begin at the first one.") from None


@dataclass(frozen=True, slots=True)
class Found(Generic[M]):
    rows: list[M]
    older: str  # the query string of the next page, empty on the last


def is_row_number(given: str) -> bool:
    """Whether this can be the number of a row; Python reads no number of thousands of digits."""
    return given.isascii() and given.isdigit() and len(given) <= LONGEST_ROW_NUMBER


def one_page(request: HttpRequest, rows: QuerySet[M]) -> Found[M]:
    """The newest rows, or those older than `?before=`."""
    before = request.GET.get("before", "")
    if is_row_number(before):
        rows = rows.filter(pk__lt=int(before))
    found = list(rows.order_by("-pk")[: PAGE + 1])
    if len(found) <= PAGE:
        return Found(found, "")
    query = request.GET.copy()
    query["before"] = str(found[PAGE - 1].pk)
    return Found(found[:PAGE], f"?{query.urlencode()}")
