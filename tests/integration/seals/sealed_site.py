"""A sealed trail to attack, and the superuser who does."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
from django.db import connection

from lims.audit import anchor
from lims.audit.findings import Finding
from lims.audit.models import Block, Change, Operation
from lims.audit.sealing import seal_blocks
from lims.audit.verification import Report, verify_trail
from lims.development.provision import with_parts
from tests import factories
from tests.conftest import DatabaseServer
from tests.factories import People

PATIENCE = 10.0


@dataclass(slots=True)
class Site:
    """A sealed trail, and a superuser who goes around every trigger and foreign key."""

    who: People
    server: DatabaseServer
    key: Path
    anchor: Path
    lots: Iterator[int] = field(default_factory=lambda: iter(range(1, 10_000)))

    def work(self, acts: int = 2) -> None:
        for _ in range(acts):
            factories.lot(self.who, f"L-{next(self.lots)}", "oxalate", accepted=False)

    def seal(self) -> None:
        """Until nothing waits: any transaction on the server, also PostgreSQL's own, may hold a row back a moment."""
        give_up = time.monotonic() + PATIENCE
        while True:
            seal_blocks()
            report = verify_trail()
            assert report.unsealed is not None
            if not report.unsealed.operations:
                return
            assert time.monotonic() < give_up, "the trail was not sealed in time"
            time.sleep(0.05)

    def attack(self, statement: str, *values: Any) -> None:
        url = with_parts(self.server.admin_url, database=str(connection.settings_dict["NAME"]))
        with psycopg.connect(url, autocommit=True) as superuser:
            superuser.execute("SET session_replication_role = replica")
            superuser.execute(statement.encode(), values or None)

    def verify(self) -> Report:
        return verify_trail(anchored=list(anchor.read(self.anchor)))


def first(report: Report) -> Finding:
    assert not report.sound
    return report.findings[0]


def middle_block() -> Block:
    block = Block.objects.filter(number__gt=1).order_by("number").first()
    assert block is not None
    return block


def changes_of(block: Block) -> list[int]:
    within = Operation.objects.filter(cluster=block.cluster, txid__gte=block.from_txid, txid__lt=block.until_txid)
    return list(Change.objects.filter(operation__in=within).order_by("id").values_list("pk", flat=True))
