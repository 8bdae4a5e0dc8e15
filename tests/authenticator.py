"""A security key made of software: it holds a private key, signs what a real one signs, and can be told to cheat."""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

import cbor2
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from webauthn.helpers import bytes_to_base64url

ORIGIN = "http://testserver"
PRESENT, HOLDS_KEY = 0x01, 0x40


@dataclass(slots=True)
class Authenticator:
    """ES256, without attestation; `count` is what it says next, `host` and `flags` what it says of itself.

    One that does not count says nought each time.
    """

    count: int = 1
    counts: bool = True
    host: str = "localhost"
    flags: int = PRESENT
    credential: bytes = field(default_factory=lambda: secrets.token_bytes(32))
    private: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))

    @property
    def name(self) -> str:
        return bytes_to_base64url(self.credential)

    def create(self, options: dict[str, Any], *, origin: str = ORIGIN) -> str:
        """The answer to `navigator.credentials.create()`, as JSON."""
        point = self.private.public_key().public_numbers()
        public = {1: 2, 3: -7, -1: 1, -2: point.x.to_bytes(32, "big"), -3: point.y.to_bytes(32, "big")}
        held = bytes(16) + len(self.credential).to_bytes(2, "big") + self.credential + cbor2.dumps(public)
        data = self._data(self.flags | HOLDS_KEY) + held
        statement = cbor2.dumps({"fmt": "none", "attStmt": {}, "authData": data})
        said = _client_data("webauthn.create", options["challenge"], origin)
        return self._answer({"attestationObject": statement, "clientDataJSON": said})

    def get(self, options: dict[str, Any], *, origin: str = ORIGIN) -> str:
        """The answer to `navigator.credentials.get()`, as JSON."""
        data, said = self._data(self.flags), _client_data("webauthn.get", options["challenge"], origin)
        signature = self.private.sign(data + sha256(said).digest(), ec.ECDSA(SHA256()))
        return self._answer({"authenticatorData": data, "clientDataJSON": said, "signature": signature})

    def _data(self, flags: int) -> bytes:
        counted = self.count.to_bytes(4, "big")
        self.count += self.counts
        return sha256(self.host.encode()).digest() + bytes([flags]) + counted

    def _answer(self, response: dict[str, bytes]) -> str:
        texts = {key: bytes_to_base64url(value) for key, value in response.items()}
        return json.dumps({"id": self.name, "rawId": self.name, "type": "public-key", "response": texts})


def _client_data(kind: str, challenge: str, origin: str) -> bytes:
    return json.dumps({"type": kind, "challenge": challenge, "origin": origin, "crossOrigin": False}).encode()
