"""What no block covers yet: rows of the last seconds, and rows that no block ever would."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from django.db import connection
from django.db.models import Count, Min, Q, QuerySet

from lims.audit.findings import Finding, What
from lims.audit.models import Block, Change, Operation

SHOWN = 20


@dataclass(frozen=True, slots=True)
class Unsealed:
    operations: int
    changes: int
    oldest: datetime | None
    findings: tuple[Finding, ...]


def unsealed(until: Mapping[int, int], *, newest: Block | None, sealed_changes: int) -> Unsealed:
    """`until` says for each server up to which transaction everything is sealed."""
    with connection.cursor() as cursor:
        for way in ("seqscan", "bitmapscan", "hashjoin", "mergejoin"):
            cursor.execute(f"SET LOCAL enable_{way} = on")
        cursor.execute("SELECT (pg_control_system()).system_identifier, txid_snapshot_xmax(txid_current_snapshot())")
        here, next_txid = cursor.fetchone()
    waiting = Operation.objects.filter(_after(until))
    counted = waiting.aggregate(count=Count("id"), oldest=Min("at"))
    changes = Change.objects.filter(operation__in=waiting).count()
    findings = [
        *_inserted(
            Operation.objects.filter(Q(txid__lt=0) | Q(cluster=here, txid__gte=next_txid)),
            "audit_operation {} names a transaction that there was not: it was inserted.",
        )
    ]
    if newest is not None and newest.cluster == here:
        sentence = "audit_operation {} names another server, whose operations were all sealed: it was inserted."
        findings += _inserted(waiting.exclude(cluster=here), sentence)
    if Change.objects.count() != sealed_changes + changes:
        findings += _orphans()
    return Unsealed(counted["count"], changes, counted["oldest"], tuple(findings))


def _after(until: Mapping[int, int]) -> Q:
    after = ~Q(cluster__in=list(until))
    for cluster, txid in until.items():
        after |= Q(cluster=cluster, txid__gte=txid)
    return after


def _inserted(forged: QuerySet[Operation], sentence: str) -> Iterable[Finding]:
    for number in forged.order_by("id").values_list("pk", flat=True)[:SHOWN]:
        yield Finding(What.INSERTED, sentence.format(number), None, "audit_operation", number)


def _orphans() -> Iterable[Finding]:
    """Foreign keys bind everyone but a superuser."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT c.id, c.operation_id FROM audit_change c LEFT JOIN audit_operation o ON o.id = c.operation_id "
            "WHERE o.id IS NULL ORDER BY c.id LIMIT %s",
            [SHOWN],
        )
        for number, operation in cursor.fetchall():
            sentence = f"audit_change {number} names operation {operation}, which is not there."
            yield Finding(What.INSERTED, sentence, None, "audit_change", number)
