"""How far the audit trail of a subject is reviewed, and which alarms are open."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db.models import Count, Max, Q, QuerySet

from lims.audit.models import Operation
from lims.oversight.models import Alarm, AuditReview
from lims.signatures.manifestation import signature_row
from lims.signatures.models import Signature

Json = dict[str, Any]

# Acts upon a subject that leave its record as it was: the review itself, exports, alarms, the decision, its prints.
LEAVES_THE_RECORD = Q(action__in=("batch.release", "batch.reject")) | (
    Q(action__startswith="audit.")
    | Q(action__startswith="alarm.")
    | Q(action__startswith="document.")
    | Q(action="label.print")
)


@dataclass(frozen=True, slots=True)
class Trail:
    """The events that made a record what it is, counted, and the newest review of them."""

    events: int
    last: int  # 0 before the first
    review: AuditReview | None

    @property
    def reviewed(self) -> bool:
        """Whether the newest review covers every event: one that came later has undone it."""
        return self.review is not None and self.review.events == self.events


def trail_of(subject: str) -> Trail:
    counted = (
        Operation.objects.filter(subject=subject).exclude(LEAVES_THE_RECORD).aggregate(n=Count("pk"), last=Max("pk"))
    )
    review = AuditReview.objects.filter(subject=subject).select_related("signature").order_by("-pk").first()
    return Trail(events=counted["n"], last=counted["last"] or 0, review=review)


def review_holds(signature: Signature) -> bool:
    trail = trail_of(signature.subject)
    return trail.reviewed and trail.review is not None and trail.review.signature_id == signature.pk


def review_row(trail: Trail) -> Json | None:
    if trail.review is None:
        return None
    signature = trail.review.signature
    return {
        "up_to": trail.review.up_to_id,
        "events": trail.review.events,
        "holds": trail.reviewed,
        "at": signature.at.isoformat(),
        "by": {"username": signature.username, "full_name": signature.full_name},
        "role": signature.role,
        "signature": signature_row(signature),
    }


def alarms(*, state: str = "", kind: str = "") -> QuerySet[Alarm]:
    """Alarms, the open ones (`open`), the acknowledged ones (`acknowledged`) or all."""
    rows = Alarm.objects.select_related("acknowledgement__by")
    if state:
        rows = rows.filter(acknowledgement__isnull=state == "open")
    return rows.filter(kind=kind) if kind else rows


def alarm_row(alarm: Alarm) -> Json:
    given = getattr(alarm, "acknowledgement", None)
    return {
        "id": alarm.pk,
        "kind": alarm.kind,
        "kind_label": alarm.get_kind_display(),
        "severity": alarm.severity,
        "subject": alarm.subject,
        "text": alarm.text,
        "raised_at": alarm.raised_at.isoformat(),
        "state": "acknowledged" if given else "open",
        "acknowledgement": {
            "by": {"username": given.by.username, "full_name": given.by.full_name},
            "role": given.role,
            "at": given.at.isoformat(),
            "comment": given.comment,
        }
        if given
        else None,
    }
