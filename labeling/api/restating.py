"""Restating readings over REST: what would move, the signature, and what became of it."""

from __future__ import annotations

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from labeling.api.instruments import typed
from labeling.models import Restatement
from labeling.selectors.instrument_rows import find_instrument
from labeling.selectors.reevaluation import Reevaluated, pending_batches, reevaluation_row, restatement_row
from labeling.selectors.restated_readings import restated_of
from labeling.serializers import InstantField, text
from labeling.services.restating import Preview, Proposal, preview, restate
from lims.accounts.actors import actor_of
from lims.audit.api import Endpoint
from lims.errors import NotFound
from lims.inputs import Input, TypedField, read_input
from lims.pagination import NewestFirst
from lims.signatures.serializers import SignatureInput, credential_of, reason_of

Json = dict[str, Any]


class ProposalInput(Input):
    since = InstantField()
    until = InstantField(required=False, allow_null=True, default=None)
    factor = TypedField(required=False, default="1")
    relative_u_percent = typed()
    nuclide = text(16)
    setting_used = typed()
    setting_correct = typed()
    certificate = serializers.CharField(max_length=120)


class PreviewInput(ProposalInput):
    after = text(32)


class RestateInput(ProposalInput):
    seen = text(64)
    reason = text()
    signature = SignatureInput()


class PreviewApi(Endpoint):
    @extend_schema(request=PreviewInput, responses=OpenApiTypes.OBJECT)
    def post(self, request: Request, code: str) -> Response:
        """What a restatement would move. Nothing is recorded."""
        find_instrument(code)
        data = read_input(PreviewInput, request.data)
        after = data.pop("after")
        return Response(_previewed(preview(actor=actor_of(request), code=code, proposal=Proposal(**data), after=after)))


class RestatementsApi(Endpoint):
    @extend_schema(responses=OpenApiTypes.OBJECT)
    def get(self, request: Request, code: str) -> Response:
        pages = NewestFirst()
        rows = find_instrument(code).restatements.select_related("equipment", "signature").order_by("-pk")
        page: list[Restatement] = pages.paginate_queryset(rows, request, view=self) or []
        return pages.get_paginated_response([restatement_row(row) for row in page])

    @extend_schema(request=RestateInput, responses={201: OpenApiTypes.OBJECT})
    def post(self, request: Request, code: str) -> Response:
        find_instrument(code)
        data = read_input(RestateInput, request.data)
        credential, reason, seen = credential_of(data), reason_of(data), data["seen"]
        del data["signature"], data["reason"], data["seen"]
        restatement = restate(
            actor=actor_of(request),
            code=code,
            proposal=Proposal(**data),
            credential=credential,
            reason=reason,
            seen=seen,
        )
        return Response(_restated(restatement), status=201)


class RestatementApi(Endpoint):
    @extend_schema(responses=OpenApiTypes.OBJECT)
    def get(self, request: Request, code: str, pk: int) -> Response:
        restatement = Restatement.objects.filter(equipment=find_instrument(code), pk=pk).first()
        if restatement is None:
            raise NotFound(f"There is no such restatement of {code}.")
        return Response(_restated(restatement))


def _previewed(found: Preview) -> Json:
    return {
        "manifest": found.manifest,
        "manifest_sha256": found.digest,
        "batches": len(found.batches),
        "next": found.next or None,
        "results": [_batch_row(row) for row in found.rows],
        "readings": list(found.readings),
        "left_out": found.manifest["left_out"],
    }


def _batch_row(row: Reevaluated) -> Json:
    return {
        "number": row.facts.batch.number,
        "status": row.facts.batch.status,
        "verdict_moved": bool(row.verdicts_moved),
        "results": row.results,
        "tests": row.tests,
    }


def _restated(restatement: Restatement) -> Json:
    rows = restatement.reevaluations.select_related("batch", "restatement__equipment", "restatement__signature")
    return {
        **restatement_row(restatement),
        "batches": restatement.batches,
        "readings": restated_of(restatement.readings.all()),
        "waiting": pending_batches(restatement),
        "reevaluations": [{"number": row.batch.number, **reevaluation_row(row)} for row in rows.order_by("id")],
    }
