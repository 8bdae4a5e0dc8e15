"""The watch over the audit trail: what does not verify, or is not sealed in time, raises an alarm.

The newest blocks are verified each minute, the whole trail and the tables beside it once a day, in portions that keep
their place, so that a worker that ends loses one portion.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

from django.conf import settings
from django.db.models import Min, Q
from django.db.models.functions import Now

from lims.accounts.actors import Source, system_actor
from lims.audit import anchor
from lims.audit.anchor import Anchored
from lims.audit.blocks import GENESIS
from lims.audit.findings import Finding, What
from lims.audit.models import Block, Operation
from lims.audit.operations import operation
from lims.audit.verification import Chain, verify_onwards, verify_tables
from lims.errors import DomainError
from lims.oversight.clocks import database_now
from lims.oversight.models import Alarm, TrailWalk
from lims.oversight.services import sound_alarm

ROWS_AT_ONCE = 100_000
SEALED_WITHIN = timedelta(minutes=10)
WHOLE_EVERY = timedelta(days=1)
LEASE = timedelta(minutes=10)
QUIET_AFTER = timedelta(days=1)
SUBJECT = "audit trail"


def watch_trail() -> list[Alarm]:
    """One round of the watch. A second one that comes meanwhile does nothing."""
    found = [*_late()]
    for kind in TrailWalk.Kind:
        found += _round(kind)
    return _sound(found)


def oldest_unsealed() -> datetime | None:
    """When the oldest operation began that no block covers yet."""
    newest = Block.objects.defer("leaves").order_by("-number").first()
    if newest is None:
        return Operation.objects.aggregate(oldest=Min("at"))["oldest"]
    waiting = Operation.objects.filter(cluster=newest.cluster, txid__gte=newest.until_txid)
    return waiting.order_by("txid", "id").values_list("at", flat=True).first()


def _late() -> Iterator[Finding]:
    oldest, now = oldest_unsealed(), database_now()
    if oldest is not None and now - oldest > SEALED_WITHIN:
        minutes = SEALED_WITHIN.total_seconds() / 60
        sentence = (
            f"What was recorded at {oldest:%Y-%m-%d %H:%M:%S} UTC is not sealed yet, after more than {minutes:.0f} "
        )
        sentence += "minutes: the worker does not seal, or a transaction stays open."
        yield Finding(What.UNSEALED, sentence)


def _round(kind: TrailWalk.Kind) -> list[Finding]:
    walk = _claimed(kind)
    if walk is None:
        return []
    chain = Chain(walk.block, walk.hash or GENESIS, {int(server): txid for server, txid in walk.until.items()})
    try:
        report = verify_onwards(chain, anchored=_anchored(after=walk.block), most_rows=ROWS_AT_ONCE)
    except DomainError as error:  # no key, or no anchor file that can be read: as grave as a wrong seal
        _free(walk)
        return [Finding(What.CANNOT_VERIFY, error.message)]
    found = list(report.findings)
    walk.block, walk.hash, walk.until = chain.number, chain.hash, {str(k): v for k, v in chain.until.items()}
    walk.rows += report.operations + report.changes
    walk.findings += len(found) + report.more
    if kind is TrailWalk.Kind.WHOLE and not Block.objects.filter(number__gt=chain.number).exists():
        found += _end(walk)
    walk.looked_at = database_now()
    walk.claimed_at = None
    walk.save()
    return found


def _end(walk: TrailWalk) -> list[Finding]:
    """The whole chain is through; the tables come last, and that it was looked at stands in the trail."""
    found = list(verify_tables())
    walk.findings += len(found)
    walk.ended_at = database_now()
    result = f"{walk.findings} findings" if walk.findings else "as it was sealed, and the tables say the same"
    reason = f"{walk.block} blocks with {walk.rows} rows: {result}."
    with operation(actor=system_actor(Source.TASK), action="audit.verify", subject=SUBJECT, reason=reason):
        return found


def _claimed(kind: TrailWalk.Kind) -> TrailWalk | None:
    """The walk, where it is due and nobody else is upon it. A whole one that has ended begins anew after a day."""
    TrailWalk.objects.get_or_create(kind=kind)
    due = Q(ended_at=None) | Q(ended_at__lt=Now() - WHOLE_EVERY)
    free = Q(claimed_at=None) | Q(claimed_at__lt=Now() - LEASE)
    if not TrailWalk.objects.filter(due & free, kind=kind).update(claimed_at=Now()):
        return None
    walk = TrailWalk.objects.get(kind=kind)
    if walk.ended_at is not None:
        walk.block, walk.hash, walk.until, walk.rows, walk.findings, walk.ended_at = 0, "", {}, 0, 0, None
    return walk


def _free(walk: TrailWalk) -> None:
    TrailWalk.objects.filter(pk=walk.pk).update(claimed_at=None)


def _anchored(*, after: int) -> list[Anchored]:
    if not settings.AUDIT_ANCHOR_FILE or not Path(settings.AUDIT_ANCHOR_FILE).exists():
        return []
    return [one for one in anchor.read(Path(settings.AUDIT_ANCHOR_FILE)) if one.block >= after]


def _sound(found: list[Finding]) -> list[Alarm]:
    """An alarm for each thing that is wrong; one that is open, or was acknowledged within a day, is known."""
    known = Alarm.objects.filter(kind=Alarm.Kind.TRAIL_BROKEN)
    known = known.filter(Q(acknowledgement=None) | Q(acknowledgement__at__gt=Now() - QUIET_AFTER))
    told = set(known.values_list("subject", flat=True))
    alarms = []
    for finding in found:
        subject = _subject(finding)
        if subject not in told:
            told.add(subject)
            alarms.append(
                sound_alarm(
                    kind=Alarm.Kind.TRAIL_BROKEN,
                    severity=Alarm.Severity.CRITICAL,
                    subject=subject,
                    text=f"{finding.what[:1].upper()}{finding.what[1:]}: {finding.sentence}",
                )
            )
    return alarms


def _subject(finding: Finding) -> str:
    if finding.id is not None:
        return f"{finding.table} {finding.id}"
    return f"block {finding.block}" if finding.block is not None else f"{SUBJECT}: {finding.what}"
