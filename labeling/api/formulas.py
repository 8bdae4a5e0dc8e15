"""The formula catalogue over REST; it computes what it is given and stores nothing."""

from __future__ import annotations

from collections.abc import Mapping

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.exceptions import ParseError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from labeling.domain.formulas import compute


class FormulaApi(APIView):
    @extend_schema(request=OpenApiTypes.OBJECT, responses=OpenApiTypes.OBJECT)
    def post(self, request: Request, name: str) -> Response:
        if not isinstance(request.data, Mapping):
            raise ParseError("The inputs of a formula are an object with their names.")
        return Response(compute(name, dict(request.data)))
