"""The periodic review of who has access: somebody of quality looks at every account, concludes, and signs.

21 CFR 11.300(b); draft EU GMP Annex 11, 11.10 and 11.11. It lasts `LIMS_ACCESS_REVIEW_DAYS`, and what changes after it
is shown beside it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models import Min, QuerySet
from django.utils import timezone

from lims.accounts.actors import Actor
from lims.accounts.attestation import Credential, attest
from lims.accounts.roles import Permission, may
from lims.audit.operations import operation
from lims.errors import InvalidInput, NotFound, SegregationOfDuties, Stale
from lims.people.holders import account_rows, standing_of
from lims.people.models import AccessReview
from lims.people.selectors import people
from lims.signatures.manifestation import signature_row
from lims.signatures.meanings import Meaning
from lims.signatures.signing import digest_of, sign

Json = dict[str, Any]
ACCESS = "user access"


def reviews() -> QuerySet[AccessReview]:
    return AccessReview.objects.select_related("signature")


def newest_review() -> AccessReview | None:
    return reviews().order_by("-pk").first()


def find_review(review_id: int) -> AccessReview:
    found = reviews().filter(pk=review_id).first()
    if found is None:
        raise NotFound(f"There is no access review {review_id}.")
    return found


@dataclass(frozen=True, slots=True)
class Due:
    """When the next review is due; `after` is the newest one, None before the first."""

    after: AccessReview | None
    at: datetime | None  # None while nobody is enrolled

    @property
    def overdue(self) -> bool:
        return self.at is not None and self.at <= timezone.now()


def next_due() -> Due:
    """Counted from the newest review, or, before the first, from the first enrollment."""
    newest = newest_review()
    since = newest.signature.at if newest else people().aggregate(first=Min("enrolled_at"))["first"]
    return Due(newest, since + timedelta(days=settings.ACCESS_REVIEW_DAYS) if since else None)


def fault_of_review() -> str:
    """What is wrong with the review of access, in a sentence; empty where it is not due."""
    due = next_due()
    if not due.overdue or due.at is None:
        return ""
    last = f"the last one is of {_day(due.after.signature.at)}" if due.after else "there has been none yet"
    return f"The review of who has access was due on {_day(due.at)}; {last}. Somebody of quality has to sign it."


def changes_since(review: AccessReview, rows: list[Json]) -> list[Json]:
    """Each account that stands otherwise now than when it was reviewed; `before` is empty for a new one."""
    before: dict[str, str] = json.loads(review.signature.manifest)["accounts"]
    now = standing_of(rows)
    return [
        {"username": username, "before": before.get(username, ""), "now": now.get(username, "")}
        for username in sorted({*before, *now})
        if before.get(username) != now.get(username)
    ]


def review_access(*, actor: Actor, credential: Credential, conclusion: str, seen: str) -> AccessReview:
    """Sign for the review of all accounts. `seen` is the digest of the standing that the reviewer was shown.

    Raises Stale where an account stands otherwise by now, SegregationOfDuties for whoever administers accounts.
    """
    attestation = attest(actor, credential, purpose="person.review_access")
    attestation.require(Permission.REVIEW_ACCESS)
    if may(attestation.user, Permission.MANAGE_PEOPLE):
        raise SegregationOfDuties("You administer accounts; somebody of quality who does not has to review them.")
    if not conclusion.strip():
        raise InvalidInput("Say what you conclude.", code="conclusion_missing", field="conclusion")
    with operation(
        actor=attestation.actor, action="person.review_access", subject=ACCESS, reason=conclusion.strip()
    ) as op:
        # No lock: what changes beside this review is shown as changed since, whichever of the two commits first.
        rows = account_rows(now=timezone.now())
        standing = standing_of(rows)
        if seen != digest_of(standing):
            raise Stale("An account changed while you looked at the list. Look at it again, then sign.")
        signature = sign(
            op,
            attestation,
            meaning=Meaning.ACCESS_REVIEWED,
            permission=Permission.REVIEW_ACCESS,
            covers=f"access of {len(rows)} accounts",
            manifest={
                "accounts": standing,
                "list_sha256": digest_of({"accounts": rows}),
                "conclusion": conclusion.strip(),
            },
        )
        return AccessReview.objects.create(listed=rows, conclusion=conclusion.strip(), signature=signature)


def review_row(review: AccessReview) -> Json:
    """A review in a list; `list_intact` says whether the list that is kept is the one that was signed."""
    signed = json.loads(review.signature.manifest)
    return {
        "id": review.pk,
        "accounts": len(review.listed),
        "conclusion": review.conclusion,
        "list_sha256": signed["list_sha256"],
        "list_intact": signed["list_sha256"] == digest_of({"accounts": review.listed}),
        "signature": signature_row(review.signature),
    }


def present_document() -> Json:
    """Who has access now, when the next review is due, and what changed since the newest."""
    rows, due = account_rows(now=timezone.now()), next_due()
    return {
        "accounts": rows,
        "sha256": digest_of(standing_of(rows)),
        "due_at": due.at.isoformat() if due.at else None,
        "overdue": due.overdue,
        "newest": review_row(due.after) if due.after else None,
        "changed_since": changes_since(due.after, rows) if due.after else [],
    }


def _day(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d}"
