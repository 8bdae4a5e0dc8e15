"""Seal what ended transactions left in the trail, block by block.

Writers never wait: sealing only reads, after the fact. A block covers a range of transactions that have all ended, so
that nothing of an open one is passed over; it falls into a later block. One sealer works at a time (advisory lock), and
the number and the unique hash of the block before refuse a second chain.
"""

from __future__ import annotations

import logging
import threading
from hashlib import sha256
from typing import TypedDict

from celery import current_app
from django.db import connection, transaction
from django.db.models import Max
from kombu.exceptions import OperationalError

from lims.audit import anchor
from lims.audit.blocks import FORM, GENESIS, header, root_of
from lims.audit.keys import sealing_key
from lims.audit.models import Block, Operation
from lims.audit.trail import Range, acts, walk_along_indexes

log = logging.getLogger(__name__)

SEAL_TASK = "lims.audit.tasks.seal_audit_trail"
LOCK = 0x6F78_696E_6174_6501
OPERATIONS_AT_ONCE = 2000
# One try: where the queue is down, the sweep of beat seals a few seconds later.
DOORBELL = {"max_retries": 0, "interval_start": 0, "interval_step": 0, "socket_connect_timeout": 1, "socket_timeout": 2}


class PrintedSeal(TypedDict):
    """The newest block, as a printed record shows it."""

    number: int
    hash: str
    sealed_at: str


def seal_blocks() -> int:
    """Seal everything that ended transactions left, and say how many blocks that took."""
    sealed = 0
    while _seal_next():
        sealed += 1
    anchor.catch_up()
    return sealed


def newest_seal() -> PrintedSeal | None:
    block = Block.objects.defer("leaves").order_by("-number").first()
    if block is None:
        return None
    return PrintedSeal(number=block.number, hash=block.hash, sealed_at=block.sealed_at.isoformat())


def seal_soon() -> None:
    """Once this transaction has committed, ring for the sealer, without waiting for the queue to answer."""
    transaction.on_commit(threading.Thread(target=ring, name="seal-bell", daemon=True).start)


def ring() -> None:
    try:
        with current_app.connection_for_write(transport_options=DOORBELL) as queue:
            current_app.send_task(SEAL_TASK, connection=queue, retry=False, ignore_result=True, expires=60)
    except (OperationalError, OSError) as error:
        log.warning("The task queue did not answer; the trail is sealed with the next round: %s", error)


def _seal_next() -> Block | None:
    with transaction.atomic(durable=True):
        if not _is_only_sealer():
            return None
        last = Block.objects.defer("leaves").order_by("-number").first()
        wanted = _unsealed(last)
        if wanted is None:
            return None
        walk_along_indexes()
        return _seal(last, wanted)


def _seal(last: Block | None, wanted: Range) -> Block:
    key = sealing_key(may_make=last is None)
    sealed = list(acts(wanted, FORM))
    leaves = b"".join(act.leaves for act in sealed)
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        (now,) = cursor.fetchone()
    block = Block(
        number=last.number + 1 if last else 1,
        form=FORM,
        cluster=wanted.cluster,
        from_txid=wanted.first,
        until_txid=wanted.until,
        operations=len(sealed),
        changes=sum(act.changes for act in sealed),
        leaves=leaves,
        root=root_of(leaves),
        previous_hash=last.hash if last else GENESIS,
        key=key.name,
        sealed_at=now,
    )
    said = header(block)
    block.hash, block.mac = sha256(said).hexdigest(), key.mac(said)
    block.save(force_insert=True)
    return block


def _is_only_sealer() -> bool:
    """Freed when this transaction ends, after what it wrote can be seen."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [LOCK])
        return bool(cursor.fetchone()[0])


def _unsealed(last: Block | None) -> Range | None:
    """The next range with anything in it, of transactions that have all ended."""
    here, horizon = _horizon()
    if last is None or last.cluster != here:
        # Perhaps restored from another server. What came along unsealed can grow no more: it goes first.
        elsewhere = Operation.objects.exclude(cluster=here).values("cluster").annotate(newest=Max("txid"))
        for cluster, newest in elsewhere.order_by("cluster").values_list("cluster", "newest"):
            if (found := _range(cluster, newest + 1, None)) is not None:
                return found
    return _range(here, horizon, last)


def _horizon() -> tuple[int, int]:
    """This server, and the transaction before which all have ended."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT (pg_control_system()).system_identifier, txid_snapshot_xmin(txid_current_snapshot())")
        here, horizon = cursor.fetchone()
    return here, horizon


def _range(cluster: int, horizon: int, last: Block | None) -> Range | None:
    if last is None or last.cluster != cluster:
        last = Block.objects.filter(cluster=cluster).defer("leaves").order_by("-number").first()
    first = last.until_txid if last else 0
    waiting = Operation.objects.filter(cluster=cluster, txid__gte=first, txid__lt=horizon).order_by("txid", "id")
    oldest = waiting.values_list("txid", flat=True).first()
    if oldest is None:
        return None
    beyond = waiting.values_list("txid", flat=True)[OPERATIONS_AT_ONCE : OPERATIONS_AT_ONCE + 1]
    # A transaction is never divided, however many operations it holds.
    until = next((max(txid, oldest + 1) for txid in beyond), horizon)
    return Range(cluster, first, until)
