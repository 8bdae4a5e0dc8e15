"""Samples of the site's audit trail and their reviews, for pages and REST."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet

from labeling.selectors.history import history_rows
from lims.audit.models import Operation
from lims.oversight.models import TrailSample

Json = dict[str, Any]


def samples() -> QuerySet[TrailSample]:
    return TrailSample.objects.select_related("review__signature", "operation__actor")


def sample_row(sample: TrailSample) -> Json:
    review = getattr(sample, "review", None)
    by = sample.operation.actor
    return {
        "id": sample.pk,
        "since": sample.since.isoformat(),
        "until": sample.until.isoformat(),
        "population": sample.population,
        "size": len(sample.events),
        "seed": sample.seed,
        "drawn_at": sample.drawn_at.isoformat(),
        "drawn_by": {"username": by.username, "full_name": by.full_name},
        "review": review
        and {
            "exceptions": review.exceptions,
            "findings": review.findings,
            "at": review.signature.at.isoformat(),
            "by": {"username": review.signature.username, "full_name": review.signature.full_name},
            "role": review.signature.role,
        },
    }


def acts_of(sample: TrailSample) -> list[Json]:
    acts = Operation.objects.filter(pk__in=sample.events).select_related("actor").prefetch_related("changes")
    return history_rows(acts.order_by("pk"))
