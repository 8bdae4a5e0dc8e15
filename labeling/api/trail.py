"""The audit trail over REST: its review, its exceptions, its export."""

from __future__ import annotations

from typing import Any

from django.http import StreamingHttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from labeling.api.batches import revision_of
from labeling.selectors.batch import find_batch
from labeling.selectors.exceptions import Exceptional, exceptions
from labeling.services.audit_review import review_audit_trail
from labeling.services.trail_export import Format, export_trail, streamed
from labeling.services.trail_print import print_trail
from lims.accounts.actors import actor_of
from lims.accounts.roles import Permission
from lims.audit.api import Endpoint
from lims.audit.reasons import REASONS
from lims.errors import InvalidInput
from lims.inputs import Input, read_input
from lims.oversight.selectors import review_row, trail_of
from lims.oversight.trail import NAMES, wanted_of
from lims.records.selectors import document_row
from lims.signatures.serializers import SignedInput, credential_of


class AuditReviewApi(Endpoint):
    """How far a batch's trail is reviewed; POST signs for it up to its last event."""

    @extend_schema(responses=OpenApiTypes.OBJECT)
    def get(self, request: Request, number: str) -> Response:
        return _answer(find_batch(number).number)

    @extend_schema(request=SignedInput, responses={201: OpenApiTypes.OBJECT})
    def post(self, request: Request, number: str) -> Response:
        data = read_input(SignedInput, request.data)
        review_audit_trail(
            actor=actor_of(request), number=number, credential=credential_of(data), revision=revision_of(request)
        )
        return _answer(number, status=201)


class TrailPrintApi(Endpoint):
    """The trail of a batch as a sealed PDF, its rows inside as CSV and JSON; the answer says where it is queued."""

    permission = Permission.READ_AUDIT

    @extend_schema(request=None, responses={201: OpenApiTypes.OBJECT})
    def post(self, request: Request, number: str) -> Response:
        return Response(document_row(print_trail(actor=actor_of(request), number=number)), status=201)


class ExceptionsApi(Endpoint):
    """What a review by exception has to see. Filters as for `audit/operations/`; `kind` may be given several times."""

    filters = (*NAMES, "kind", "before")
    permission = Permission.READ_AUDIT

    @extend_schema(responses=OpenApiTypes.OBJECT)
    def get(self, request: Request) -> Response:
        query = request.query_params
        found = exceptions(
            wanted_of(query.dict()), kinds=[_kind(k) for k in query.getlist("kind")], before=query.get("before", "")
        )
        older = None
        if found.older:
            again = query.copy()
            again["before"] = found.older
            older = f"{request.build_absolute_uri(request.path)}?{again.urlencode()}"
        return Response({"next": older, "previous": None, "results": found.rows})


class ReasonsApi(Endpoint):
    """The closed lists of reasons, by kind of change: what `reason_code` may be."""

    @extend_schema(responses=OpenApiTypes.OBJECT)
    def get(self, request: Request) -> Response:
        return Response({change.value: dict(listed) for change, listed in REASONS.items()})


class ExportInput(Input):
    format = serializers.ChoiceField(choices=[form.value for form in Format], default=Format.CSV.value)
    person = serializers.CharField(required=False, allow_blank=True, max_length=64)
    action = serializers.CharField(required=False, allow_blank=True, max_length=64)
    subject = serializers.CharField(required=False, allow_blank=True, max_length=120)
    # A declaration that DRF collects, not the `source` setting which the stubs see in it.
    source = serializers.CharField(required=False, allow_blank=True, max_length=8)  # type: ignore[assignment]
    address = serializers.CharField(required=False, allow_blank=True, max_length=64)
    table = serializers.CharField(required=False, allow_blank=True, max_length=64)

    def get_fields(self) -> dict[str, Any]:
        fields: dict[str, Any] = super().get_fields()
        for name in ("from", "to"):
            fields[name] = serializers.CharField(required=False, allow_blank=True, max_length=40)
        return fields


class ExportsApi(APIView):
    """The trail as a file. Asking for it is an act of its own, so it is a POST."""

    permission = Permission.READ_AUDIT

    @extend_schema(request=ExportInput, responses={(200, "text/csv"): OpenApiTypes.STR})
    def post(self, request: Request) -> StreamingHttpResponse:
        data = read_input(ExportInput, request.data)
        return streamed(export_trail(actor=actor_of(request), wanted=wanted_of(data), form=Format(data.pop("format"))))


def _kind(given: str) -> Exceptional:
    if given not in set(Exceptional):
        raise InvalidInput(
            f"{given!r} is no kind of exception; they are {', '.join(Exceptional)}.",
            code="unknown_choice",
            field="kind",
        )
    return Exceptional(given)


def _answer(number: str, *, status: int = 200) -> Response:
    trail = trail_of(number)
    row = review_row(trail) or {"up_to": None, "events": 0, "holds": False, "at": None, "by": None, "role": None}
    return Response({"number": number, **row, "last": trail.last, "in_all": trail.events}, status=status)
