"""Tokens, and who one is."""

from __future__ import annotations

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from lims.accounts.actors import actor_of, address_of
from lims.accounts.models import User
from lims.accounts.tokens import issue_token
from lims.inputs import Input, read_input


class TokenInput(Input):
    username = serializers.CharField(max_length=150)
    password = serializers.CharField(max_length=500, trim_whitespace=False, write_only=True)
    otp = serializers.CharField(max_length=40, required=False, default="", allow_blank=True, write_only=True)


def user_row(user: User) -> dict[str, object]:
    return {"username": user.username, "full_name": user.full_name, "roles": list(user.role_names)}


class TokensApi(APIView):
    """Sign in: username, password and one-time code for a bearer token that expires."""

    authentication_classes = ()
    permission_classes = ()

    def get_authenticate_header(self, request: Request) -> str:
        return "Bearer"  # so that wrong factors are answered with 401, not 403

    @extend_schema(request=TokenInput, responses={201: OpenApiTypes.OBJECT})
    def post(self, request: Request) -> Response:
        data = read_input(TokenInput, request.data)
        user, token, expires_at = issue_token(
            username=data["username"], password=data["password"], otp=data["otp"], address=address_of(request)
        )
        return Response({"token": token, "expires_at": expires_at.isoformat(), "user": user_row(user)}, status=201)


class MeApi(APIView):
    permission_classes = (IsAuthenticated,)

    @extend_schema(responses=OpenApiTypes.OBJECT)
    def get(self, request: Request) -> Response:
        return Response(user_row(actor_of(request).user))
