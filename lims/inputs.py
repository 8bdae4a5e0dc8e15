"""What REST accepts: known keys only, values as they were typed. What they mean, the services decide."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.core.validators import RegexValidator
from rest_framework import serializers

from lims.parsing import LiteralFloat


class Input(serializers.Serializer[Any]):
    """A request body. A key it does not know is refused, because a value that is silently dropped is a value lost."""

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, Mapping):
            unknown = sorted(str(key) for key in data if key not in self.fields)
            if unknown:
                known = ", ".join(self.fields)
                raise serializers.ValidationError(
                    {key: f"“{key}” is not known here; known are {known}." for key in unknown}, code="unknown_key"
                )
        return super().to_internal_value(data)


def name_validator(pattern: str, sentence: str) -> RegexValidator:
    return RegexValidator(pattern, sentence, code="bad_name")


# What is typed as a name or a number of somebody else's may hold anything that can be printed.
PRINTABLE = name_validator(
    r"^[^\x00-\x1f\x7f\u200b-\u200f\u202a-\u202e\u2066-\u2069]+\Z", "This holds an unprintable character."
)


class TypedField(serializers.Field[str, Any, str, Any]):
    """A value as a person or a device gives it: text, a number or a yes. It is kept as text, digit for digit."""

    def to_internal_value(self, data: Any) -> str:
        if isinstance(data, bool):
            return "true" if data else "false"
        if isinstance(data, LiteralFloat):
            return data.literal
        if isinstance(data, int | float):
            return repr(data)
        if isinstance(data, str) and len(data) <= 10_000:
            return data
        raise serializers.ValidationError("A text, a number or true is wanted here.")

    def to_representation(self, value: str) -> str:
        return value


def read_input(serializer: type[Input], data: Any) -> dict[str, Any]:
    """The checked content of a request body; a malformed one is a 400 that names its fields."""
    checked = serializer(data=data)
    checked.is_valid(raise_exception=True)
    validated: dict[str, Any] = dict(checked.validated_data)
    return validated
