"""Around the entries over REST: scans that did not fit, entries given up, the cleared line, the handing over."""

from __future__ import annotations

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from labeling.api.batches import batch_answer, revision_of
from labeling.api.waiting import as_made
from labeling.selectors.bench import scan_row
from labeling.selectors.containers import scanned_container
from labeling.serializers import InstantField, QuantityInput, text
from labeling.services.clearance import clear_line, verify_line
from labeling.services.discards import discard_entry
from labeling.services.dispatch import Consignment, dispatch_batch
from labeling.services.scanning import record_scan
from lims.accounts.actors import actor_of
from lims.audit.api import Endpoint
from lims.inputs import PRINTABLE, Input, read_input
from lims.signatures.serializers import SignatureInput, SignedInput, credential_of


class ScanInput(Input):
    code = serializers.CharField(max_length=200, validators=[PRINTABLE])
    step = text(64)
    # A declaration that DRF collects; the stubs see a method of the serializer in it.
    field = text(64)
    at = InstantField(required=False, default=None)
    reason = text()


class DiscardInput(Input):
    what = serializers.CharField(max_length=400)
    at = InstantField()
    refusal = text(2000)
    reason = serializers.CharField(max_length=2000)


class DispatchInput(Input):
    scanned = serializers.CharField(max_length=64, validators=[PRINTABLE])
    recipient = text(200)
    address = text(400)
    phone = text(40)
    carrier = text(200)
    quantity = text(200)
    container = text(200)
    from_container = text(100)
    activity = QuantityInput(required=False, allow_null=True, default=None)
    volume = QuantityInput(required=False, allow_null=True, default=None)
    at = InstantField(required=False, default=None)
    signature = SignatureInput()


class ScansApi(Endpoint):
    @extend_schema(request=ScanInput, responses={201: OpenApiTypes.OBJECT})
    def post(self, request: Request, number: str) -> Response:
        """Keep a scan that did not fit; the answer says what it was and whether the step has stopped."""
        data = as_made(request, read_input(ScanInput, request.data))
        scan = record_scan(actor=actor_of(request), number=number, **data)
        return Response({**scan_row(scan), **scanned_container(scan.scanned)}, status=201)


class DiscardsApi(Endpoint):
    @extend_schema(request=DiscardInput, responses={201: OpenApiTypes.OBJECT})
    def post(self, request: Request, number: str) -> Response:
        op = discard_entry(actor=actor_of(request), number=number, **read_input(DiscardInput, request.data))
        return Response({"id": op.pk, "reason": op.reason}, status=201)


class ClearanceApi(Endpoint):
    verified = False

    @extend_schema(request=SignedInput, responses={201: OpenApiTypes.OBJECT})
    def post(self, request: Request, number: str) -> Response:
        act = verify_line if self.verified else clear_line
        act(actor=actor_of(request), number=number, credential=credential_of(read_input(SignedInput, request.data)))
        return batch_answer(number, status=201)


class DispatchesApi(Endpoint):
    @extend_schema(request=DispatchInput, responses={201: OpenApiTypes.OBJECT})
    def post(self, request: Request, number: str) -> Response:
        """Without `from_container` it is the product's own, without an amount everything that is in it."""
        data = read_input(DispatchInput, request.data)
        credential, at = credential_of(data), data.pop("at")
        data.pop("signature")
        dispatch_batch(
            actor=actor_of(request),
            number=number,
            consignment=Consignment(**data),
            credential=credential,
            at=at,
            revision=revision_of(request),
        )
        return batch_answer(number, status=201)
