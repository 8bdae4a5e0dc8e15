"""Deviations over REST: those of the site, reporting one, assessing one."""

from __future__ import annotations

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from labeling.api.batches import batch_answer, revision_of
from labeling.domain.deviations import Assessed
from labeling.models import Deviation
from labeling.selectors.batch import find_batch
from labeling.selectors.deviations import deviations, listed
from labeling.serializers import AssessmentInput, DeviationInput
from labeling.services.deviations import assess_deviation, find_deviation, report_deviation
from lims.accounts.actors import actor_of
from lims.audit.api import Endpoint
from lims.inputs import read_input
from lims.pagination import NewestFirst
from lims.signatures.serializers import credential_of


class DeviationsApi(Endpoint):
    filters = ("state", "severity", "batch")

    @extend_schema(responses=OpenApiTypes.OBJECT)
    def get(self, request: Request) -> Response:
        wanted = {key: request.query_params.get(key, "") for key in ("state", "severity", "batch")}
        pages = NewestFirst()
        page: list[Deviation] = pages.paginate_queryset(deviations(**wanted), request, view=self) or []
        return pages.get_paginated_response([listed(deviation) for deviation in page])


class ReportApi(Endpoint):
    @extend_schema(request=DeviationInput, responses={201: OpenApiTypes.OBJECT})
    def post(self, request: Request, number: str) -> Response:
        data = read_input(DeviationInput, request.data)
        report_deviation(actor=actor_of(request), number=number, revision=revision_of(request), **data)
        return batch_answer(number, status=201)


class AssessmentApi(Endpoint):
    @extend_schema(request=AssessmentInput, responses={201: OpenApiTypes.OBJECT})
    def post(self, request: Request, number: str, deviation_id: int) -> Response:
        data = read_input(AssessmentInput, request.data)
        credential = credential_of(data)
        del data["signature"]
        severity = data.pop("severity", None) or find_deviation(find_batch(number), deviation_id).current_class
        assess_deviation(
            actor=actor_of(request),
            number=number,
            deviation_id=deviation_id,
            assessed=Assessed(severity=severity, **data),
            credential=credential,
            revision=revision_of(request),
        )
        return batch_answer(number, status=201)
