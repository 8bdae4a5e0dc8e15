"""Deviations of the whole site, the newest first."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet

from labeling.domain.deviations import DeviationClass
from labeling.models import Deviation
from labeling.selectors.batch import deviation_row
from lims.errors import InvalidInput

Json = dict[str, Any]
STATES = ("open", "assessed")


def deviations(*, state: str = "", severity: str = "", batch: str = "") -> QuerySet[Deviation]:
    """Raises InvalidInput for a state or class that there is none of: a filter that says nothing shows nothing."""
    if state and state not in STATES:
        raise InvalidInput(f"“{state}” is neither open nor assessed.", code="unknown_choice", field="state")
    if severity and severity not in list(DeviationClass):
        raise InvalidInput(f"“{severity}” is no class of deviations.", code="unknown_choice", field="severity")
    found = Deviation.objects.select_related(
        "opened_by", "assessment_signature", "batch__protocol_version", "batch__specification_version"
    )
    if state:
        found = found.filter(assessment_signature__isnull=state == "open")
    if severity:
        # The class it has now: as it was opened, until an assessment gives it another.
        found = found.filter(assessed_severity=severity) | found.filter(assessed_severity="", severity=severity)
    if batch:
        found = found.filter(batch__number__icontains=batch)
    return found.order_by("-id")


def listed(deviation: Deviation) -> Json:
    batch = deviation.batch
    return {
        **deviation_row(deviation),
        "batch": batch.number,
        "batch_status": batch.status,
        "product": batch.protocol_version.product,
    }
