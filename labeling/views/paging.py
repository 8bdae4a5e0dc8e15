"""Lists by cursor."""

from __future__ import annotations

from datetime import datetime

from django.db.models import Q, QuerySet
from django.http import HttpRequest

from labeling.models import Lot
from lims.pagination import PAGE, Found, is_row_number, one_page

__all__ = ["Found", "first_to_expire", "one_page"]


def first_to_expire(request: HttpRequest, rows: QuerySet[Lot]) -> Found[Lot]:
    """The lots that expire first, or those after `?after=`, an instant and a row's number.

    A cursor that names none is passed over, and the list begins anew.
    """
    text, _, number = request.GET.get("after", "").rpartition("_")
    try:
        expired = datetime.fromisoformat(text) if is_row_number(number) else None
    except ValueError:
        expired = None
    if expired is not None and expired.tzinfo is not None:
        rows = rows.filter(Q(expires_at__gt=expired) | Q(expires_at=expired, pk__gt=int(number)))
    found = list(rows.order_by("expires_at", "pk")[: PAGE + 1])
    if len(found) <= PAGE:
        return Found(found, "")
    query = request.GET.copy()
    last = found[PAGE - 1]
    query["after"] = f"{last.expires_at.isoformat()}_{last.pk}"
    return Found(found[:PAGE], f"?{query.urlencode()}")
