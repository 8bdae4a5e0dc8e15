"""Doorbells of the laboratory: timers that nobody stopped, restatements that wait. The rows are the queue."""

from __future__ import annotations

from celery import shared_task

from labeling.selectors.clock import database_now
from labeling.services import conditions, reevaluating
from labeling.services.timers import report_missed_timers


@shared_task(name="labeling.tasks.watch_timers", queue="pdf", ignore_result=True)
def watch_timers() -> None:
    report_missed_timers(now=database_now())


@shared_task(name="labeling.tasks.watch_conditions", queue="pdf", ignore_result=True)
def watch_conditions() -> None:
    conditions.watch_conditions()


@shared_task(name=reevaluating.CARRY_ON_TASK, queue="celery", ignore_result=True)
def carry_on_restating(restatement_id: int) -> None:
    reevaluating.carry_on(restatement_id)


@shared_task(name="labeling.tasks.sweep_restating", queue="celery", ignore_result=True)
def sweep_restating() -> None:
    for restatement_id in reevaluating.unfinished():
        reevaluating.carry_on(restatement_id)
