"""Instruments over REST: the register, checks, calibrations, what a site sets for them."""

from __future__ import annotations

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from labeling.models import CheckSource, Equipment
from labeling.selectors.instrument_rows import find_instrument, instrument_row, instrument_rows
from labeling.selectors.logbook import Newest, check_document, logbook, source_row
from labeling.selectors.stock import instruments
from labeling.serializers import InstantField, text
from labeling.services.calibrating import record_calibration
from labeling.services.equipment import describe_equipment, record_check, register_equipment
from labeling.services.instrument_checks import (
    SourceReading,
    record_accuracy,
    record_constancy,
    record_linearity,
    record_service,
    register_source,
)
from labeling.services.instrument_rules import set_rules, set_service_status
from lims.accounts.actors import actor_of
from lims.audit.api import Endpoint
from lims.inputs import PRINTABLE, Input, TypedField, read_input
from lims.pagination import NewestFirst
from lims.signatures.serializers import SignatureInput, credential_of, reason_of

Json = dict[str, Any]


def typed() -> TypedField:
    return TypedField(required=False, default="")


class EquipmentInput(Input):
    code = serializers.CharField(max_length=64, validators=[PRINTABLE])
    kind = serializers.CharField(max_length=32, validators=[PRINTABLE])
    name = text(200)
    serial = text(64)
    maker = text(120)
    model = text(120)
    location = text(120)


class DescriptionInput(Input):
    name = serializers.CharField(required=False, allow_blank=True, max_length=200)
    maker = serializers.CharField(required=False, allow_blank=True, max_length=120)
    model = serializers.CharField(required=False, allow_blank=True, max_length=120)
    location = serializers.CharField(required=False, allow_blank=True, max_length=120)
    reason = text()


class CheckInput(Input):
    at = InstantField(required=False, default=None)
    outcome = serializers.CharField(max_length=8)
    note = text()
    reason = text()
    clock_offset_seconds = serializers.IntegerField(required=False, allow_null=True, default=None)


class CalibrationInput(Input):
    valid_from = InstantField()
    valid_until = InstantField(required=False, allow_null=True, default=None)
    relative_u_percent = TypedField()
    repeatability_percent = typed()
    factor = TypedField(required=False, default="1")
    nuclide = text(16)
    setting = typed()
    geometry = text(64)
    certificate = text(120)
    certificate_sha256 = text(64)
    traceability = text(200)


class SourceInput(Input):
    code = serializers.CharField(max_length=64, validators=[PRINTABLE])
    nuclide = serializers.CharField(max_length=16)
    activity = TypedField()
    unit = serializers.CharField(max_length=24)
    relative_u_percent = typed()
    reference_at = InstantField()
    certificate = serializers.CharField(max_length=120)
    certificate_sha256 = text(64)


class SourceReadingInput(Input):
    value = TypedField()
    unit = serializers.CharField(max_length=24)
    at = InstantField(required=False, default=None)
    # A declaration that DRF collects, not the `source` setting which the stubs see in it.
    source = text(64)  # type: ignore[assignment]


class ConstancyInput(SourceReadingInput):
    background = typed()
    setting = typed()
    note = text()
    reason = text()
    clock_offset_seconds = serializers.IntegerField(required=False, allow_null=True, default=None)


class SeriesInput(Input):
    nuclide = text(16)
    readings = SourceReadingInput(many=True)
    note = text()
    reason = text()


class ServiceInput(Input):
    at = InstantField(required=False, default=None)
    note = serializers.CharField(max_length=4000)
    reason = text()


class RulesInput(Input):
    calibration_days = serializers.IntegerField(required=False, allow_null=True, default=None)
    linearity_days = serializers.IntegerField(required=False, allow_null=True, default=None)
    accuracy_days = serializers.IntegerField(required=False, allow_null=True, default=None)
    service_days = serializers.IntegerField(required=False, allow_null=True, default=None)
    constancy_warning_percent = TypedField(required=False)
    constancy_action_percent = TypedField(required=False)
    linearity_percent = TypedField(required=False)
    accuracy_percent = TypedField(required=False)
    daily_source = text(64)
    reason = text()
    signature = SignatureInput()


class StatusInput(Input):
    in_service = serializers.BooleanField()
    reason = text()
    signature = SignatureInput()


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
        return Response(instrument_row(find_instrument(code)))


class DescriptionApi(Endpoint):
    @extend_schema(request=DescriptionInput, responses={201: OpenApiTypes.OBJECT})
    def post(self, request: Request, code: str) -> Response:
        find_instrument(code)
        data = read_input(DescriptionInput, request.data)
        reason = data.pop("reason")
        describe_equipment(actor=actor_of(request), code=code, description=data, reason=reason)
        return Response(instrument_row(find_instrument(code)), status=201)


class ChecksApi(Endpoint):
    @extend_schema(request=CheckInput, responses={201: OpenApiTypes.OBJECT})
    def post(self, request: Request, code: str) -> Response:
        find_instrument(code)
        data = read_input(CheckInput, request.data)
        # Clients from before late checks were marked say in the note why: it is the reason where there is no other.
        data["reason"] = data["reason"] or data["note"]
        record_check(actor=actor_of(request), code=code, **data)
        return Response(instrument_row(find_instrument(code)), status=201)


class CalibrationsApi(Endpoint):
    @extend_schema(request=CalibrationInput, responses={201: OpenApiTypes.OBJECT})
    def post(self, request: Request, code: str) -> Response:
        find_instrument(code)
        record_calibration(actor=actor_of(request), code=code, **read_input(CalibrationInput, request.data))
        return Response(instrument_row(find_instrument(code)), status=201)


class SourcesApi(Endpoint):
    @extend_schema(responses=OpenApiTypes.OBJECT)
    def get(self, request: Request) -> Response:
        pages = NewestFirst()
        rows = CheckSource.objects.select_related("registered_by").order_by("-pk")
        page: list[CheckSource] = pages.paginate_queryset(rows, request, view=self) or []
        return pages.get_paginated_response([source_row(source) for source in page])

    @extend_schema(request=SourceInput, responses={201: OpenApiTypes.OBJECT})
    def post(self, request: Request) -> Response:
        source = register_source(actor=actor_of(request), **read_input(SourceInput, request.data))
        return Response(source_row(source), status=201)


class ConstancyApi(Endpoint):
    @extend_schema(request=ConstancyInput, responses={201: OpenApiTypes.OBJECT})
    def post(self, request: Request, code: str) -> Response:
        find_instrument(code)
        data = read_input(ConstancyInput, request.data)
        reading = SourceReading(**{name: data.pop(name) for name in ("value", "unit", "at", "source")})
        check = record_constancy(actor=actor_of(request), code=code, reading=reading, **data)
        return Response(check_document(check), status=201)


class LinearityApi(Endpoint):
    @extend_schema(request=SeriesInput, responses={201: OpenApiTypes.OBJECT})
    def post(self, request: Request, code: str) -> Response:
        find_instrument(code)
        data = read_input(SeriesInput, request.data)
        readings = [SourceReading(**row) for row in data.pop("readings")]
        check = record_linearity(actor=actor_of(request), code=code, readings=readings, **data)
        return Response(check_document(check), status=201)


class AccuracyApi(Endpoint):
    @extend_schema(request=SeriesInput, responses={201: OpenApiTypes.OBJECT})
    def post(self, request: Request, code: str) -> Response:
        find_instrument(code)
        data = read_input(SeriesInput, request.data)
        readings = [SourceReading(**row) for row in data["readings"]]
        check = record_accuracy(
            actor=actor_of(request), code=code, readings=readings, note=data["note"], reason=data["reason"]
        )
        return Response(check_document(check), status=201)


class ServiceApi(Endpoint):
    @extend_schema(request=ServiceInput, responses={201: OpenApiTypes.OBJECT})
    def post(self, request: Request, code: str) -> Response:
        find_instrument(code)
        check = record_service(actor=actor_of(request), code=code, **read_input(ServiceInput, request.data))
        return Response(check_document(check), status=201)


class RulesApi(Endpoint):
    @extend_schema(request=RulesInput, responses={201: OpenApiTypes.OBJECT})
    def post(self, request: Request, code: str) -> Response:
        find_instrument(code)
        data = read_input(RulesInput, request.data)
        credential, reason = credential_of(data), reason_of(data)
        del data["signature"], data["reason"]
        set_rules(actor=actor_of(request), code=code, credential=credential, reason=reason, **data)
        return Response(instrument_row(find_instrument(code)), status=201)


class StatusApi(Endpoint):
    @extend_schema(request=StatusInput, responses={201: OpenApiTypes.OBJECT})
    def post(self, request: Request, code: str) -> Response:
        find_instrument(code)
        data = read_input(StatusInput, request.data)
        set_service_status(
            actor=actor_of(request),
            code=code,
            in_service=data["in_service"],
            credential=credential_of(data),
            reason=reason_of(data),
        )
        return Response(instrument_row(find_instrument(code)), status=201)


class LogApi(Endpoint):
    filters = ("before",)

    @extend_schema(responses=OpenApiTypes.OBJECT)
    def get(self, request: Request, code: str) -> Response:
        rows, older = logbook(find_instrument(code), before=Newest.read(request.query_params.get("before", "")))
        return Response({"next": older, "previous": None, "results": rows})


PARTS = {
    "": InstrumentApi,
    "description/": DescriptionApi,
    "checks/": ChecksApi,
    "calibrations/": CalibrationsApi,
    "constancy/": ConstancyApi,
    "linearity/": LinearityApi,
    "accuracy/": AccuracyApi,
    "service/": ServiceApi,
    "rules/": RulesApi,
    "status/": StatusApi,
    "log/": LogApi,
}
