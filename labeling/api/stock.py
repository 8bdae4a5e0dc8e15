"""Lots and instruments over REST."""

from __future__ import annotations

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from labeling.models import Equipment, Lot
from labeling.selectors.stock import find_lot, instrument_row, instrument_rows, instruments, lot_document, lot_row, lots
from labeling.serializers import CalibrationInput, CheckInput, EquipmentInput, LotInput, delivery_of
from labeling.services.equipment import record_calibration, record_check, register_equipment
from labeling.services.materials import decide_lot, receive_lot
from lims.accounts.actors import actor_of
from lims.audit.api import Endpoint
from lims.errors import NotFound
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


class InstrumentsApi(Endpoint):
    @extend_schema(responses=OpenApiTypes.OBJECT)
    def get(self, request: Request) -> Response:
        pages = NewestFirst()
        page: list[Equipment] = pages.paginate_queryset(instruments(), request, view=self) or []
        return pages.get_paginated_response(instrument_rows(page))

    @extend_schema(request=EquipmentInput, responses={201: OpenApiTypes.OBJECT})
    def post(self, request: Request) -> Response:
        equipment = register_equipment(actor=actor_of(request), **read_input(EquipmentInput, request.data))
        return Response(instrument_row(equipment), status=201)


class InstrumentApi(Endpoint):
    @extend_schema(responses=OpenApiTypes.OBJECT)
    def get(self, request: Request, code: str) -> Response:
        return Response(instrument_row(_equipment(code)))


class ChecksApi(Endpoint):
    @extend_schema(request=CheckInput, responses={201: OpenApiTypes.OBJECT})
    def post(self, request: Request, code: str) -> Response:
        _equipment(code)
        record_check(actor=actor_of(request), code=code, **read_input(CheckInput, request.data))
        return Response(instrument_row(_equipment(code)), status=201)


class CalibrationsApi(Endpoint):
    @extend_schema(request=CalibrationInput, responses={201: OpenApiTypes.OBJECT})
    def post(self, request: Request, code: str) -> Response:
        _equipment(code)
        record_calibration(actor=actor_of(request), code=code, **read_input(CalibrationInput, request.data))
        return Response(instrument_row(_equipment(code)), status=201)


def _equipment(code: str) -> Equipment:
    equipment = Equipment.objects.filter(code=code).first()
    if equipment is None:
        raise NotFound(f"There is no instrument {code} in the register.")
    return equipment
