"""Training over REST: the records, recording by signature, and withdrawing."""

from __future__ import annotations

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from labeling.models import Training
from labeling.selectors.clock import database_now
from labeling.selectors.training import find_training, training_row, trainings
from labeling.serializers import InstantField, text
from labeling.services.training import Given, record_training, withdraw_training
from lims.accounts.actors import actor_of
from lims.audit.api import Endpoint
from lims.inputs import Input, read_input
from lims.pagination import NewestFirst
from lims.signatures.serializers import SignatureInput, SignedInput, credential_of, reason_of

MOST = 200
FILTERS = ("person", "protocol", "version", "task", "current")


class TrainingInput(Input):
    people = serializers.ListField(child=serializers.CharField(max_length=64), max_length=MOST)
    protocol = serializers.CharField(max_length=64)
    version = serializers.IntegerField(min_value=1, max_value=1_000_000)
    tasks = serializers.ListField(child=serializers.CharField(max_length=8), max_length=MOST)
    way = serializers.CharField(max_length=20)
    trained_at = InstantField(required=False, default=None)
    valid_until = InstantField()
    note = text()
    signature = SignatureInput()


class TrainingsApi(Endpoint):
    """`?person=`, `?protocol=`, `?version=`, `?task=`, `?current=true` or `false`."""

    filters = FILTERS

    @extend_schema(responses=OpenApiTypes.OBJECT)
    def get(self, request: Request) -> Response:
        asked = {name: request.query_params.get(name, "") for name in FILTERS}
        pages = NewestFirst()
        page: list[Training] = pages.paginate_queryset(trainings(**asked), request, view=self) or []
        now = database_now()
        return pages.get_paginated_response([training_row(training, now=now) for training in page])

    @extend_schema(request=TrainingInput, responses={201: OpenApiTypes.OBJECT})
    def post(self, request: Request) -> Response:
        """One signature for all these people and tasks; answers with the records made."""
        data = read_input(TrainingInput, request.data)
        credential = credential_of(data)
        del data["signature"]
        made = record_training(actor=actor_of(request), given=Given(**data), credential=credential)
        rows = trainings().filter(pk__in=[training.pk for training in made]).order_by("pk")
        now = database_now()
        return Response({"results": [training_row(training, now=now) for training in rows]}, status=201)


class TrainingApi(Endpoint):
    @extend_schema(responses=OpenApiTypes.OBJECT)
    def get(self, request: Request, training_id: int) -> Response:
        return Response(_row(training_id))


class WithdrawalApi(Endpoint):
    @extend_schema(request=SignedInput, responses=OpenApiTypes.OBJECT)
    def post(self, request: Request, training_id: int) -> Response:
        data = read_input(SignedInput, request.data)
        withdraw_training(
            actor=actor_of(request), training_id=training_id, reason=reason_of(data), credential=credential_of(data)
        )
        return Response(_row(training_id))


def _row(training_id: int) -> dict[str, Any]:
    return training_row(find_training(training_id), now=database_now())
