"""Labels over REST: what one says and was printed of it; POST prints."""

from __future__ import annotations

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from labeling.domain.labels import SHAPES, LabelKind, LabelSize
from labeling.selectors.clock import database_now
from labeling.selectors.labels import label_of, print_row, prints_of
from labeling.serializers import text
from labeling.services.labels import print_label
from lims.accounts.actors import actor_of
from lims.audit.api import Endpoint
from lims.errors import NotFound
from lims.inputs import Input, read_input
from lims.records.selectors import document_row


class LabelInput(Input):
    size = serializers.ChoiceField(choices=[size.value for size in LabelSize], default=LabelSize.VIAL.value)
    copies = serializers.IntegerField(default=1)
    reason = text()


class LabelApi(Endpoint):
    @extend_schema(responses=OpenApiTypes.OBJECT)
    def get(self, request: Request, thing: str, key: str) -> Response:
        """What the label says now, in which sizes it is printed, and what was printed of it."""
        label = label_of(_kind(thing), key, at=database_now())
        prints = [print_row(document) for document in prints_of(label)]
        return Response(
            {
                **label.row,
                "sizes": [{"size": size.value, "title": SHAPES[size].title} for size in LabelSize],
                "copies": sum(row["copies"] for row in prints),
                "prints": prints,
            }
        )

    @extend_schema(request=LabelInput, responses={201: OpenApiTypes.OBJECT})
    def post(self, request: Request, thing: str, key: str) -> Response:
        """Print it; the PDF is the content of the document that the answer names."""
        data = read_input(LabelInput, request.data)
        document = print_label(
            actor=actor_of(request),
            kind=_kind(thing),
            key=key,
            size=LabelSize(data["size"]),
            copies=data["copies"],
            reason=data["reason"],
        )
        return Response(document_row(document), status=201)


def _kind(thing: str) -> LabelKind:
    if thing not in set(LabelKind):
        raise NotFound(f"There are no labels of “{thing}”; there are of {', '.join(LabelKind)}.")
    return LabelKind(thing)
