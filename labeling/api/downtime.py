"""Down-time sheets over REST: issue, attach the scan, sign and reconcile."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from django.core.files.uploadedfile import UploadedFile
from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.parsers import BaseParser, MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from labeling.domain.scans import LARGEST_SCAN
from labeling.models import DowntimeSheet
from labeling.selectors.downtime import find_scan, find_sheet, sheet_document, sheet_row, sheets
from labeling.serializers import ReasonInput, ReconciliationInput, SheetInput
from labeling.services.downtime import (
    attach_scan,
    issue_sheet,
    reconcile_sheet,
    sign_in_place,
    sign_transfer,
    void_sheet,
)
from lims.accounts.actors import actor_of
from lims.audit.api import Endpoint
from lims.downloads import download
from lims.inputs import read_input
from lims.pagination import NewestFirst
from lims.signatures.serializers import SignedInput, credential_of, reason_of


class AnyFile(BaseParser):
    """The bytes themselves; what they are is told by their content."""

    media_type = "*/*"

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Mapping[str, Any] | None = None) -> Any:
        return {"body": stream.read(LARGEST_SCAN + 1)}


def _answer(number: str, *, status: int = 200) -> Response:
    return Response(sheet_document(find_sheet(number)), status=status)


class SheetsApi(Endpoint):
    filters = ("state",)

    @extend_schema(responses=OpenApiTypes.OBJECT)
    def get(self, request: Request) -> Response:
        pages = NewestFirst()
        found = sheets(state=request.query_params.get("state", ""))
        page: list[DowntimeSheet] = pages.paginate_queryset(found, request, view=self) or []
        return pages.get_paginated_response([sheet_row(sheet) for sheet in page])

    @extend_schema(request=SheetInput, responses={201: OpenApiTypes.OBJECT})
    def post(self, request: Request) -> Response:
        sheet = issue_sheet(actor=actor_of(request), **read_input(SheetInput, request.data))
        return _answer(sheet.number, status=201)


class SheetApi(Endpoint):
    @extend_schema(responses=OpenApiTypes.OBJECT)
    def get(self, request: Request, number: str) -> Response:
        return _answer(number)


class VoidApi(Endpoint):
    @extend_schema(request=ReasonInput, responses=OpenApiTypes.OBJECT)
    def post(self, request: Request, number: str) -> Response:
        void_sheet(actor=actor_of(request), number=number, reason=read_input(ReasonInput, request.data)["reason"])
        return _answer(number)


class ScansApi(Endpoint):
    filters = ("name",)
    parser_classes = (MultiPartParser, AnyFile)

    @extend_schema(request={"application/pdf": OpenApiTypes.BINARY}, responses={201: OpenApiTypes.OBJECT})
    def post(self, request: Request, number: str) -> Response:
        """The file as the body, or as `file` of a form."""
        data = cast("Mapping[str, Any]", request.data)
        file = data.get("file")
        if isinstance(file, UploadedFile):
            name, content = file.name or "", file.read(LARGEST_SCAN + 1)
        else:
            name, content = request.query_params.get("name", ""), data.get("body") or b""
        attach_scan(actor=actor_of(request), number=number, name=name, content=content)
        return _answer(number, status=201)


class ScanContentApi(APIView):
    @extend_schema(responses={(200, "application/octet-stream"): OpenApiTypes.BINARY})
    def get(self, request: Request, number: str, scan_id: int) -> HttpResponse:
        scan = find_scan(number, scan_id)
        return download(bytes(scan.content.content), name=scan.name, media_type=scan.media_type, sha256=scan.sha256)


class TransferApi(Endpoint):
    @extend_schema(request=SignedInput, responses=OpenApiTypes.OBJECT)
    def post(self, request: Request, number: str) -> Response:
        data = read_input(SignedInput, request.data)
        sign_transfer(actor=actor_of(request), number=number, credential=credential_of(data))
        return _answer(number)


class StandInApi(Endpoint):
    @extend_schema(request=SignedInput, responses=OpenApiTypes.OBJECT)
    def post(self, request: Request, number: str) -> Response:
        data = read_input(SignedInput, request.data)
        sign_in_place(actor=actor_of(request), number=number, credential=credential_of(data), reason=reason_of(data))
        return _answer(number)


class ReconciliationApi(Endpoint):
    @extend_schema(request=ReconciliationInput, responses=OpenApiTypes.OBJECT)
    def post(self, request: Request, number: str) -> Response:
        data = read_input(ReconciliationInput, request.data)
        reconcile_sheet(
            actor=actor_of(request), number=number, credential=credential_of(data), compared=data["compared"]
        )
        return _answer(number)
