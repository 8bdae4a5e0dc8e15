"""The state of the installation, and the audit trail of the whole site."""

from __future__ import annotations

from typing import Any

from celery import current_app
from django.conf import settings
from django.db import DatabaseError, connection
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from kombu.exceptions import OperationalError
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from lims.accounts.roles import Permission
from lims.audit.models import Operation
from lims.pagination import NewestFirst


class HealthApi(APIView):
    """Liveness and readiness, for whoever runs the installation. It tells nothing that a stranger may not know."""

    authentication_classes = ()
    permission_classes = (AllowAny,)

    @extend_schema(responses=OpenApiTypes.OBJECT)
    def get(self, request: Request) -> Response:
        parts = {"database": _database_answers(), "queue": _queue_answers()}
        # Without the queue everything but printing goes on, and printing catches up: that is not a reason to restart.
        ready = parts["database"]
        body = {
            "status": "ok" if all(parts.values()) else "degraded" if ready else "down",
            **{name: "ok" if answers else "down" for name, answers in parts.items()},
            "version": settings.VERSION,
        }
        return Response(body, status=200 if ready else 503)


class SiteApi(APIView):
    @extend_schema(responses=OpenApiTypes.OBJECT)
    def get(self, request: Request) -> Response:
        with connection.cursor() as cursor:
            cursor.execute("SELECT clock_timestamp()")
            now = cursor.fetchone()[0]
        return Response(
            {
                "name": settings.SITE_NAME,
                "time_zone": settings.TIME_ZONE,
                "now": now.isoformat(),
                "version": settings.VERSION,
                "demo": settings.DEMO,
            }
        )


class OperationsApi(APIView):
    permission = Permission.READ_AUDIT

    @extend_schema(responses=OpenApiTypes.OBJECT)
    def get(self, request: Request) -> Response:
        rows = Operation.objects.select_related("actor").prefetch_related("changes").order_by("-pk")
        subject = request.query_params.get("subject", "")
        pages = NewestFirst()
        page: list[Any] = (
            pages.paginate_queryset(rows.filter(subject=subject) if subject else rows, request, self) or []
        )
        return pages.get_paginated_response([operation_row(operation) for operation in page])


def operation_row(operation: Operation) -> dict[str, Any]:
    return {
        "id": operation.pk,
        "at": operation.at.isoformat(),
        "actor": {"username": operation.actor.username, "full_name": operation.actor.full_name},
        "role": operation.role,
        "action": operation.action,
        "subject": operation.subject,
        "reason": operation.reason,
        "source": operation.source,
        "address": operation.address,
        "changes": [
            {"table": c.table_name, "row": c.row_pk, "verb": c.verb, "old": c.old_row, "new": c.new_row}
            for c in operation.changes.all()
        ],
    }


def _database_answers() -> bool:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError:
        return False
    return True


def _queue_answers() -> bool:
    try:
        with current_app.connection_for_write() as queue:
            queue.ensure_connection(max_retries=1, interval_start=0, timeout=1)
    except (OSError, OperationalError):
        return False
    return True
