"""Doorbells: look after clocks and lockouts, and after the seals of the audit trail."""

from __future__ import annotations

from celery import shared_task

from lims.oversight.seals import watch_trail
from lims.oversight.watch import watch


@shared_task(name="lims.oversight.tasks.look_after", queue="pdf", ignore_result=True)
def look_after() -> None:
    watch()


@shared_task(name="lims.oversight.tasks.verify_audit_trail", queue="pdf", ignore_result=True)
def verify_audit_trail() -> None:
    watch_trail()
