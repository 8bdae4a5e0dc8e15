"""A doorbell, rung by beat every few seconds and by each release: the trail itself says what is to be sealed."""

from __future__ import annotations

from celery import shared_task

from lims.audit import sealing


@shared_task(name=sealing.SEAL_TASK, ignore_result=True)
def seal_audit_trail() -> None:
    sealing.seal_blocks()
