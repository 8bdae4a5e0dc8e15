"""The shapes that REST accepts for making a batch."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from rest_framework import serializers

from labeling.domain.deviations import Cause, Conclusion, DeviationClass
from labeling.domain.quantities import parse_instant
from labeling.services.receipts import Delivery, Survey
from lims.audit.reasons import ReasonFor, reason_text
from lims.inputs import PRINTABLE, Input, TypedField, read_input
from lims.signatures.serializers import SignatureInput, SignedInput


class InstantField(serializers.CharField):
    """An instant with its offset. One without is refused with 422 (`naive_time`): it means another in every zone."""

    def to_internal_value(self, data: Any) -> datetime:  # type: ignore[override]
        return parse_instant(super().to_internal_value(data), field=self.field_name or "at")


def text(max_length: int = 4000, **options: Any) -> serializers.CharField:
    return serializers.CharField(required=False, default="", allow_blank=True, max_length=max_length, **options)


class QuantityInput(Input):
    value = TypedField()
    unit = serializers.CharField(max_length=24)


class ReadingInput(QuantityInput):
    at = serializers.CharField(max_length=40)
    equipment = text()
    u = TypedField(required=False, default="")
    zone = text(64)
    setting = text(40)
    geometry = text(120)


class PackageSurveyInput(Input):
    surface = QuantityInput()
    one_meter = QuantityInput()
    condition = serializers.CharField(max_length=8)
    wipe = serializers.CharField(max_length=12)
    wipe_reading = QuantityInput(required=False, allow_null=True, default=None)
    at = InstantField(required=False, default=None)
    equipment = text(64)
    note = text()


class LotInput(Input):
    number = serializers.CharField(max_length=64, validators=[PRINTABLE])
    material = serializers.CharField(max_length=64, validators=[PRINTABLE])
    kind = text(16)
    name = text(200)
    identity = text(64, validators=[PRINTABLE])
    expires_at = InstantField()
    stated = ReadingInput(required=False, allow_null=True)
    volume = QuantityInput(required=False, allow_null=True)
    received = ReadingInput(required=False, allow_null=True)
    supplier = text(200)
    order_number = text(64)
    chemical_form = text(120)
    nuclide = text(16)
    quantity = QuantityInput(required=False, allow_null=True, default=None)
    survey = PackageSurveyInput(required=False, allow_null=True, default=None)


def delivery_of(lot: dict[str, Any]) -> Delivery:
    """What came beside the lot, taken out of the checked content of a `LotInput`."""
    names = ("supplier", "order_number", "chemical_form", "nuclide", "quantity")
    survey = lot.pop("survey")
    return Delivery(**{name: lot.pop(name) for name in names}, survey=Survey(**survey) if survey else None)


class DocumentInput(Input):
    document = serializers.CharField(max_length=200_000, trim_whitespace=False)


class PlanInput(Input):
    protocol = serializers.CharField(max_length=64)
    identity = text(64, validators=[PRINTABLE])
    sheet = text(32, validators=[PRINTABLE])


class ReasonInput(Input):
    """A reason in words, or from the list of its kind (`audit/reasons/`), or both."""

    reason = text()
    reason_code = serializers.CharField(required=False, default="", allow_blank=True, max_length=24)


def read_with_reason(serializer: type[ReasonInput], data: Any, change: ReasonFor) -> dict[str, Any]:
    """The checked content of a body, its reason as it is kept."""
    checked = read_input(serializer, data)
    code = checked.pop("reason_code")
    return {**checked, "reason": reason_text(change, code, checked["reason"])}


class StartInput(ReasonInput):
    started_at = InstantField(required=False, default=None)


class EntryInput(ReasonInput):
    step = serializers.CharField(max_length=64)
    field = serializers.CharField(max_length=64)
    value = TypedField()
    unit = text()
    u = TypedField(required=False, default="")
    at = InstantField(required=False, default=None)
    equipment = text()
    setting = TypedField(required=False, default="")
    geometry = text(64)
    # Of a second person, who lets a reading count although its instrument is not in order.
    signature = SignatureInput(required=False, default=None)


class CorrectionInput(ReasonInput):
    value = TypedField()
    unit = text()
    u = TypedField(required=False, default="")
    at = InstantField(required=False, default=None)
    equipment = text()
    setting = TypedField(required=False, default="")
    geometry = text(64)


class TimerInput(ReasonInput):
    step = serializers.CharField(max_length=64)
    event = serializers.CharField(max_length=8)
    at = InstantField(required=False, default=None)


class StepVerificationInput(SignedInput):
    seen = text()


class StepsVerificationInput(SignedInput):
    """The steps of a series, each with the `manifest_sha256` that its verifier was shown."""

    steps = serializers.DictField(child=serializers.CharField(max_length=64))


class HalfLifeInput(QuantityInput):
    u = TypedField(required=False, allow_null=True, default=None)


class AdoptionInput(Input):
    half_life = HalfLifeInput()
    # A declaration that DRF collects, not the `source` setting which the stubs see in it.
    source = serializers.CharField(max_length=4000)  # type: ignore[assignment]
    reason = text()
    signature = SignatureInput()


class DeviationInput(Input):
    step = text(64)
    severity = serializers.ChoiceField(choices=list(DeviationClass), default=DeviationClass.MINOR)
    text = serializers.CharField(max_length=4000)


class AssessmentInput(Input):
    """What the class asks for beside the assessment, the service decides; without `severity` it stays as opened."""

    assessment = serializers.CharField(max_length=4000)
    severity = serializers.ChoiceField(choices=list(DeviationClass), required=False)
    conclusion = serializers.ChoiceField(choices=list(Conclusion), default=Conclusion.UNAFFECTED)
    impact = text()
    cause = serializers.ChoiceField(choices=list(Cause), default="", allow_blank=True)
    root_cause = text()
    signature = SignatureInput()


class SheetInput(Input):
    protocol = serializers.CharField(max_length=64)
    issued_to = serializers.CharField(max_length=150)


class ReconciliationInput(SignedInput):
    """What a second person found for each `step.field`: it `agrees` with the paper, or it `differs`."""

    compared = serializers.DictField(child=serializers.ChoiceField(choices=["agrees", "differs"]))


class ExampleInput(Input):
    step = serializers.CharField(max_length=64)
    field = serializers.CharField(max_length=64)
    value = TypedField()
    unit = text(24)
    at = text(40)


class DryRunInput(Input):
    entries = ExampleInput(many=True, required=False)
