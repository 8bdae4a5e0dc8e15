"""The state of the installation, and the audit trail of the whole site."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db import connection
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from lims.accounts.actors import actor_of
from lims.accounts.roles import Permission
from lims.audit.api import Endpoint
from lims.audit.models import Operation
from lims.inputs import Input, read_input
from lims.oversight.models import Alarm
from lims.oversight.selectors import alarm_row, alarms
from lims.oversight.services import acknowledge_alarm
from lims.oversight.state import database_answers, queue_answers, state_of_installation
from lims.oversight.trail import NAMES, operations, wanted_of
from lims.pagination import NewestFirst


class HealthApi(APIView):
    """Liveness and readiness, for whoever runs the installation. It tells nothing that a stranger may not know."""

    authentication_classes = ()
    permission_classes = (AllowAny,)

    @extend_schema(responses=OpenApiTypes.OBJECT)
    def get(self, request: Request) -> Response:
        parts = {"database": database_answers(), "queue": queue_answers()}
        # Without the queue everything but printing goes on, and printing catches up: that is not a reason to restart.
        ready = parts["database"]
        body = {
            "status": "ok" if all(parts.values()) else "degraded" if ready else "down",
            **{name: "ok" if answers else "down" for name, answers in parts.items()},
            "version": settings.VERSION,
        }
        return Response(body, status=200 if ready else 503)


class SiteApi(Endpoint):
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


class StateApi(Endpoint):
    """Clocks, database and queue, for the staff."""

    permission = Permission.WATCH

    @extend_schema(responses=OpenApiTypes.OBJECT)
    def get(self, request: Request) -> Response:
        return Response(state_of_installation())


class CommentInput(Input):
    comment = serializers.CharField(allow_blank=True, max_length=4000)


class AlarmsApi(Endpoint):
    filters = ("state", "kind")
    permission = Permission.WATCH

    @extend_schema(responses=OpenApiTypes.OBJECT)
    def get(self, request: Request) -> Response:
        query = request.query_params
        rows = alarms(state=query.get("state", ""), kind=query.get("kind", ""))
        pages = NewestFirst()
        page: list[Alarm] = pages.paginate_queryset(rows, request, view=self) or []
        return pages.get_paginated_response([alarm_row(alarm) for alarm in page])


class AcknowledgementApi(Endpoint):
    permission = Permission.WATCH

    @extend_schema(request=CommentInput, responses={201: OpenApiTypes.OBJECT})
    def post(self, request: Request, alarm_id: int) -> Response:
        given = acknowledge_alarm(actor=actor_of(request), alarm_id=alarm_id, **read_input(CommentInput, request.data))
        return Response(alarm_row(alarms().get(pk=given.alarm_id)), status=201)


class OperationsApi(Endpoint):
    filters = NAMES
    permission = Permission.READ_AUDIT

    @extend_schema(responses=OpenApiTypes.OBJECT)
    def get(self, request: Request) -> Response:
        """Filters: person, action, subject, source, address, from, to, table."""
        pages = NewestFirst()
        rows = operations(wanted_of(request.query_params.dict()))
        page: list[Any] = pages.paginate_queryset(rows, request, self) or []
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
