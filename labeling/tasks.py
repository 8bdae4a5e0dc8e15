"""A doorbell: look for timers that nobody stopped."""

from __future__ import annotations

from celery import shared_task

from labeling.selectors.clock import database_now
from labeling.services.timers import report_missed_timers


@shared_task(name="labeling.tasks.watch_timers", queue="pdf", ignore_result=True)
def watch_timers() -> None:
    report_missed_timers(now=database_now())
