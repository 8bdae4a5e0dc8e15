"""Ask for a printed record: freeze what it says in the transaction that decided it, then ring for the printer."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, TypedDict

from celery import current_app
from django.db import transaction
from kombu.exceptions import OperationalError

from lims.audit.models import Operation
from lims.errors import Conflict, DomainError
from lims.records.models import Document

log = logging.getLogger(__name__)

RENDER_TASK = "lims.records.tasks.render_document"
# A release must not wait for a queue that is down: one try, and the sweep rings again later. kombu would try forever.
DOORBELL = {"max_retries": 0, "interval_start": 0, "interval_step": 0, "socket_connect_timeout": 1, "socket_timeout": 2}


class Attached(TypedDict):
    """A text file that travels inside the PDF, beside the record's own data."""

    name: str
    description: str
    text: str


class AlreadyRequested(DomainError):
    code = "document_already_requested"


def request_document(
    op: Operation,
    *,
    kind: Document.Kind | str,
    number: str,
    title: str,
    template: str,
    context: Mapping[str, Any],
    subject: str,
    attachments: Sequence[Attached] = (),
) -> Document:
    """Queue one record in the transaction of `op`; the printer is told once that transaction has committed."""
    if Document.objects.filter(number=number).exists():
        raise AlreadyRequested(f"The record {number} was requested before; a new version takes the next number.")
    document = Document.objects.create(
        kind=Document.Kind(kind),
        number=number,
        subject=subject,
        title=title,
        template=template,
        context=dict(context),
        attachments=[dict(attached) for attached in attachments],
        operation=op,
    )
    transaction.on_commit(partial(ring, document.pk))
    return document


def print_again(op: Operation, *, document_id: int) -> None:
    """Put a record that could not be printed back into the queue, once its cause is mended."""
    again = Document.objects.filter(pk=document_id, state=Document.State.FAILED).update(
        state=Document.State.QUEUED, attempts=0, error="", not_before=None, claim=None, claimed_at=None
    )
    if not again:
        document = Document.objects.get(pk=document_id)
        raise Conflict(f"The record {document.number} has not failed: it is {document.get_state_display().lower()}.")
    transaction.on_commit(partial(ring, document_id))


def ring(document_id: int) -> None:
    """Tell a worker that a row waits. Best effort: the row is the queue, so a lost ring costs seconds, not a record."""
    try:
        with current_app.connection_for_write(transport_options=DOORBELL) as connection:
            current_app.send_task(
                RENDER_TASK, args=[document_id], queue="pdf", connection=connection, retry=False, ignore_result=True
            )
    except (OperationalError, OSError) as error:
        log.warning("The task queue did not answer for document %s; the sweep will ring again: %s", document_id, error)
