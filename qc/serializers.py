"""The shapes that REST accepts for deciding about a batch."""

from __future__ import annotations

from rest_framework import serializers

from labeling.serializers import InstantField, ReasonInput, text
from lims.inputs import Input, TypedField
from lims.signatures.serializers import SignatureInput


class ResultInput(Input):
    test = serializers.CharField(max_length=64)
    value = TypedField(required=False, default="")
    unit = text()
    inputs = serializers.JSONField(required=False, default=None)
    at = InstantField(required=False, default=None)
    equipment = text(64)
    # The number of an unreviewed result that was mistyped, and why.
    corrects = serializers.IntegerField(required=False, default=None, allow_null=True, min_value=1)
    reason = text(2000)


class InvestigationInput(Input):
    cause = serializers.CharField(max_length=4000)
    signature = SignatureInput()


class DispositionInput(ReasonInput):
    decision = serializers.ChoiceField(choices=["release", "reject"])
    signature = SignatureInput()


class RecordInput(Input):
    reason = text(2000)


class RefusalInput(Input):
    act = serializers.CharField(max_length=64)
    subject = serializers.CharField(max_length=120)
    about = text(64)
    reason = serializers.CharField(max_length=2000, allow_blank=True)
    # Where another person than the owner of the token refuses.
    signature = SignatureInput(required=False, default=None, allow_null=True)
