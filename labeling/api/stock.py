"""Lots over REST."""

from __future__ import annotations

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from labeling.models import Lot
from labeling.selectors.stock import find_lot, lot_document, lot_row, lots
from labeling.serializers import LotInput, delivery_of
from labeling.services.materials import decide_lot, receive_lot
from lims.accounts.actors import actor_of
from lims.audit.api import Endpoint
from lims.inputs import read_input
from lims.pagination import NewestFirst
from lims.signatures.serializers import SignedInput, credential_of, reason_of

FILTERS = ("number", "status", "material", "identity", "kind")


class LotsApi(Endpoint):
    filters = FILTERS

    @extend_schema(responses=OpenApiTypes.OBJECT)
    def get(self, request: Request) -> Response:
        asked = {name: request.query_params.get(name, "") for name in FILTERS}
        rows = lots(**asked)
        pages = NewestFirst()
        page: list[Lot] = pages.paginate_queryset(rows, request, view=self) or []
        return pages.get_paginated_response([lot_row(lot) for lot in page])

    @extend_schema(request=LotInput, responses={201: OpenApiTypes.OBJECT})
    def post(self, request: Request) -> Response:
        data = read_input(LotInput, request.data)
        delivery = delivery_of(data)
        lot = receive_lot(actor=actor_of(request), delivery=delivery, **data)
        return Response(lot_document(find_lot(lot.pk)), status=201)


class LotApi(Endpoint):
    @extend_schema(responses=OpenApiTypes.OBJECT)
    def get(self, request: Request, lot_id: int) -> Response:
        return Response(lot_document(find_lot(lot_id)))


class LotDecisionApi(Endpoint):
    accept = True

    @extend_schema(request=SignedInput, responses=OpenApiTypes.OBJECT)
    def post(self, request: Request, lot_id: int) -> Response:
        data = read_input(SignedInput, request.data)
        decide_lot(
            actor=actor_of(request),
            lot_id=lot_id,
            credential=credential_of(data),
            accept=self.accept,
            reason=reason_of(data),
        )
        return Response(lot_document(find_lot(lot_id)))
