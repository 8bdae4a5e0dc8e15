"""Printed records over REST: their state, their bytes, and whether a file is one of them."""

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

from lims.accounts.models import User
from lims.audit.api import Endpoint
from lims.downloads import download
from lims.errors import Conflict, InvalidInput, NotFound
from lims.records.models import Document
from lims.records.selectors import document_row, require_content
from lims.records.verification import Verification, verify_pdf

LARGEST = 20 * 1024 * 1024


class PdfParser(BaseParser):
    media_type = "application/pdf"

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Mapping[str, Any] | None = None) -> Any:
        return {"body": stream.read(LARGEST + 1)}


class ZipParser(PdfParser):
    media_type = "application/zip"


def verification_row(verification: Verification) -> dict[str, Any]:
    seal = verification.seal
    return {
        "valid": verification.valid,
        "known": verification.known,
        "number": verification.number,
        "subject": verification.subject,
        "sha256": verification.sha256,
        "seal": {
            "intact": seal.intact,
            "by_this_site": seal.by_this_site,
            "signer": seal.signer,
            "signed_at": seal.signed_at.isoformat() if seal.signed_at else None,
        },
        "detail": list(verification.detail),
    }


def find_document(document_id: int) -> Document:
    document = Document.objects.filter(pk=document_id).defer("context").first()
    if document is None:
        raise NotFound("There is no such record.")
    return document


class DocumentsApi(Endpoint):
    """The records of one batch."""

    @extend_schema(responses=OpenApiTypes.OBJECT)
    def get(self, request: Request, number: str) -> Response:
        rows = Document.objects.filter(subject=number).defer("context", "pdf").order_by("id")
        return Response({"next": None, "previous": None, "results": [document_row(row) for row in rows]})


class DocumentApi(Endpoint):
    @extend_schema(responses=OpenApiTypes.OBJECT)
    def get(self, request: Request, document_id: int) -> Response:
        return Response(document_row(find_document(document_id)))


class DocumentContentApi(Endpoint):
    @extend_schema(responses={(200, "application/pdf"): OpenApiTypes.BINARY})
    def get(self, request: Request, document_id: int) -> HttpResponse:
        document = find_document(document_id)
        require_content(cast("User", request.user), document)
        return sealed_content(document)


def sealed_content(document: Document) -> HttpResponse:
    """The stored bytes of a sealed record, never rendered again."""
    if document.state != Document.State.SEALED or document.pdf is None:
        raise Conflict(
            f"The record {document.number} is not sealed yet: {document.get_state_display().lower()}.",
            code="not_sealed",
            state=document.state,
        )
    return download(document.content, name=document.file_name, media_type=document.media_type, sha256=document.sha256)


class VerifyApi(APIView):
    parser_classes = (PdfParser, ZipParser, MultiPartParser)

    @extend_schema(
        request={"application/pdf": OpenApiTypes.BINARY, "application/zip": OpenApiTypes.BINARY},
        responses=OpenApiTypes.OBJECT,
    )
    def post(self, request: Request) -> Response:
        return Response(verification_row(verify_pdf(_uploaded(cast("Mapping[str, Any]", request.data)))))


def _uploaded(data: Mapping[str, Any]) -> bytes:
    """The bytes sent as the body, or as a file of a form."""
    file = data.get("file")
    content: bytes = file.read(LARGEST + 1) if isinstance(file, UploadedFile) else data.get("body") or b""
    if not content:
        raise InvalidInput("Send the record as the body, or as “file” of a form.", code="missing_value", field="file")
    if len(content) > LARGEST:
        raise InvalidInput(
            "The file is larger than 20 MB; compare its SHA-256 with the one under Records.",
            code="too_large",
            field="file",
        )
    return content
