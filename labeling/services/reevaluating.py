"""Re-evaluate the batches of a signed restatement, each in an operation of its own, so that it stands in its trail.

This may stop anywhere and go on later: what is left to do is what has no re-evaluation yet.
"""

from __future__ import annotations

import logging
from functools import partial

from celery import current_app
from django.db import transaction
from django.db.models import Count
from kombu.exceptions import OperationalError

from labeling.domain.deviations import DeviationClass
from labeling.domain.lifecycle import BatchStatus
from labeling.models import Deviation, Reevaluation, Restatement
from labeling.selectors.reevaluation import names, pending_batches, reevaluated
from labeling.services.deviations import open_deviation
from labeling.services.lifecycle import lock_batch
from labeling.services.results import recompute
from lims.accounts.actors import Actor, Source
from lims.audit.operations import operation
from lims.oversight.models import Alarm
from lims.oversight.services import raise_alarm
from lims.records.services import DOORBELL

log = logging.getLogger(__name__)
AT_ONCE = 50  # batches that one request re-evaluates; a worker goes on with the others
CARRY_ON_TASK = "labeling.tasks.carry_on_restating"


def carry_on(restatement_id: int, *, source: Source = Source.TASK) -> int:
    """Re-evaluate some of the batches that still wait, and ring for the others. Gives how many are left."""
    restatement = Restatement.objects.select_related("equipment", "signature__signer").get(pk=restatement_id)
    waiting = pending_batches(restatement)
    actor = Actor(restatement.signature.signer, source)
    for number in waiting[:AT_ONCE]:
        _reevaluate(actor, restatement, number)
    left = len(waiting[AT_ONCE:])
    if left:
        transaction.on_commit(partial(_ring, restatement_id))
    return left


def unfinished() -> list[int]:
    """Restatements that still have batches to re-evaluate, among the newest: the older ones were swept before."""
    newest = Restatement.objects.annotate(done=Count("reevaluations")).order_by("-id")[:AT_ONCE]
    return [row.pk for row in newest if row.done < len(row.batches)]


def _reevaluate(actor: Actor, restatement: Restatement, number: str) -> None:
    code, reason = restatement.equipment.code, restatement.signature.reason
    with operation(actor=actor, action="batch.restate", subject=number, reason=reason) as op:
        batch = lock_batch(number)
        if Reevaluation.objects.filter(restatement=restatement, batch=batch).exists():
            return  # somebody else was here between the list and the lock
        found = reevaluated(batch, restatement)
        in_progress = BatchStatus(batch.status) is BatchStatus.IN_PROGRESS
        moved = found.verdicts_moved
        Reevaluation.objects.create(
            restatement=restatement,
            batch=batch,
            results=found.results,
            tests=found.tests,
            verdict_moved=bool(moved),
            recomputed=in_progress,
            operation=op,
        )
        if in_progress:
            recompute(op, batch)
        if not moved:
            return
        text = f"With the readings on {code} restated, another verdict comes out for: {names(moved)}."
        released = BatchStatus(batch.status) is BatchStatus.RELEASED
        severity = DeviationClass.CRITICAL if released else DeviationClass.MAJOR
        open_deviation(op, batch, kind=Deviation.Kind.RESTATED, text=text, severity=severity)
        if released:
            raise_alarm(
                op,
                kind=Alarm.Kind.RESTATED,
                severity=Alarm.Severity.CRITICAL,
                subject=number,
                text=f"{number} is released. {text}",
                cause=f"restated:{restatement.pk}:{number}",
            )


def _ring(restatement_id: int) -> None:
    """Tell a worker. Best effort: the rows are the queue, and the sweep rings again."""
    try:
        with current_app.connection_for_write(transport_options=DOORBELL) as connection:
            current_app.send_task(
                CARRY_ON_TASK,
                args=[restatement_id],
                queue="celery",
                connection=connection,
                retry=False,
                ignore_result=True,
            )
    except (OperationalError, OSError) as error:
        log.warning("The task queue did not answer for restatement %s; the sweep goes on: %s", restatement_id, error)
