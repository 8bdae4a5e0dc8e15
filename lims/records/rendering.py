"""Print each requested record exactly once, whatever happens to the workers.

A worker claims the row by compare-and-swap and holds it by a lease that a thread renews while it prints. The lease is
measured by the database's clock alone. A session-level advisory lock would be the other way to free the row of a dead
worker, but sessions here belong to a pool, which hands them on with their locks, and the lock of a host that vanished
lasts until TCP gives up; the lease ends after `LEASE` in every case. The last step is a compare-and-swap on the claim
too, so a worker that was stopped for a minute and wakes up again finds that its claim has gone and stores nothing.
"""

from __future__ import annotations

import hashlib
import logging
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from django.db import DatabaseError, connection
from django.db.models import F, Q, QuerySet
from django.db.models.functions import Now

from lims.oversight.models import Alarm
from lims.oversight.services import sound_alarm
from lims.records.models import Document
from lims.records.packing import packed
from lims.records.seal import Seal, site_seal
from lims.records.typesetting import typeset

log = logging.getLogger(__name__)

LEASE = timedelta(seconds=10)
HEARTBEAT_SECONDS = 3.0
MOST_ATTEMPTS = 6
SWEPT_AT_ONCE = 50
S = Document.State


def _abandoned() -> Q:
    return Q(state=S.RENDERING, claimed_at__lt=Now() - LEASE)


def _free() -> Q:
    waiting = Q(state=S.QUEUED) & (Q(not_before__isnull=True) | Q(not_before__lte=Now()))
    return (waiting | _abandoned()) & Q(attempts__lt=MOST_ATTEMPTS)


def render_document(document_id: int) -> bool:
    """Print and seal one record. Safe to call twice, late, or from two workers; true for the one that stored it."""
    claim = uuid.uuid4()
    claimed = Document.objects.filter(_free(), pk=document_id).update(
        state=S.RENDERING, claim=claim, claimed_at=Now(), attempts=F("attempts") + 1
    )
    if not claimed:
        return False
    document = Document.objects.defer("pdf").get(pk=document_id)
    started = time.monotonic()
    log.info("Printing %s, attempt %d.", document.number, document.attempts)
    try:
        with _lease_kept(document_id, claim):
            content = _made(document, site_seal())
    except Exception as error:  # the outermost frame of the work: whatever a record stumbles over is kept with it
        log.exception("Printing %s failed.", document.number)
        _put_back(document, claim, f"{type(error).__name__}: {error}")
        return False
    stored = _held(document_id, claim).update(
        state=S.SEALED, pdf=content, sha256=hashlib.sha256(content).hexdigest(), sealed_at=Now(), error=""
    )
    if stored:
        seconds = time.monotonic() - started
        log.info("Sealed %s: %d bytes in %.1f s.", document.number, len(content), seconds)
    else:
        log.warning("Another worker took over %s; this print is discarded.", document.number)
    return bool(stored)


def _made(document: Document, seal: Seal) -> bytes:
    if document.is_package:
        return packed(document, seal)
    pages = typeset(document, seal_fingerprint=seal.fingerprint)
    return seal.sealed(pages, number=document.number, title=document.title)


def overdue_documents() -> list[int]:
    """Rows that a worker should take now, oldest first; rows that ended every worker are given up here."""
    error = f"The worker ended in the middle of printing, {MOST_ATTEMPTS} times."
    hopeless = Document.objects.filter(_abandoned(), attempts__gte=MOST_ATTEMPTS)
    for pk, number in hopeless.values_list("pk", "number"):
        if hopeless.filter(pk=pk).update(state=S.FAILED, error=error):
            _tell(number, error)
    return list(Document.objects.filter(_free()).order_by("pk").values_list("pk", flat=True)[:SWEPT_AT_ONCE])


def _held(document_id: int, claim: uuid.UUID) -> QuerySet[Document]:
    return Document.objects.filter(pk=document_id, state=S.RENDERING, claim=claim)


def _put_back(document: Document, claim: uuid.UUID, error: str) -> None:
    given_up = document.attempts >= MOST_ATTEMPTS
    put_back = _held(document.pk, claim).update(
        state=S.FAILED if given_up else S.QUEUED,
        not_before=None if given_up else Now() + LEASE * 2 ** (document.attempts - 1),
        error=error[:2000],
    )
    if put_back and given_up:
        _tell(document.number, error)


def _tell(number: str, error: str) -> None:
    sound_alarm(
        kind=Alarm.Kind.NOT_PRINTED,
        severity=Alarm.Severity.CRITICAL,
        subject=number,
        text=f"The record {number} could not be printed: {error[:500]}",
    )


@contextmanager
def _lease_kept(document_id: int, claim: uuid.UUID) -> Iterator[None]:
    done = threading.Event()
    thread = threading.Thread(target=_renew, args=(document_id, claim, done), name="lease", daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def _renew(document_id: int, claim: uuid.UUID, done: threading.Event) -> None:
    try:
        while not done.wait(HEARTBEAT_SECONDS):
            if not _held(document_id, claim).update(claimed_at=Now()):
                return
    except DatabaseError as error:  # the lease runs out, and the last compare-and-swap decides
        log.warning("The lease on document %s could not be renewed: %s", document_id, error)
    finally:
        connection.close()  # this thread's own
