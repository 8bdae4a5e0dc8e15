from __future__ import annotations

from typing import Any

from rest_framework import serializers

from lims.accounts.attestation import Credential
from lims.inputs import Input


class SignatureInput(Input):
    """What a signer enters with a signed act: a token alone never signs."""

    username = serializers.CharField(max_length=150)
    password = serializers.CharField(max_length=500, trim_whitespace=False, write_only=True)
    otp = serializers.CharField(max_length=40, required=False, default="", allow_blank=True, write_only=True)
    reason = serializers.CharField(required=False, default="", allow_blank=True, max_length=4000)


class SignedInput(Input):
    """An act that needs a signature and nothing else."""

    signature = SignatureInput()
    reason = serializers.CharField(required=False, default="", allow_blank=True, max_length=4000)


def credential_of(data: dict[str, Any]) -> Credential:
    signature = data["signature"]
    return Credential(username=signature["username"], password=signature["password"], otp=signature["otp"])


def reason_of(data: dict[str, Any]) -> str:
    """The reason, beside the signature or inside it."""
    return str(data.get("reason") or data["signature"].get("reason") or "")
