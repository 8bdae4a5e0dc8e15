"""What a token can be limited to: the closed list, and the one place that says which permissions each scope leaves.

A scope takes away and never gives: its owner's roles decide first. A permission that no scope lists is left to tokens
without scopes alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum
from types import MappingProxyType

from lims.accounts.roles import Permission
from lims.errors import InvalidInput


class Scope(StrEnum):
    READ = "read"
    RECORD = "record"
    SIGN = "sign"
    ADMINISTER = "administer"


P = Permission
PERMISSIONS: Mapping[Scope, frozenset[Permission]] = MappingProxyType(
    {
        Scope.READ: frozenset({P.VIEW, P.READ_AUDIT, P.READ_ACCESS, P.WATCH}),
        # Whoever records is answered with the record.
        Scope.RECORD: frozenset(
            {
                *(P.VIEW, P.MAKE_BATCH, P.RECEIVE_LOT, P.KEEP_EQUIPMENT, P.TEST, P.HOLD_BATCH, P.DRAFT_DOCUMENT),
                *(P.KEEP_CONTAINERS, P.REPORT_DEVIATION, P.ISSUE_PRINT, P.PRINT_LABEL, P.WATCH, P.ACKNOWLEDGE),
            }
        ),
        # Acts that take a signature. The scope lets the request through; the factors in it sign, never the token.
        Scope.SIGN: frozenset(
            {
                *(P.VIEW, P.MAKE_BATCH, P.VERIFY, P.ACCEPT_LOT, P.REVIEW_RESULT, P.INVESTIGATE, P.ASSESS_DEVIATION),
                *(P.ASSESS_CRITICAL_DEVIATION, P.RELEASE_BATCH, P.REJECT_BATCH, P.DISPATCH_BATCH),
                *(P.SUBMIT_DOCUMENT, P.APPROVE_DOCUMENT, P.TRAIN, P.CLEAR_WASTE),
                *(P.SERVE_EQUIPMENT, P.RULE_EQUIPMENT, P.ALLOW_UNCHECKED, P.RESTATE, P.STAND_IN),
                *(P.READ_AUDIT, P.REVIEW_AUDIT, P.REVIEW_SITE_AUDIT),  # who signs for a review reads first
                *(P.READ_ACCESS, P.REVIEW_ACCESS),
            }
        ),
        Scope.ADMINISTER: frozenset({P.MANAGE_PEOPLE, P.READ_ACCESS}),
    }
)


def checked_scopes(asked: Iterable[str]) -> list[str]:
    """The scopes asked for, once each. Raises InvalidInput for one that is not in the list."""
    wanted = list(dict.fromkeys(asked))
    for scope in wanted:
        if scope not in set(Scope):
            raise InvalidInput(
                f"There is no scope “{scope}”. There are {', '.join(Scope)}.",
                code="unknown_scope",
                field="scopes",
            )
    return wanted


def permissions_left(scopes: Iterable[str]) -> frozenset[str] | None:
    """What these scopes leave; None, which is everything, where there are none."""
    known = [Scope(scope) for scope in scopes]
    return frozenset().union(*(PERMISSIONS[scope] for scope in known)) if known else None
