"""Protocols and specifications over REST: the same views serve both."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from labeling.models import ControlledVersion, ProtocolVersion, SpecificationVersion
from labeling.selectors.versions import code_document, find_version, version_row, versions
from labeling.serializers import DocumentInput
from labeling.services.versions import (
    approve_version,
    import_protocol,
    import_specification,
    make_version_effective,
    retire_version,
    submit_version,
)
from lims.accounts.actors import actor_of
from lims.audit.api import Endpoint
from lims.inputs import read_input
from lims.pagination import NewestFirst
from lims.signatures.serializers import SignedInput, credential_of, reason_of

ACTS: dict[str, Callable[..., ControlledVersion]] = {
    "submit": submit_version,
    "approve": approve_version,
    "make-effective": make_version_effective,
}


class VersionsApi(Endpoint):
    model: type[ControlledVersion] = ProtocolVersion

    @extend_schema(responses=OpenApiTypes.OBJECT)
    def get(self, request: Request) -> Response:
        pages = NewestFirst()
        page: list[Any] = pages.paginate_queryset(versions(self.model), request, view=self) or []
        return pages.get_paginated_response([version_row(version) for version in page])

    @extend_schema(request=DocumentInput, responses={201: OpenApiTypes.OBJECT})
    def post(self, request: Request) -> Response:
        text = read_input(DocumentInput, request.data)["document"]
        actor = actor_of(request)
        version: ControlledVersion
        if self.model is SpecificationVersion:
            version, added = import_specification(actor=actor, text=text)
        else:
            version, added = import_protocol(actor=actor, text=text)
        return Response(version_row(version), status=201 if added else 200)


class CodeApi(Endpoint):
    model: type[ControlledVersion] = ProtocolVersion

    @extend_schema(responses=OpenApiTypes.OBJECT)
    def get(self, request: Request, code: str) -> Response:
        return Response(code_document(self.model, code))


class VersionApi(Endpoint):
    model: type[ControlledVersion] = ProtocolVersion

    @extend_schema(responses=OpenApiTypes.OBJECT)
    def get(self, request: Request, code: str, number: int) -> Response:
        version = find_version(self.model, code, number)
        return Response({**version_row(version), "document": version.text})


class VersionActApi(Endpoint):
    model: type[ControlledVersion] = ProtocolVersion
    act = ""

    @extend_schema(request=SignedInput, responses=OpenApiTypes.OBJECT)
    def post(self, request: Request, code: str, number: int) -> Response:
        data = read_input(SignedInput, request.data)
        target: dict[str, Any] = {
            "model": self.model,
            "actor": actor_of(request),
            "code": code,
            "number": number,
            "credential": credential_of(data),
        }
        if self.act == "retire":
            retire_version(**target, reason=reason_of(data))
        else:
            ACTS[self.act](**target)
        return Response(version_row(find_version(self.model, code, number)))
