"""Batches as a list shows them."""

from __future__ import annotations

from datetime import datetime

from django.db.models import Q, QuerySet

from labeling.models import Batch


def batches(
    *,
    status: str = "",
    protocol: str = "",
    product: str = "",
    identity: str = "",
    lot: str = "",
    planned_from: datetime | None = None,
    planned_to: datetime | None = None,
) -> QuerySet[Batch]:
    """Newest first, with everything a row shows read along, whatever the number of rows."""
    rows = Batch.objects.select_related(
        "protocol_version",
        "specification_version",
        "planned_by",
        "started_by",
        "disposed_by",
        "completion_signature",
        "disposition_signature",
    ).order_by("-pk")
    exact = {"status": status, "protocol_version__code": protocol, "identity": identity}
    rows = rows.filter(**{name: value for name, value in exact.items() if value})
    if product:
        rows = rows.filter(protocol_version__product__icontains=product)
    if planned_from is not None:
        rows = rows.filter(planned_at__gte=planned_from)
    if planned_to is not None:
        rows = rows.filter(planned_at__lt=planned_to)
    if lot:
        rows = rows.filter(Q(entries__lot__number=lot) | Q(entries__source_batch__number=lot)).distinct()
    return rows
