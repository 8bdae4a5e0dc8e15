"""Who may do what: the one matrix. A change here is a code review, never a setting."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Protocol

from lims.errors import PermissionRefused


class Permission(StrEnum):
    VIEW = "see batches, stock, instruments and procedures"
    RECEIVE_LOT = "receive lots"
    ACCEPT_LOT = "accept or reject lots"
    KEEP_EQUIPMENT = "register instruments and record their checks"
    SERVE_EQUIPMENT = "take instruments out of service and put them back"
    RULE_EQUIPMENT = "set the limits and intervals of instruments"
    ALLOW_UNCHECKED = "allow a reading on an instrument that is not in order"
    RESTATE = "restate readings with another calibration"
    KEEP_CONTAINERS = "record what containers hold and put waste into decay storage"
    CLEAR_WASTE = "release waste from decay storage after its survey"
    MAKE_BATCH = "plan, start, record and complete batches"
    VERIFY = "verify entries and steps as the second person"
    TEST = "record test results"
    REVIEW_RESULT = "review test results"
    INVESTIGATE = "investigate and invalidate test results"
    REPORT_DEVIATION = "report deviations"
    ASSESS_DEVIATION = "assess deviations"
    ASSESS_CRITICAL_DEVIATION = "assess critical deviations"
    HOLD_BATCH = "put batches on hold"
    RELEASE_BATCH = "release batches"
    REJECT_BATCH = "reject batches"
    DISPATCH_BATCH = "hand over released batches"
    DRAFT_DOCUMENT = "import protocols and specifications as drafts"
    SUBMIT_DOCUMENT = "review and submit protocols and specifications"
    APPROVE_DOCUMENT = "approve protocols and specifications and make them effective"
    ISSUE_PRINT = "issue master records and blank worksheets"
    PRINT_LABEL = "print labels"
    STAND_IN = "sign for a down-time sheet in place of a person who is not available"
    READ_AUDIT = "read the audit trail"
    REVIEW_AUDIT = "review the audit trail of a batch"
    REVIEW_SITE_AUDIT = "review the audit trail of the site, period by period"
    WATCH = "see alarms and the state of the installation"
    ACKNOWLEDGE = "acknowledge alarms"
    TRAIN = "record and withdraw the training of other people"
    READ_ACCESS = "see who signed in, was turned away or locked out"
    REVIEW_ACCESS = "review who has access, and sign for it"
    MANAGE_PEOPLE = "enroll and deactivate people"


class Role(StrEnum):
    OPERATOR = "operator"
    VERIFIER = "verifier"
    ANALYST = "analyst"
    REVIEWER = "reviewer"
    RELEASER = "releaser"
    QUALITY = "quality"
    RADIATION_SAFETY = "radiation_safety"
    ADMINISTRATOR = "administrator"
    INSPECTOR = "inspector"
    INTEGRATION = "integration"
    SYSTEM = "system"


P = Permission
_MATRIX: Mapping[Role, frozenset[Permission]] = MappingProxyType(
    {
        Role.OPERATOR: frozenset(
            {
                *(P.VIEW, P.MAKE_BATCH, P.RECEIVE_LOT, P.KEEP_EQUIPMENT, P.DRAFT_DOCUMENT),
                *(P.KEEP_CONTAINERS, P.DISPATCH_BATCH, P.SERVE_EQUIPMENT, P.REPORT_DEVIATION),
                *(P.ISSUE_PRINT, P.PRINT_LABEL, P.WATCH, P.ACKNOWLEDGE),
            }
        ),
        Role.VERIFIER: frozenset({P.VIEW, P.VERIFY, P.ALLOW_UNCHECKED, P.REPORT_DEVIATION, P.WATCH}),
        Role.ANALYST: frozenset(
            {
                *(P.VIEW, P.TEST, P.KEEP_EQUIPMENT, P.SERVE_EQUIPMENT, P.REPORT_DEVIATION, P.WATCH, P.ACKNOWLEDGE),
                P.PRINT_LABEL,
            }
        ),
        Role.REVIEWER: frozenset(
            {
                *(P.VIEW, P.REVIEW_RESULT, P.REPORT_DEVIATION, P.ASSESS_DEVIATION, P.DRAFT_DOCUMENT, P.SUBMIT_DOCUMENT),
                *(P.ISSUE_PRINT, P.READ_AUDIT, P.REVIEW_AUDIT, P.TRAIN, P.WATCH, P.ACKNOWLEDGE),
            }
        ),
        Role.RELEASER: frozenset(
            {
                *(P.VIEW, P.RELEASE_BATCH, P.REJECT_BATCH, P.HOLD_BATCH, P.REPORT_DEVIATION, P.READ_AUDIT),
                *(P.DISPATCH_BATCH, P.PRINT_LABEL, P.WATCH, P.ACKNOWLEDGE),
            }
        ),
        Role.QUALITY: frozenset(
            {
                *(P.VIEW, P.ACCEPT_LOT, P.INVESTIGATE, P.HOLD_BATCH, P.REJECT_BATCH),
                *(P.REPORT_DEVIATION, P.ASSESS_DEVIATION, P.ASSESS_CRITICAL_DEVIATION),
                *(P.DRAFT_DOCUMENT, P.APPROVE_DOCUMENT, P.TRAIN, P.READ_AUDIT, P.REVIEW_SITE_AUDIT),
                *(P.READ_ACCESS, P.REVIEW_ACCESS),
                *(P.SERVE_EQUIPMENT, P.RULE_EQUIPMENT, P.ALLOW_UNCHECKED, P.RESTATE),
                *(P.ISSUE_PRINT, P.PRINT_LABEL, P.STAND_IN, P.WATCH, P.ACKNOWLEDGE),
            }
        ),
        # Sees and answers for alarms, instruments, stock and waste; neither makes a batch nor decides about one.
        Role.RADIATION_SAFETY: frozenset(
            {
                *(P.VIEW, P.KEEP_EQUIPMENT, P.SERVE_EQUIPMENT, P.KEEP_CONTAINERS, P.CLEAR_WASTE),
                *(P.REPORT_DEVIATION, P.PRINT_LABEL, P.WATCH, P.ACKNOWLEDGE),
            }
        ),
        # Independent of record content (FDA Data Integrity Q&A 2018, Q4): no permission over batches or results.
        Role.ADMINISTRATOR: frozenset({P.MANAGE_PEOPLE, P.READ_ACCESS, P.WATCH, P.ACKNOWLEDGE}),
        Role.INSPECTOR: frozenset({P.VIEW, P.READ_AUDIT, P.READ_ACCESS, P.WATCH}),
        # Another system that delivers goods and readings. None of its permissions is one that signs.
        Role.INTEGRATION: frozenset({P.VIEW, P.RECEIVE_LOT, P.KEEP_EQUIPMENT, P.TEST}),
        Role.SYSTEM: frozenset({P.DRAFT_DOCUMENT}),
    }
)


_CALLED = {
    Role.OPERATOR: "an operator",
    Role.VERIFIER: "a verifier",
    Role.ANALYST: "an analyst",
    Role.REVIEWER: "a reviewer",
    Role.RELEASER: "a releaser",
    Role.QUALITY: "quality",
    Role.RADIATION_SAFETY: "radiation safety",
    Role.ADMINISTRATOR: "an administrator",
    Role.INSPECTOR: "an inspector",
}


class HasRoles(Protocol):
    """Whoever acts: a user, or a test's stand-in."""

    @property
    def role_names(self) -> Iterable[str]: ...

    @property
    def is_active(self) -> bool: ...


def permissions_of(person: HasRoles) -> frozenset[Permission]:
    granted: set[Permission] = set()
    for name in person.role_names:
        granted |= _MATRIX[Role(name)]
    limit: frozenset[str] | None = getattr(person, "limited_to", None)
    return frozenset(granted if limit is None else granted & limit)


def may(person: HasRoles, permission: Permission) -> bool:
    """Deny by default: only an active person with a role that lists the permission may."""
    return person.is_active and permission in permissions_of(person)


def require(person: HasRoles, permission: Permission) -> None:
    if not may(person, permission):
        if getattr(person, "limited_to", None) is not None:
            raise PermissionRefused(
                f"Through this token, with its scopes and your role, you may not {permission.value}.",
                permission=permission.name.lower(),
            )
        roles = ", ".join(person.role_names) or "no role"
        raise PermissionRefused(
            f"Your role ({roles}) may not {permission.value}. {who_may(permission)}",
            permission=permission.name.lower(),
        )


def roles_with(permission: Permission) -> tuple[Role, ...]:
    """The roles to ask for what `permission` allows."""
    return tuple(role for role, granted in _MATRIX.items() if permission in granted)


def who_may(permission: Permission) -> str:
    """Whom to ask: `A releaser or quality may.`; without the machines that hold the permission too."""
    words = [_CALLED[role] for role in roles_with(permission) if role in _CALLED]
    named = " or ".join((", ".join(words[:-1]), words[-1]) if words[1:] else words)
    return f"{named[:1].upper()}{named[1:]} may." if named else ""


def acting_role(person: HasRoles, permission: Permission) -> str:
    """The role under which this person does what `permission` allows, as a signature shows it."""
    return next((name for name in person.role_names if permission in _MATRIX[Role(name)]), "")
