"""Containers over REST: what they hold now and at any instant, what moves between them, and how waste is cleared."""

from __future__ import annotations

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from labeling.domain.quantities import parse_instant
from labeling.models import Container
from labeling.selectors.balance import balance_document
from labeling.selectors.batch import find_batch
from labeling.selectors.clock import database_now
from labeling.selectors.containers import (
    activity_of,
    container_document,
    container_row,
    containers,
    find_container,
)
from labeling.selectors.facts import facts_of
from labeling.selectors.inventory import inventory
from labeling.serializers import InstantField, QuantityInput, text
from labeling.services.containers import correct_event, open_container, read_container, transfer, use_up
from labeling.services.decay_storage import store_for_decay, survey_waste
from lims.accounts.actors import actor_of
from lims.audit.api import Endpoint
from lims.inputs import PRINTABLE, Input, TypedField, read_input
from lims.pagination import NewestFirst
from lims.signatures.serializers import SignedInput, credential_of


class MeasuredActivity(QuantityInput):
    u = TypedField(required=False, default="")
    at = serializers.CharField(required=False, default="", allow_blank=True, max_length=40)
    equipment = text()


class ContainerInput(Input):
    kind = serializers.CharField(max_length=12)
    nuclide = serializers.CharField(max_length=16)
    code = text(64, validators=[PRINTABLE])
    name = text(200)
    activity = MeasuredActivity(required=False, allow_null=True, default=None)
    volume = QuantityInput(required=False, allow_null=True, default=None)


class ContainerReadingInput(Input):
    activity = MeasuredActivity(required=False, allow_null=True, default=None)
    volume = QuantityInput(required=False, allow_null=True, default=None)
    reason = text()


class TransferInput(ContainerReadingInput):
    to = text(100)
    at = InstantField(required=False, default=None)


class UsedUpInput(Input):
    reason = text()


class StorageInput(Input):
    place = text(200)
    limit = QuantityInput(required=False, allow_null=True, default=None)
    limit_source = text()


class SurveyInput(SignedInput):
    equipment = serializers.CharField(max_length=64)
    background = TypedField()
    reading = TypedField()
    unit = serializers.CharField(max_length=24)
    outcome = serializers.CharField(max_length=8)
    label_defaced = serializers.BooleanField(required=False, default=False)
    note = text()


class ContainersApi(Endpoint):
    filters = ("kind", "status", "code", "batch", "lot")

    @extend_schema(responses=OpenApiTypes.OBJECT)
    def get(self, request: Request) -> Response:
        asked = {name: request.query_params.get(name, "") for name in self.filters}
        pages, now = NewestFirst(), database_now()
        page: list[Container] = pages.paginate_queryset(containers(**asked), request, view=self) or []
        return pages.get_paginated_response([container_row(row, at=now) for row in page])

    @extend_schema(request=ContainerInput, responses={201: OpenApiTypes.OBJECT})
    def post(self, request: Request) -> Response:
        row = open_container(actor=actor_of(request), **read_input(ContainerInput, request.data))
        return _answer(row.pk, status=201)


class ContainerApi(Endpoint):
    @extend_schema(responses=OpenApiTypes.OBJECT)
    def get(self, request: Request, container_id: int) -> Response:
        return _answer(container_id)


class ContainerActivityApi(Endpoint):
    filters = ("at",)

    @extend_schema(responses=OpenApiTypes.OBJECT)
    def get(self, request: Request, container_id: int) -> Response:
        at = request.query_params.get("at")
        moment = parse_instant(at, field="at") if at else database_now()
        return Response(activity_of(find_container(container_id), at=moment))


class ContainerReadingsApi(Endpoint):
    @extend_schema(request=ContainerReadingInput, responses={201: OpenApiTypes.OBJECT})
    def post(self, request: Request, container_id: int) -> Response:
        data = read_input(ContainerReadingInput, request.data)
        read_container(actor=actor_of(request), container_id=container_id, **data)
        return _answer(container_id, status=201)


class ContainerTransfersApi(Endpoint):
    @extend_schema(request=TransferInput, responses={201: OpenApiTypes.OBJECT})
    def post(self, request: Request, container_id: int) -> Response:
        data = read_input(TransferInput, request.data)
        transfer(actor=actor_of(request), container_id=container_id, **data)
        return _answer(container_id, status=201)


class ContainerCorrectionApi(Endpoint):
    @extend_schema(request=ContainerReadingInput, responses={201: OpenApiTypes.OBJECT})
    def post(self, request: Request, container_id: int, event_id: int) -> Response:
        data = read_input(ContainerReadingInput, request.data)
        correct_event(actor=actor_of(request), container_id=container_id, event_id=event_id, **data)
        return _answer(container_id, status=201)


class ContainerUsedUpApi(Endpoint):
    @extend_schema(request=UsedUpInput, responses={201: OpenApiTypes.OBJECT})
    def post(self, request: Request, container_id: int) -> Response:
        use_up(actor=actor_of(request), container_id=container_id, **read_input(UsedUpInput, request.data))
        return _answer(container_id, status=201)


class ContainerStorageApi(Endpoint):
    @extend_schema(request=StorageInput, responses={201: OpenApiTypes.OBJECT})
    def post(self, request: Request, container_id: int) -> Response:
        store_for_decay(actor=actor_of(request), container_id=container_id, **read_input(StorageInput, request.data))
        return _answer(container_id, status=201)


class ContainerSurveyApi(Endpoint):
    @extend_schema(request=SurveyInput, responses={201: OpenApiTypes.OBJECT})
    def post(self, request: Request, container_id: int) -> Response:
        data = read_input(SurveyInput, request.data)
        given: dict[str, Any] = {name: data[name] for name in ("equipment", "background", "reading", "outcome", "note")}
        survey_waste(
            actor=actor_of(request),
            container_id=container_id,
            credential=credential_of(data),
            unit_given=data["unit"],
            label_defaced=data["label_defaced"],
            **given,
        )
        return _answer(container_id, status=201)


class InventoryApi(Endpoint):
    filters = ("at",)

    @extend_schema(responses=OpenApiTypes.OBJECT)
    def get(self, request: Request) -> Response:
        at = request.query_params.get("at")
        moment = parse_instant(at, field="at") if at else database_now()
        return Response({"at": moment.isoformat(), "nuclides": inventory(at=moment)})


class BalanceApi(Endpoint):
    @extend_schema(responses=OpenApiTypes.OBJECT)
    def get(self, request: Request, number: str) -> Response:
        return Response({"batch": number, "balance": balance_document(facts_of(find_batch(number)))})


def _answer(container_id: int, *, status: int = 200) -> Response:
    return Response(container_document(find_container(container_id), at=database_now()), status=status)
