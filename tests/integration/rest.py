"""A client of the REST interface as another system uses it: a real token, JSON in, JSON out."""

from __future__ import annotations

from typing import Any

from rest_framework.response import Response
from rest_framework.test import APIClient

from tests.factories import PASSWORD, fresh_code


def sign_in(role: str) -> dict[str, str]:
    return {"username": role, "password": PASSWORD.format(role), "otp": fresh_code(role)}


class Rest:
    def __init__(self, role: str, *scopes: str) -> None:
        """With a token that is limited to `scopes`, where there are any."""
        self.role = role
        self.client = APIClient()
        answer = self.client.post("/api/v1/tokens/", {**sign_in(role), "scopes": list(scopes)})
        assert answer.status_code == 201, answer.data
        self.token: str = answer.data["token"]
        self.client.credentials(HTTP_AUTHORIZATION=f"Bearer {self.token}")

    def get(self, path: str, **query: str) -> Response:
        return self.client.get(f"/api/v1/{path}", query)

    def post(self, path: str, body: Any = None, *, key: str = "", revision: int | None = None) -> Response:
        headers: dict[str, Any] = {}
        if key:
            headers["HTTP_IDEMPOTENCY_KEY"] = key
        if revision is not None:
            headers["HTTP_IF_MATCH"] = f'"{revision}"'
        return self.client.post(f"/api/v1/{path}", body or {}, **headers)

    def signed(self, path: str, body: dict[str, Any] | None = None, *, role: str = "", password: str = "") -> Response:
        """A signed act, by this client's person or by another one at the same workstation."""
        signer = role or self.role
        signature = {"username": signer, "password": password or PASSWORD.format(signer), "otp": fresh_code(signer)}
        return self.post(path, {**(body or {}), "signature": signature})
