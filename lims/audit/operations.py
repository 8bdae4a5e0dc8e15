"""Open an audited operation. PostgreSQL refuses a regulated write made outside one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection, transaction

from lims.accounts import access
from lims.accounts.actors import Actor
from lims.audit.models import Operation
from lims.errors import PermissionRefused, SegregationOfDuties


@contextmanager
def operation(*, actor: Actor, action: str, subject: str = "", reason: str = "") -> Iterator[Operation]:
    """One durable transaction for one intention; a refusal inside it leaves nothing behind.

    The operation is a capability: inner functions that write ask for it. That somebody was not let sign what they had
    proved who they are for is kept in the access log, after the transaction is rolled back.
    """
    try:
        with transaction.atomic(durable=True):
            op = Operation.objects.create(
                actor=actor.user,
                role=", ".join(actor.user.role_names),
                action=action,
                subject=subject,
                reason=reason,
                source=actor.source,
                address=actor.address,
            )
            _bind(str(op.pk))
            yield op
            _bind("")  # on an exception the rollback unbinds: SET LOCAL is transactional
    except (PermissionRefused, SegregationOfDuties) as refusal:
        if actor.signing:
            access.signing_refused(actor, why=refusal.code, subject=subject)
        raise


def _bind(operation_id: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('lims.operation', %s, true)", [operation_id])
