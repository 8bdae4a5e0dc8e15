"""A doorbell: look after clocks and lockouts."""

from __future__ import annotations

from celery import shared_task

from lims.oversight.watch import watch


@shared_task(name="lims.oversight.tasks.look_after", queue="pdf", ignore_result=True)
def look_after() -> None:
    watch()
