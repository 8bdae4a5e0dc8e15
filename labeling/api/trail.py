"""The audit trail over REST: its review, its exceptions, its export."""

from __future__ import annotations

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from labeling.api.batches import revision_of
from labeling.selectors.batch import find_batch
from labeling.services.audit_review import review_audit_trail
from lims.accounts.actors import actor_of
from lims.audit.api import Endpoint
from lims.inputs import read_input
from lims.oversight.selectors import review_row, trail_of
from lims.signatures.serializers import SignedInput, credential_of


class AuditReviewApi(Endpoint):
    """How far a batch's trail is reviewed; POST signs for it up to its last event."""

    @extend_schema(responses=OpenApiTypes.OBJECT)
    def get(self, request: Request, number: str) -> Response:
        return _answer(find_batch(number).number)

    @extend_schema(request=SignedInput, responses={201: OpenApiTypes.OBJECT})
    def post(self, request: Request, number: str) -> Response:
        data = read_input(SignedInput, request.data)
        review_audit_trail(
            actor=actor_of(request), number=number, credential=credential_of(data), revision=revision_of(request)
        )
        return _answer(number, status=201)


def _answer(number: str, *, status: int = 200) -> Response:
    trail = trail_of(number)
    row = review_row(trail) or {"up_to": None, "events": 0, "holds": False, "at": None, "by": None, "role": None}
    return Response({"number": number, **row, "last": trail.last, "in_all": trail.events}, status=status)
