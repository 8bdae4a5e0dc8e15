"""Doorbells. Each carries one primary key at most; the rows themselves are the queue."""

from __future__ import annotations

from celery import shared_task

from lims.records import rendering, services


@shared_task(name=services.RENDER_TASK, queue="pdf", ignore_result=True)
def render_document(document_id: int) -> None:
    rendering.render_document(document_id)


@shared_task(name="lims.records.tasks.sweep_documents", queue="pdf", ignore_result=True)
def sweep_documents() -> None:
    for document_id in rendering.overdue_documents():
        services.ring(document_id)
