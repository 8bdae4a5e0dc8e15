"""Testing and deciding over REST, and the whole batch with its tests."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from labeling.api.batches import revision_of
from labeling.selectors.batch import find_batch
from lims.accounts.actors import actor_of
from lims.accounts.roles import Permission
from lims.audit.api import Endpoint
from lims.audit.reasons import ReasonFor, reason_text
from lims.errors import InvalidInput
from lims.inputs import read_input
from lims.pagination import NewestFirst
from lims.records.api import DocumentsApi
from lims.records.selectors import document_row
from lims.signatures.manifestation import refusal_row
from lims.signatures.models import Refusal
from lims.signatures.proposals import proposal_row
from lims.signatures.serializers import SignedInput, credential_of, reason_of
from qc.selectors import assess, full_batch_document, gate_of, tests_of
from qc.serializers import DispositionInput, InvestigationInput, RecordInput, RefusalInput, ResultInput
from qc.services.disposition import reject_batch, release_batch
from qc.services.inspection import request_package
from qc.services.investigations import invalidate_result
from qc.services.proposals import Desk, proposal_of
from qc.services.records import request_record
from qc.services.refusals import refuse_to_sign
from qc.services.results import record_result
from qc.services.reviews import review_result


def full_answer(number: str, *, status: int = 200) -> Response:
    document = full_batch_document(number)
    return Response(document, status=status, headers={"ETag": f'"{document["revision"]}"'})


def result_answer(number: str, test: str, *, status: int = 201) -> Response:
    row = next(row for row in tests_of(assess(find_batch(number))) if row["key"] == test)
    return Response({"id": row["result_id"], **row}, status=status)


class BatchApi(Endpoint):
    @extend_schema(responses=OpenApiTypes.OBJECT)
    def get(self, request: Request, number: str) -> Response:
        return full_answer(number)


class ResultsApi(Endpoint):
    @extend_schema(responses=OpenApiTypes.OBJECT)
    def get(self, request: Request, number: str) -> Response:
        return Response({"next": None, "previous": None, "results": tests_of(assess(find_batch(number)))})

    @extend_schema(request=ResultInput, responses={201: OpenApiTypes.OBJECT})
    def post(self, request: Request, number: str) -> Response:
        data = read_input(ResultInput, request.data)
        inputs = data["inputs"]
        if inputs is not None and not isinstance(inputs, Mapping):
            raise InvalidInput(
                "The inputs of a formula are an object with their names.", code="malformed", field="inputs"
            )
        result = record_result(
            actor=actor_of(request),
            number=number,
            test=data["test"],
            value=data["value"],
            unit_given=data["unit"],
            inputs=inputs,
            at=data["at"],
            equipment=data["equipment"],
            corrects=data["corrects"],
            reason=data["reason"],
            revision=revision_of(request),
        )
        return result_answer(number, result.test)


class ReviewApi(Endpoint):
    @extend_schema(request=SignedInput, responses={201: OpenApiTypes.OBJECT})
    def post(self, request: Request, number: str, result_id: int) -> Response:
        data = read_input(SignedInput, request.data)
        review = review_result(
            actor=actor_of(request),
            number=number,
            result_id=result_id,
            credential=credential_of(data),
            revision=revision_of(request),
        )
        return result_answer(number, review.test_result.test)


class InvestigationApi(Endpoint):
    @extend_schema(request=InvestigationInput, responses={201: OpenApiTypes.OBJECT})
    def post(self, request: Request, number: str, result_id: int) -> Response:
        data = read_input(InvestigationInput, request.data)
        investigation = invalidate_result(
            actor=actor_of(request),
            number=number,
            result_id=result_id,
            cause=data["cause"],
            credential=credential_of(data),
            revision=revision_of(request),
        )
        return result_answer(number, investigation.test_result.test)


class DispositionApi(Endpoint):
    @extend_schema(responses=OpenApiTypes.OBJECT)
    def get(self, request: Request, number: str) -> Response:
        return Response(gate_of(assess(find_batch(number))))

    @extend_schema(request=DispositionInput, responses=OpenApiTypes.OBJECT)
    def post(self, request: Request, number: str) -> Response:
        data = read_input(DispositionInput, request.data)
        decide = release_batch if data["decision"] == "release" else reject_batch
        decide(
            actor=actor_of(request),
            number=number,
            credential=credential_of(data),
            reason=reason_text(ReasonFor.REJECTION, data["reason_code"], reason_of(data)),
            revision=revision_of(request),
        )
        return full_answer(number)


class PackageApi(Endpoint):
    """Everything about a batch as one ZIP, for an inspector; the answer says where it is queued."""

    permission = Permission.READ_AUDIT

    @extend_schema(request=None, responses={201: OpenApiTypes.OBJECT})
    def post(self, request: Request, number: str) -> Response:
        return Response(document_row(request_package(actor=actor_of(request), number=number)), status=201)


class RecordsApi(DocumentsApi):
    """The records of one batch; and a further one, of the batch as it stands now."""

    @extend_schema(request=RecordInput, responses={201: OpenApiTypes.OBJECT})
    def post(self, request: Request, number: str) -> Response:
        data = read_input(RecordInput, request.data)
        return Response(document_row(request_record(actor=actor_of(request), number=number, **data)), status=201)


class SigningApi(Endpoint):
    """What an act asks its signer to sign, with the differences since the last signature: `?act=&subject=&about=`."""

    filters = ("act", "subject", "about")

    @extend_schema(responses=OpenApiTypes.OBJECT)
    def get(self, request: Request) -> Response:
        query = request.query_params
        desk = Desk(query.get("subject", ""), actor_of(request).user)
        proposal = proposal_of(query.get("act", ""), desk, query.get("about", ""))
        return Response(proposal_row(proposal, desk.signatures, desk.refusals))


class RefusalsApi(Endpoint):
    filters = ("subject",)

    @extend_schema(responses=OpenApiTypes.OBJECT)
    def get(self, request: Request) -> Response:
        rows = Refusal.objects.filter(subject=request.query_params.get("subject", ""))
        pages = NewestFirst()
        page: list[Any] = pages.paginate_queryset(rows, request, self) or []
        return pages.get_paginated_response([refusal_row(row) for row in page])

    @extend_schema(request=RefusalInput, responses={201: OpenApiTypes.OBJECT})
    def post(self, request: Request) -> Response:
        data = read_input(RefusalInput, request.data)
        credential = credential_of(data) if data["signature"] else None
        del data["signature"]
        refusal = refuse_to_sign(actor=actor_of(request), credential=credential, **data)
        return Response(refusal_row(refusal), status=201)
