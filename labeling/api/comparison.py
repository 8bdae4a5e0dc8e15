"""Two versions compared over REST, and a protocol's master record asked for."""

from __future__ import annotations

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from labeling.domain.comparison import differences
from labeling.models import ControlledVersion, ProtocolVersion
from labeling.selectors.versions import find_version
from labeling.services.prints import print_master_record
from lims.accounts.actors import actor_of
from lims.audit.api import Endpoint
from lims.errors import InvalidInput
from lims.inputs import Input, read_input
from lims.records.selectors import document_row


class ComparisonApi(Endpoint):
    filters = ("from", "to")
    model: type[ControlledVersion] = ProtocolVersion

    @extend_schema(responses=OpenApiTypes.OBJECT)
    def get(self, request: Request, code: str) -> Response:
        """What version `to` says differently from version `from`."""
        before, after = (find_version(self.model, code, _number(request, end)) for end in ("from", "to"))
        rows = [
            {"place": list(d.place), "change": d.change.value, "before": d.before, "after": d.after}
            for d in differences(before.text, after.text)
        ]
        return Response({"code": code, "from": before.number, "to": after.number, "differences": rows})


class MasterRecordApi(Endpoint):
    @extend_schema(request=Input, responses={201: OpenApiTypes.OBJECT})
    def post(self, request: Request, code: str, number: int) -> Response:
        read_input(Input, request.data)
        document = print_master_record(actor=actor_of(request), code=code, number=number)
        return Response(document_row(document), status=201)


def _number(request: Request, end: str) -> int:
    given = request.query_params.get(end, "")
    if not (given.isascii() and given.isdigit() and len(given) <= 6):
        raise InvalidInput(f"{end}: give the number of a version.", code="missing_value", field=end)
    return int(given)
