"""Lists by cursor: a page costs the same wherever it lies, and no list counts what it does not show."""

from __future__ import annotations

from typing import Any

from django.db import DataError
from rest_framework.exceptions import NotFound
from rest_framework.pagination import CursorPagination


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
