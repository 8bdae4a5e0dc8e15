"""Nuclides over REST: the values in use, and adopting another."""

from __future__ import annotations

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from labeling.domain.nuclides import library
from labeling.selectors.nuclides import nuclide_codes, nuclide_row
from labeling.serializers import AdoptionInput
from labeling.services.nuclides import adopt_nuclide
from lims.accounts.actors import actor_of
from lims.audit.api import Endpoint
from lims.errors import NotFound
from lims.inputs import read_input
from lims.signatures.serializers import credential_of, reason_of


class NuclidesApi(Endpoint):
    @extend_schema(responses=OpenApiTypes.OBJECT)
    def get(self, request: Request) -> Response:
        """All of them: the library is a page long."""
        return Response({"next": None, "previous": None, "results": [nuclide_row(code) for code in nuclide_codes()]})


class NuclideApi(Endpoint):
    @extend_schema(responses=OpenApiTypes.OBJECT)
    def get(self, request: Request, code: str) -> Response:
        return Response(nuclide_row(_known(code)))


class AdoptionApi(Endpoint):
    @extend_schema(request=AdoptionInput, responses={201: OpenApiTypes.OBJECT})
    def post(self, request: Request, code: str) -> Response:
        data = read_input(AdoptionInput, request.data)
        half_life = data["half_life"]
        adopt_nuclide(
            actor=actor_of(request),
            code=_known(code),
            half_life=half_life["value"],
            unit=half_life["unit"],
            u=half_life["u"],
            source=data["source"],
            reason=reason_of(data),
            credential=credential_of(data),
        )
        return Response(nuclide_row(code), status=201)


def _known(code: str) -> str:
    if code not in library():
        raise NotFound(f"The library has no nuclide {code}.")
    return code
