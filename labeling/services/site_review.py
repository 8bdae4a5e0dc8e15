"""The periodic review of the site's audit trail: a random sample beside the exceptions, signed with what was found."""

from __future__ import annotations

import random
import secrets
from collections.abc import Sequence
from datetime import UTC, datetime

from labeling.selectors.exceptions import count_exceptions
from lims.accounts.actors import Actor
from lims.accounts.attestation import Credential, attest
from lims.accounts.roles import Permission, require
from lims.audit.operations import operation
from lims.errors import Conflict, InvalidInput, NotFound
from lims.oversight.models import PeriodReview, TrailSample
from lims.oversight.trail import Wanted, operations
from lims.signatures.meanings import Meaning
from lims.signatures.signing import digest_of, sign

SITE = "audit trail"
MOST_SAMPLED = 200


def picked(events: Sequence[int], *, seed: str, size: int) -> list[int]:
    """The same events and seed give the same sample: an inspector can draw it again."""
    return sorted(random.Random(seed).sample(list(events), min(size, len(events))))  # noqa: S311 - the seed is secret's


def draw_sample(*, actor: Actor, wanted: Wanted, size: int) -> TrailSample:
    """Pick `size` acts of a period. The seed comes from the machine, so nobody chooses what is looked at."""
    require(actor.user, Permission.REVIEW_SITE_AUDIT)
    if wanted.since is None or wanted.until is None or wanted.until <= wanted.since:
        raise InvalidInput("Give the first and the last day of the period.", code="missing_value", field="from")
    if not 1 <= size <= MOST_SAMPLED:
        raise InvalidInput(f"A sample has 1 to {MOST_SAMPLED} acts, not {size}.", code="out_of_bounds", field="size")
    events = list(
        operations(Wanted(since=wanted.since, until=wanted.until)).order_by("pk").values_list("pk", flat=True)
    )
    if not events:
        raise InvalidInput("Nothing was recorded in this period.", code="nothing_found", field="from")
    seed = secrets.token_hex(16)
    said = f"{min(size, len(events))} of {len(events)} acts, {_day(wanted.since)} to {_day(wanted.until)}"
    with operation(actor=actor, action="audit.sample", subject=SITE, reason=said) as op:
        return TrailSample.objects.create(
            since=wanted.since,
            until=wanted.until,
            population=len(events),
            seed=seed,
            events=picked(events, seed=seed, size=size),
            operation=op,
        )


def _day(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def find_sample(sample_id: int) -> TrailSample:
    sample = TrailSample.objects.select_related("review__signature", "operation__actor").filter(pk=sample_id).first()
    if sample is None:
        raise NotFound(f"There is no sample {sample_id} of the audit trail.")
    return sample


def review_period(*, actor: Actor, sample_id: int, credential: Credential, findings: str) -> PeriodReview:
    """Sign for the review of a period: its sample and its exceptions were looked at, and this was found."""
    attestation = attest(actor, credential, purpose="audit.review_period")
    attestation.require(Permission.REVIEW_SITE_AUDIT)
    if not findings.strip():
        raise InvalidInput("Say what you found, or that you found nothing.", code="findings_missing", field="reason")
    with operation(actor=attestation.actor, action="audit.review_period", subject=SITE, reason=findings.strip()) as op:
        sample = TrailSample.objects.filter(pk=sample_id).first()
        if sample is None:
            raise NotFound(f"There is no sample {sample_id} of the audit trail.")
        if PeriodReview.objects.filter(sample=sample).exists():
            raise Conflict("The review of this sample is signed already.", code="already_recorded")
        exceptional = count_exceptions(Wanted(since=sample.since, until=sample.until))
        signature = sign(
            op,
            attestation,
            meaning=Meaning.PERIOD_REVIEWED,
            permission=Permission.REVIEW_SITE_AUDIT,
            covers=f"audit trail of the site, {sample.since.isoformat()} to {sample.until.isoformat()}",
            manifest={
                "since": sample.since.isoformat(),
                "until": sample.until.isoformat(),
                "population": sample.population,
                "seed": sample.seed,
                "events_sha256": digest_of({"events": sample.events}),
                "exceptions": exceptional,
                "findings": findings.strip(),
            },
        )
        return PeriodReview.objects.create(
            sample=sample, exceptions=exceptional, findings=findings.strip(), signature=signature
        )
