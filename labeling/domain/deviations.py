"""How grave a departure is, and what its assessment owes. A site cannot turn any of it off.

The three classes are those of EU GMP (Chapter 1, 1.4 xiv, and its usual practice): minor, major, critical. Every class
blocks release while it is open; what closes it differs. The class is the assessor's to change, with a reason in words.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from lims.errors import InvalidInput


class DeviationClass(StrEnum):
    MINOR = "minor"
    MAJOR = "major"
    CRITICAL = "critical"


class Conclusion(StrEnum):
    """What the deviation means for the product. An affected product is not released, whoever assessed it."""

    UNAFFECTED = "unaffected"
    AFFECTED = "affected"

    @property
    def label(self) -> str:
        return "The product is not affected" if self is Conclusion.UNAFFECTED else "The product is affected"


class Cause(StrEnum):
    PERSON = "person"
    METHOD = "method"
    MATERIAL = "material"
    EQUIPMENT = "equipment"
    ENVIRONMENT = "environment"
    UNKNOWN = "unknown"

    @property
    def label(self) -> str:
        return self.value.capitalize() if self is not Cause.UNKNOWN else "Not found"


@dataclass(frozen=True, slots=True)
class Demands:
    """What the assessment of a class owes beside the assessment itself."""

    impact: bool = False
    root_cause: bool = False
    quality: bool = False  # signed by quality, not by a reviewer


DEMANDS: Mapping[DeviationClass, Demands] = MappingProxyType(
    {
        DeviationClass.MINOR: Demands(),
        DeviationClass.MAJOR: Demands(impact=True, root_cause=True),
        DeviationClass.CRITICAL: Demands(impact=True, root_cause=True, quality=True),
    }
)


@dataclass(frozen=True, slots=True)
class Assessed:
    """An assessment as it is given: words, the class it ends in, and what the deviation means for the product."""

    assessment: str
    severity: DeviationClass
    conclusion: Conclusion = Conclusion.UNAFFECTED
    impact: str = ""
    cause: str = ""
    root_cause: str = ""

    def refuse_what_is_owed(self, opened_as: DeviationClass) -> None:
        """Raises InvalidInput, naming the field, where the class asks for more than was given."""
        if not self.assessment.strip():
            raise _missing("assessment", "Say what the deviation means for the product.")
        graver = max(self.severity, opened_as, key=list(DeviationClass).index)
        demands = DEMANDS[graver]
        if demands.impact and not self.impact.strip():
            raise _missing(
                "impact", f"A {graver} deviation needs its impact: on the product, the patient, other batches."
            )
        if demands.root_cause and (not self.root_cause.strip() or not self.cause):
            raise _missing("root_cause", f"A {graver} deviation needs its root cause, of a kind and in words.")


def needs_quality(opened_as: DeviationClass, severity: DeviationClass) -> bool:
    """A deviation that is critical, or was until this assessment, is signed by quality."""
    return DEMANDS[opened_as].quality or DEMANDS[severity].quality


def _missing(field: str, message: str) -> InvalidInput:
    return InvalidInput(message, code="missing_value", field=field)
