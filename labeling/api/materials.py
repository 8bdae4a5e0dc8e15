"""What comes with a lot and leaves it, and where it went, over REST."""

from __future__ import annotations

from django.core.files.uploadedfile import UploadedFile
from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from labeling.models import LotCertificate
from labeling.selectors.batch import find_batch
from labeling.selectors.genealogy import genealogy_row, made_from, made_into, used_in
from labeling.selectors.stock import certificate_row, find_lot, lot_document
from labeling.serializers import PackageSurveyInput, QuantityInput, text
from labeling.services.receipts import LARGEST_CERTIFICATE, Certificate, Survey, attach_certificate, record_survey
from labeling.services.stock import withdraw
from lims.accounts.actors import actor_of
from lims.accounts.roles import Permission, require
from lims.audit.api import Endpoint
from lims.errors import InvalidInput, NotFound
from lims.inputs import Input, read_input

UPLOAD = {
    "multipart/form-data": {
        "type": "object",
        "required": ["file", "number", "issuer"],
        "properties": {
            "file": {"type": "string", "format": "binary"},
            "number": {"type": "string"},
            "issuer": {"type": "string"},
        },
    }
}

FILE = {
    "multipart/form-data": {
        "type": "object",
        "required": ["file"],
        "properties": {"file": {"type": "string", "format": "binary"}},
    }
}


class CertificateInput(Input):
    number = serializers.CharField(max_length=120)
    issuer = serializers.CharField(max_length=200)


class WithdrawalInput(QuantityInput):
    reason = text()


class CertificatesApi(Endpoint):
    """A certificate as a file of a form: PDF, PNG or JPEG, told by its content."""

    parser_classes = (MultiPartParser,)

    @extend_schema(request=UPLOAD, responses={201: OpenApiTypes.OBJECT})
    def post(self, request: Request, lot_id: int) -> Response:
        actor = actor_of(request)
        require(actor.user, Permission.RECEIVE_LOT)  # before a body of megabytes is read
        file = request.FILES.get("file")
        data = read_input(CertificateInput, {name: text for name, text in request.POST.items() if name != "file"})
        if not isinstance(file, UploadedFile):
            raise InvalidInput("Send the certificate as “file” of a form.", code="missing_value", field="file")
        certificate = Certificate(content=uploaded_bytes(file), name=file.name or "", **data)
        made = attach_certificate(actor=actor, lot_id=lot_id, certificate=certificate)
        return Response(certificate_row(made), status=201)


class CertificateContentApi(Endpoint):
    @extend_schema(responses={(200, "application/octet-stream"): OpenApiTypes.BINARY})
    def get(self, request: Request, certificate_id: int) -> HttpResponse:
        return certificate_response(certificate_id)


class SurveysApi(Endpoint):
    @extend_schema(request=PackageSurveyInput, responses={201: OpenApiTypes.OBJECT})
    def post(self, request: Request, lot_id: int) -> Response:
        survey = Survey(**read_input(PackageSurveyInput, request.data))
        record_survey(actor=actor_of(request), lot_id=lot_id, survey=survey)
        return Response(lot_document(find_lot(lot_id)), status=201)


class WithdrawalsApi(Endpoint):
    @extend_schema(request=WithdrawalInput, responses={201: OpenApiTypes.OBJECT})
    def post(self, request: Request, lot_id: int) -> Response:
        data = read_input(WithdrawalInput, request.data)
        reason = data.pop("reason")
        withdraw(actor=actor_of(request), lot_id=lot_id, amount=data, reason=reason)
        return Response(lot_document(find_lot(lot_id)), status=201)


class LotGenealogyApi(Endpoint):
    """Every batch that the lot went into, and the doses among them."""

    @extend_schema(responses=OpenApiTypes.OBJECT)
    def get(self, request: Request, lot_id: int) -> Response:
        lot = find_lot(lot_id)
        return Response({"lot": lot.number, "used_in": genealogy_row(used_in(lot))})


class BatchGenealogyApi(Endpoint):
    """What the batch stands on, and what was made from it."""

    @extend_schema(responses=OpenApiTypes.OBJECT)
    def get(self, request: Request, number: str) -> Response:
        batch = find_batch(number)
        into, out_of = genealogy_row(made_into(batch)), genealogy_row(made_from(batch))
        return Response({"batch": batch.number, "made_from": out_of, "made_into": into})


def uploaded_bytes(file: UploadedFile) -> bytes:
    """The file's bytes, one more than the largest certificate at most, so that the service can refuse it."""
    content: bytes = file.read(LARGEST_CERTIFICATE + 1)
    return content


def certificate_response(certificate_id: int) -> HttpResponse:
    """The stored bytes, to be saved and never shown inside our pages: a stranger made them."""
    certificate = LotCertificate.objects.select_related("file").filter(pk=certificate_id).first()
    if certificate is None:
        raise NotFound("There is no such certificate.")
    headers = {
        "Content-Disposition": f'attachment; filename="{certificate.name}"',
        "X-Content-Type-Options": "nosniff",
        "ETag": f'"{certificate.file_id}"',
        "Cache-Control": "private, no-store",
    }
    return HttpResponse(bytes(certificate.file.content), content_type=certificate.content_type, headers=headers)
