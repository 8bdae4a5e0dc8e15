"""The periodic review of the site's audit trail over REST."""

from __future__ import annotations

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from labeling.selectors.samples import acts_of, sample_row, samples
from labeling.services.site_review import draw_sample, find_sample, review_period
from lims.accounts.actors import actor_of
from lims.accounts.roles import Permission
from lims.audit.api import Endpoint
from lims.inputs import Input, read_input
from lims.oversight.trail import wanted_of
from lims.pagination import NewestFirst
from lims.signatures.serializers import SignedInput, credential_of


class SampleInput(Input):
    size = serializers.IntegerField(default=20)

    def get_fields(self) -> dict[str, Any]:
        fields: dict[str, Any] = super().get_fields()
        for name in ("from", "to"):
            fields[name] = serializers.CharField(max_length=40)
        return fields


class PeriodReviewInput(SignedInput):
    findings = serializers.CharField(allow_blank=True, max_length=4000)


class SamplesApi(Endpoint):
    """Samples with their reviews; POST draws one of a period (`from`, `to`, `size`)."""

    permission = Permission.READ_AUDIT

    @extend_schema(responses=OpenApiTypes.OBJECT)
    def get(self, request: Request) -> Response:
        pages = NewestFirst()
        page: list[Any] = pages.paginate_queryset(samples(), request, view=self) or []
        return pages.get_paginated_response([sample_row(sample) for sample in page])

    @extend_schema(request=SampleInput, responses={201: OpenApiTypes.OBJECT})
    def post(self, request: Request) -> Response:
        data = read_input(SampleInput, request.data)
        sample = draw_sample(actor=actor_of(request), wanted=wanted_of(data), size=data["size"])
        return Response({**sample_row(sample), "acts": acts_of(sample)}, status=201)


class SampleApi(Endpoint):
    permission = Permission.READ_AUDIT

    @extend_schema(responses=OpenApiTypes.OBJECT)
    def get(self, request: Request, sample_id: int) -> Response:
        sample = find_sample(sample_id)
        return Response({**sample_row(sample), "acts": acts_of(sample)})


class PeriodReviewApi(Endpoint):
    permission = Permission.READ_AUDIT

    @extend_schema(request=PeriodReviewInput, responses={201: OpenApiTypes.OBJECT})
    def post(self, request: Request, sample_id: int) -> Response:
        data = read_input(PeriodReviewInput, request.data)
        review_period(
            actor=actor_of(request),
            sample_id=sample_id,
            credential=credential_of(data),
            findings=data["findings"],
        )
        return Response(sample_row(find_sample(sample_id)), status=201)
