"""Why something is changed: a short closed list for each kind of change, and the words of whoever changes it."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType

from lims.errors import InvalidInput

OTHER = "other"


class ReasonFor(StrEnum):
    """The kinds of change that ask for a reason."""

    CORRECTION = "correction"
    LATE_ENTRY = "late_entry"
    LATE_START = "late_start"
    HOLD = "hold"
    RESUME = "resume"
    REJECTION = "rejection"


# Code, and what it says. A change of these lists is a code review; a code is never given another meaning.
REASONS: Mapping[ReasonFor, Mapping[str, str]] = MappingProxyType(
    {
        ReasonFor.CORRECTION: {
            "misread": "Misread",
            "mistyped": "Mistyped",
            "wrong_unit": "Wrong unit",
            "wrong_place": "Meant for another field or batch",
            "wrong_instrument": "Wrong instrument or lot named",
            "instrument_fault": "Instrument gave a wrong value",
            OTHER: "Other",
        },
        ReasonFor.LATE_ENTRY: {
            "hands_bound": "Hands were at the hot cell",
            "on_paper": "Written on paper first",
            "no_system": "System or network was not reachable",
            "from_instrument": "Read later from the instrument's memory",
            "forgotten": "Forgotten at the time",
            OTHER: "Other",
        },
        ReasonFor.LATE_START: {
            "hands_bound": "Hands were at the hot cell",
            "on_paper": "Written on paper first",
            "no_system": "System or network was not reachable",
            "forgotten": "Forgotten at the time",
            OTHER: "Other",
        },
        ReasonFor.HOLD: {
            "question": "Question to be answered",
            "suspected_defect": "Suspected defect",
            "pending_test": "Waiting for a test",
            OTHER: "Other",
        },
        ReasonFor.RESUME: {
            "answered": "Question answered",
            "no_defect": "No defect found",
            OTHER: "Other",
        },
        ReasonFor.REJECTION: {
            "out_of_specification": "Out of specification",
            "deviation": "Deviation in the making",
            "expired": "Expired or no longer needed",
            "damaged": "Damaged or lost",
            OTHER: "Other",
        },
    }
)


def reason_text(change: ReasonFor, code: str, words: str) -> str:
    """The reason as it is kept: what the list says, then the words. `other` alone says nothing and is refused."""
    words = words.strip()
    if not code:
        return words
    listed = REASONS[change]
    if code not in listed:
        raise InvalidInput(
            f"{code!r} is no reason for this; the list has {', '.join(listed)}.",
            code="unknown_choice",
            field="reason_code",
        )
    if code == OTHER:
        if not words:
            raise InvalidInput("Say in words which other reason it is.", code="reason_missing", field="reason")
        return words
    return f"{listed[code]}: {words}" if words else listed[code]


def choices_of(change: ReasonFor) -> list[tuple[str, str]]:
    return [("", "Choose"), *REASONS[change].items()]
