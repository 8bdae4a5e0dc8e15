"""The OpenAPI description: what drf-spectacular cannot read from the views by itself."""

from __future__ import annotations

import re
from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension, OpenApiSerializerFieldExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import OpenApiParameter

from lims.audit.api import PAGING, filters_of

NAME_IN_PATH = re.compile(r"\{(\w+)\}")


class RestSchema(AutoSchema):
    """One name for each operation, made of its method and path, and the filters that its view declares."""

    def get_operation_id(self) -> str:
        path = NAME_IN_PATH.sub(r"by_\1", self.path.removeprefix("/api/v1/").strip("/"))
        return f"{self.method.lower()}_{re.sub(r'[^a-z0-9_]+', '_', path)}"

    def get_override_parameters(self) -> list[Any]:
        if self.method != "GET":
            return []
        return [OpenApiParameter(name, str) for name in filters_of(self.view) if name not in PAGING]


class BearerToken(OpenApiAuthenticationExtension):
    target_class = "lims.accounts.tokens.TokenAuthentication"
    name = "token"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {
            "type": "http",
            "scheme": "bearer",
            "description": "A token of `POST tokens/`. It opens the door and never signs.",
        }


class TypedValue(OpenApiSerializerFieldExtension):
    target_class = "lims.inputs.TypedField"

    def map_serializer_field(self, auto_schema: Any, direction: str) -> dict[str, Any]:
        return {"type": ["string", "number", "boolean"], "description": "As it was typed, digit for digit."}
