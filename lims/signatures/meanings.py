"""The closed list of what a signature can mean, and what its signer needs to be allowed for it (SIG-2)."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType

from lims.accounts.roles import Permission


class Meaning(StrEnum):
    PERFORMED = "performed"
    VERIFIED = "verified"
    PREPARED = "prepared"
    REVIEWED = "reviewed"
    APPROVED = "approved"
    MADE_EFFECTIVE = "made_effective"
    RETIRED = "retired"
    ACCEPTED = "accepted"
    ASSESSED = "assessed"
    INVALIDATED = "invalidated"
    ALLOWED = "allowed"
    RESTATED = "restated"
    TAKEN_OUT_OF_SERVICE = "taken_out_of_service"
    PUT_IN_SERVICE = "put_in_service"
    RELEASED = "released"
    REJECTED = "rejected"
    AUDIT_TRAIL_REVIEWED = "audit_trail_reviewed"
    SURVEYED = "surveyed"
    TRAINED = "trained"
    TRAINING_WITHDRAWN = "training_withdrawn"
    PERIOD_REVIEWED = "period_reviewed"
    ACCESS_REVIEWED = "access_reviewed"
    LINE_CLEARED = "line_cleared"
    HANDED_OVER = "handed_over"
    SIGNED_IN_PLACE = "signed_in_place"
    COMPARED = "compared"

    @property
    def text(self) -> str:
        return _TEXT[self]


_TEXT = {
    Meaning.PERFORMED: "I performed this work and recorded it as it happened.",
    Meaning.VERIFIED: "I checked this as the second person.",
    Meaning.PREPARED: "I wrote this and submit it; another person has to check it.",
    Meaning.REVIEWED: "I reviewed this.",
    Meaning.APPROVED: "I approve this for use.",
    Meaning.MADE_EFFECTIVE: "I make this effective.",
    Meaning.RETIRED: "I retire this from use.",
    Meaning.ACCEPTED: "I examined this and accept it for use.",
    Meaning.ASSESSED: "I assessed this deviation and its impact.",
    Meaning.INVALIDATED: "I invalidate this result for the reason stated.",
    Meaning.ALLOWED: "I allow this reading for the reason stated.",
    Meaning.RESTATED: "I restate these readings; what was recorded and decided before stays beside it.",
    Meaning.TAKEN_OUT_OF_SERVICE: "I take this instrument out of service.",
    Meaning.PUT_IN_SERVICE: "I put this instrument back into service.",
    Meaning.RELEASED: "I release this batch for use.",
    Meaning.REJECTED: "I reject this.",
    Meaning.TRAINED: "I trained or assessed these people, and they can do these tasks.",
    Meaning.TRAINING_WITHDRAWN: "I withdraw this training; it counts no longer.",
    Meaning.AUDIT_TRAIL_REVIEWED: "I reviewed the audit trail up to the event stated.",
    Meaning.SURVEYED: "I surveyed this with the result stated.",
    Meaning.PERIOD_REVIEWED: "I reviewed the sample and the exceptions of this period of the audit trail.",
    Meaning.ACCESS_REVIEWED: "I reviewed who has access and with which roles, and conclude what is stated.",
    Meaning.LINE_CLEARED: "I cleared the work area: nothing of another product or person is left in it.",
    Meaning.HANDED_OVER: "I handed this over; the identity on it is that of the batch.",
    Meaning.SIGNED_IN_PLACE: "I sign in place of the person who did this work, for the reason stated.",
    Meaning.COMPARED: "I compared paper and entries; they agree.",
}

P = Permission
# One permission for each kind of thing that is signed for: documents, results, lots, batches, classes of deviations.
PERMISSIONS: Mapping[str, frozenset[P]] = MappingProxyType(
    {
        Meaning.PERFORMED: frozenset({P.MAKE_BATCH}),
        Meaning.VERIFIED: frozenset({P.VERIFY}),
        Meaning.PREPARED: frozenset({P.SUBMIT_DOCUMENT}),
        Meaning.REVIEWED: frozenset({P.SUBMIT_DOCUMENT, P.REVIEW_RESULT}),
        Meaning.APPROVED: frozenset({P.APPROVE_DOCUMENT, P.RULE_EQUIPMENT}),
        Meaning.MADE_EFFECTIVE: frozenset({P.APPROVE_DOCUMENT}),
        Meaning.RETIRED: frozenset({P.APPROVE_DOCUMENT}),
        Meaning.ACCEPTED: frozenset({P.ACCEPT_LOT}),
        Meaning.ASSESSED: frozenset({P.ASSESS_DEVIATION, P.ASSESS_CRITICAL_DEVIATION}),
        Meaning.INVALIDATED: frozenset({P.INVESTIGATE}),
        Meaning.ALLOWED: frozenset({P.ALLOW_UNCHECKED}),
        Meaning.RESTATED: frozenset({P.RESTATE}),
        Meaning.TAKEN_OUT_OF_SERVICE: frozenset({P.SERVE_EQUIPMENT}),
        Meaning.PUT_IN_SERVICE: frozenset({P.SERVE_EQUIPMENT}),
        Meaning.RELEASED: frozenset({P.RELEASE_BATCH}),
        Meaning.REJECTED: frozenset({P.ACCEPT_LOT, P.REJECT_BATCH}),
        Meaning.AUDIT_TRAIL_REVIEWED: frozenset({P.REVIEW_AUDIT}),
        Meaning.SURVEYED: frozenset({P.CLEAR_WASTE}),
        Meaning.TRAINED: frozenset({P.TRAIN}),
        Meaning.TRAINING_WITHDRAWN: frozenset({P.TRAIN}),
        Meaning.PERIOD_REVIEWED: frozenset({P.REVIEW_SITE_AUDIT}),
        Meaning.LINE_CLEARED: frozenset({P.MAKE_BATCH}),
        Meaning.HANDED_OVER: frozenset({P.DISPATCH_BATCH}),
        Meaning.SIGNED_IN_PLACE: frozenset({P.STAND_IN}),
        Meaning.COMPARED: frozenset({P.VERIFY}),
        Meaning.ACCESS_REVIEWED: frozenset({P.REVIEW_ACCESS}),
    }
)
