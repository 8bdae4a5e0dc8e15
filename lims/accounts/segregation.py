"""Duties that one account should not hold together. Nothing is refused for it: whoever reviews access decides."""

from __future__ import annotations

from collections.abc import Sequence

from lims.accounts.roles import HasRoles, Permission, Role, permissions_of

P = Permission
# What an administrator may hold beside their own: reading, and answering for alarms.
HARMLESS = frozenset({P.VIEW, P.READ_AUDIT, P.READ_ACCESS, P.WATCH, P.ACKNOWLEDGE})
# Production and quality are independent of each other (EU GMP chapter 2; 21 CFR 211.22).
APART: Sequence[tuple[Permission, Permission, str]] = (
    (P.MAKE_BATCH, P.RELEASE_BATCH, "Makes batches and releases batches."),
    (P.MAKE_BATCH, P.ASSESS_CRITICAL_DEVIATION, "Makes batches and assesses critical deviations."),
)


class _Holder:
    """Somebody with these roles, whatever else holds of them."""

    is_active = True

    def __init__(self, roles: Sequence[str]) -> None:
        self.role_names = roles


def conflicts_of(person: HasRoles) -> list[str]:
    """Each conflict between the duties of an active account, as a sentence; a closed one has none."""
    if not person.is_active:
        return []
    held = permissions_of(person)
    found = [sentence for one, other, sentence in APART if {one, other} <= held]
    # Administrators are independent of record content (FDA Data Integrity Q&A 2018, question 4).
    if P.MANAGE_PEOPLE in held:
        works = [role for role in person.role_names if _works_on_records(role)]
        if works:
            named = ", ".join(role.replace("_", " ") for role in works)
            found.append(f"Administers accounts and works on records as {named}.")
    return found


def _works_on_records(role: str) -> bool:
    return role != Role.ADMINISTRATOR and bool(permissions_of(_Holder([role])) - HARMLESS)
