"""The file of a calibration's certificate over REST."""

from __future__ import annotations

from django.core.files.uploadedfile import UploadedFile
from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from labeling.api.materials import FILE, uploaded_bytes
from labeling.models import CalibrationCertificate
from labeling.selectors.instrument_rows import calibration_file_row
from labeling.services.calibration_certificates import attach_calibration_certificate
from lims.accounts.actors import actor_of
from lims.accounts.roles import Permission, require
from lims.audit.api import Endpoint
from lims.downloads import download
from lims.errors import InvalidInput, NotFound


class CalibrationCertificateApi(Endpoint):
    """PDF, PNG or JPEG, told by its content; a calibration has one."""

    parser_classes = (MultiPartParser,)

    @extend_schema(responses={(200, "application/octet-stream"): OpenApiTypes.BINARY})
    def get(self, request: Request, code: str, calibration_id: int) -> HttpResponse:
        return calibration_file(code, calibration_id)

    @extend_schema(request=FILE, responses={201: OpenApiTypes.OBJECT})
    def post(self, request: Request, code: str, calibration_id: int) -> Response:
        actor = actor_of(request)
        require(actor.user, Permission.KEEP_EQUIPMENT)  # before a body of megabytes is read
        file = request.FILES.get("file")
        if not isinstance(file, UploadedFile):
            raise InvalidInput("Send the certificate as “file” of a form.", code="missing_value", field="file")
        kept = attach_calibration_certificate(
            actor=actor, code=code, calibration_id=calibration_id, content=uploaded_bytes(file), name=file.name or ""
        )
        return Response(calibration_file_row(kept), status=201)


def calibration_file(code: str, calibration_id: int) -> HttpResponse:
    """The stored bytes, to be saved and never shown inside our pages."""
    rows = CalibrationCertificate.objects.filter(calibration__equipment__code=code, calibration=calibration_id)
    found = rows.select_related("file").first()
    if found is None:
        raise NotFound(f"The file of this certificate of {code} is not kept here.")
    return download(bytes(found.file.content), name=found.name, media_type=found.content_type, sha256=found.file_id)
