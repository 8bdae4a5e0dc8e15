"""People, the access log, and accepting the statement on signatures, over REST."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response

from lims.accounts.actors import actor_of
from lims.accounts.roles import Permission
from lims.accounts.statement import SHA256, TEXT, VERSION, has_accepted
from lims.audit.api import Endpoint
from lims.inputs import Input, read_input
from lims.pagination import NewestFirst
from lims.people import access_review, selectors, services
from lims.people.own import accept_statement
from lims.signatures.serializers import SignatureInput, credential_of


class RolesInput(Input):
    roles = serializers.ListField(child=serializers.CharField(max_length=24), max_length=20)
    reason = serializers.CharField(max_length=2000, allow_blank=True)


class ReasonInput(Input):
    reason = serializers.CharField(max_length=2000, allow_blank=True)


class PasswordInput(ReasonInput):
    password = serializers.CharField(max_length=256, trim_whitespace=False, write_only=True)


class IdentityInput(Input):
    how = serializers.CharField(max_length=400, allow_blank=True)


class EnrollInput(Input):
    username = serializers.CharField(max_length=64)
    full_name = serializers.CharField(max_length=120)
    roles = serializers.ListField(child=serializers.CharField(max_length=24), max_length=20)
    password = serializers.CharField(max_length=256, trim_whitespace=False, write_only=True)
    identity = serializers.CharField(max_length=400)


class ReviewInput(Input):
    signature = SignatureInput()
    conclusion = serializers.CharField(max_length=4000, allow_blank=True)
    seen = serializers.CharField(max_length=64)


class AcceptInput(Input):
    signature = SignatureInput()


ACTS: dict[str, tuple[type[Input], Callable[..., object]]] = {
    "roles": (RolesInput, services.change_roles),
    "deactivate": (ReasonInput, services.deactivate),
    "reset-password": (PasswordInput, services.reset_password),
    "revoke-factor": (ReasonInput, services.revoke_factor),
    "unlock": (ReasonInput, services.unlock),
    "revoke-keys": (ReasonInput, services.revoke_keys),
    "check-identity": (IdentityInput, services.record_identity_check),
}


class PeopleApi(Endpoint):
    permission = Permission.MANAGE_PEOPLE

    @extend_schema(responses=OpenApiTypes.OBJECT)
    def get(self, request: Request) -> Response:
        pages = NewestFirst()
        page: list[Any] = pages.paginate_queryset(selectors.people().order_by("-pk"), request, self) or []
        return pages.get_paginated_response([selectors.summary_of(user) for user in page])

    @extend_schema(request=EnrollInput, responses={201: OpenApiTypes.OBJECT})
    def post(self, request: Request) -> Response:
        user = services.enroll(actor=actor_of(request), **read_input(EnrollInput, request.data))
        return Response(selectors.document_of(selectors.find_person(user.username)), status=201)


class PersonApi(Endpoint):
    permission = Permission.MANAGE_PEOPLE

    @extend_schema(responses=OpenApiTypes.OBJECT)
    def get(self, request: Request, username: str) -> Response:
        return Response(selectors.document_of(selectors.find_person(username)))


class UpkeepApi(Endpoint):
    """One act of an administrator upon one account."""

    permission = Permission.MANAGE_PEOPLE
    act = ""

    @extend_schema(request=OpenApiTypes.OBJECT, responses=OpenApiTypes.OBJECT)
    def post(self, request: Request, username: str) -> Response:
        shape, use_case = ACTS[self.act]
        use_case(actor=actor_of(request), username=username, **read_input(shape, request.data))
        return Response(selectors.document_of(selectors.find_person(username)))


class AccessApi(Endpoint):
    """The access log: `?kind=`, `?username=`, `?address=`, `?from=`, `?to=`."""

    filters = ("kind", "username", "address", "from", "to")
    permission = Permission.READ_ACCESS

    @extend_schema(responses=OpenApiTypes.OBJECT)
    def get(self, request: Request) -> Response:
        pages = NewestFirst()
        rows = selectors.access_events(request.query_params.dict())
        page: list[Any] = pages.paginate_queryset(rows, request, self) or []
        return pages.get_paginated_response([selectors.access_row(event) for event in page])


class AccountsApi(Endpoint):
    """Who has access now, with `sha256` of how the accounts stand, which the signature of a review takes as `seen`."""

    permission = Permission.READ_ACCESS

    @extend_schema(responses=OpenApiTypes.OBJECT)
    def get(self, request: Request) -> Response:
        return Response(access_review.present_document())


class AccessReviewsApi(Endpoint):
    """Signed reviews of who has access; POST signs one."""

    permission = Permission.READ_ACCESS

    @extend_schema(responses=OpenApiTypes.OBJECT)
    def get(self, request: Request) -> Response:
        pages = NewestFirst()
        page: list[Any] = pages.paginate_queryset(access_review.reviews(), request, self) or []
        return pages.get_paginated_response([access_review.review_row(review) for review in page])

    @extend_schema(request=ReviewInput, responses={201: OpenApiTypes.OBJECT})
    def post(self, request: Request) -> Response:
        data = read_input(ReviewInput, request.data)
        review = access_review.review_access(
            actor=actor_of(request),
            credential=credential_of(data),
            conclusion=data["conclusion"],
            seen=data["seen"],
        )
        return Response(access_review.review_row(access_review.find_review(review.pk)), status=201)


class AccessReviewApi(Endpoint):
    """A review with the list of accounts as it was signed."""

    permission = Permission.READ_ACCESS

    @extend_schema(responses=OpenApiTypes.OBJECT)
    def get(self, request: Request, review_id: int) -> Response:
        review = access_review.find_review(review_id)
        return Response({**access_review.review_row(review), "listed": review.listed})


class StatementApi(Endpoint):
    permission_classes = (IsAuthenticated,)

    @extend_schema(responses=OpenApiTypes.OBJECT)
    def get(self, request: Request) -> Response:
        accepted = has_accepted(actor_of(request).user)
        return Response({"version": VERSION, "text": TEXT, "sha256": SHA256, "accepted": accepted})

    @extend_schema(request=AcceptInput, responses={201: OpenApiTypes.OBJECT})
    def post(self, request: Request) -> Response:
        data = read_input(AcceptInput, request.data)
        acceptance = accept_statement(actor=actor_of(request), credential=credential_of(data))
        return Response({"version": acceptance.version, "at": acceptance.at.isoformat()}, status=201)
