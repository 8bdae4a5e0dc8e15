"""Tokens, and who one is."""

from __future__ import annotations

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.authentication import BaseAuthentication
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from lims.accounts.actors import actor_of, address_of
from lims.accounts.models import Token, User
from lims.accounts.scopes import Scope
from lims.accounts.tokens import end_token, issue_token, living_tokens
from lims.errors import NotFound
from lims.inputs import Input, read_input


class TokenInput(Input):
    username = serializers.CharField(max_length=150)
    password = serializers.CharField(max_length=500, trim_whitespace=False, write_only=True)
    otp = serializers.CharField(max_length=40, required=False, default="", allow_blank=True, write_only=True)
    scopes = serializers.ListField(
        child=serializers.CharField(max_length=16), required=False, default=list, max_length=len(Scope)
    )


def user_row(user: User) -> dict[str, object]:
    return {"username": user.username, "full_name": user.full_name, "roles": list(user.role_names)}


class TokensApi(APIView):
    """Sign in: username, password and one-time code for a bearer token that expires. GET lists one's own."""

    def get_authenticators(self) -> list[BaseAuthentication]:
        return [] if self._signing_in else super().get_authenticators()

    def get_permissions(self) -> list[Any]:
        return [] if self._signing_in else [IsAuthenticated()]

    @property
    def _signing_in(self) -> bool:
        return getattr(self.request, "method", "POST") == "POST"

    def get_authenticate_header(self, request: Request) -> str:
        return "Bearer"  # so that wrong factors are answered with 401, not 403

    @extend_schema(responses=OpenApiTypes.OBJECT)
    def get(self, request: Request) -> Response:
        rows = living_tokens(actor_of(request).user).order_by("-pk")
        return Response({"next": None, "previous": None, "results": [token_row(row, request) for row in rows]})

    @extend_schema(request=TokenInput, responses={201: OpenApiTypes.OBJECT})
    def post(self, request: Request) -> Response:
        issued = issue_token(address=address_of(request), **read_input(TokenInput, request.data))
        user = user_row(issued.row.user)
        return Response({"token": issued.text, **token_row(issued.row, request), "user": user}, status=201)


class TokenApi(APIView):
    """Sign out: the token of this request (`current`), or another of one's own by its number."""

    permission_classes = (IsAuthenticated,)

    @extend_schema(responses={204: None})
    def delete(self, request: Request, token_id: int | None = None) -> Response:
        if token_id is None:
            if not isinstance(request.auth, Token):
                raise NotFound("This request came without a token; sign out on the pages ends a session.")
            token_id = request.auth.pk
        end_token(user=actor_of(request).user, token_id=token_id, address=address_of(request))
        return Response(status=204)


def token_row(token: Token, request: Request) -> dict[str, object]:
    return {
        "id": token.pk,
        "created_at": token.created_at.isoformat(),
        "expires_at": token.expires_at.isoformat(),
        "used_at": token.used_at.isoformat(),
        "scopes": list(token.scopes),
        "factors": token.factors.split("+") if token.factors else [],
        "address": token.address,
        "current": isinstance(request.auth, Token) and request.auth.pk == token.pk,
    }


class MeApi(APIView):
    permission_classes = (IsAuthenticated,)

    @extend_schema(responses=OpenApiTypes.OBJECT)
    def get(self, request: Request) -> Response:
        return Response(user_row(actor_of(request).user))
