"""People and the access log as JSON, for pages and REST alike."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from django.db.models import Q, QuerySet

from lims.accounts.attestation import identity_is_checked
from lims.accounts.factors import confirmed_factor
from lims.accounts.models import AccessEvent, IdentityCheck, Secret, SecurityKey, User
from lims.accounts.roles import Role
from lims.accounts.statement import has_accepted
from lims.audit.models import Operation
from lims.errors import InvalidInput, NotFound


def people() -> QuerySet[User]:
    return User.objects.exclude(roles=[Role.SYSTEM.value]).select_related("secret", "factor")


def find_person(username: str) -> User:
    user = people().filter(username__iexact=username).first()
    if user is None:
        raise NotFound(f"There is nobody with the username {username}.")
    return user


def summary_of(user: User) -> dict[str, Any]:
    secret = getattr(user, "secret", None)
    factor = getattr(user, "factor", None)
    locked_at = secret.locked_at if isinstance(secret, Secret) else None
    return {
        "username": user.username,
        "full_name": user.full_name,
        "roles": list(user.role_names),
        "active": user.is_active,
        "enrolled_at": user.enrolled_at.isoformat(),
        "locked_at": locked_at.isoformat() if locked_at else None,
        "password_change_required": bool(secret and secret.must_change),
        "second_factor": bool(factor and factor.confirmed_at),
    }


def document_of(user: User) -> dict[str, Any]:
    """A person with who granted what, when and why, and whether anything keeps them from signing."""
    checks = IdentityCheck.objects.filter(user=user).select_related("checked_by").order_by("pk")
    upkeep = Operation.objects.filter(subject=user.username, action__startswith="person.").select_related("actor")
    return summary_of(user) | {
        "identity_checks": [
            {"how": check.how, "checked_by": _person(check.checked_by), "at": check.at.isoformat()} for check in checks
        ],
        "security_keys": [_key_row(key) for key in keys_of(user)],
        "statement_accepted": has_accepted(user),
        "identity_checked": identity_is_checked(user),
        "may_sign": all((user.is_active, identity_is_checked(user), has_accepted(user), confirmed_factor(user))),
        "history": [
            {
                "action": operation.action,
                "actor": _person(operation.actor),
                "at": operation.at.isoformat(),
                "reason": operation.reason,
            }
            for operation in upkeep.order_by("-pk")
        ],
    }


def access_events(query: Mapping[str, str]) -> QuerySet[AccessEvent]:
    """The access log, filtered by `kind`, `username`, `address`, `from` and `to` (instants)."""
    wanted = Q()
    if query.get("kind") in AccessEvent.Kind.values:
        wanted &= Q(kind=query["kind"])
    for key in ("username", "address"):
        if text := query.get(key, "").strip():
            wanted &= Q(**{f"{key}__icontains": text})
    for key, comparison in (("from", "gte"), ("to", "lt")):
        if text := query.get(key, "").strip():
            wanted &= Q(**{f"at__{comparison}": _instant(key, text)})
    return AccessEvent.objects.filter(wanted).select_related("user")


def access_row(event: AccessEvent) -> dict[str, Any]:
    return {
        "id": event.pk,
        "at": event.at.isoformat(),
        "kind": event.kind,
        "kind_label": AccessEvent.Kind(event.kind).label,
        "username": event.username,
        "full_name": event.user.full_name if event.user else None,
        "purpose": event.purpose,
        "why": event.why,
        "address": event.address,
    }


def _instant(key: str, text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
        moment.astimezone(UTC)
    except (ValueError, OverflowError):
        moment = None
    if moment is None or moment.tzinfo is None:
        raise InvalidInput(f"“{text}” is not an instant with its offset.", code="naive_time", field=key)
    return moment


def keys_of(user: User) -> QuerySet[SecurityKey]:
    """All that they ever had."""
    return SecurityKey.objects.filter(user=user).select_related("use").order_by("pk")


def _key_row(key: SecurityKey) -> dict[str, Any]:
    moments = {name: getattr(key, name) for name in ("added_at", "confirmed_at", "revoked_at")}
    moments["used_at"] = key.use.used_at
    return {"id": key.pk, "name": key.name} | {name: at.isoformat() if at else None for name, at in moments.items()}


def _person(user: User) -> dict[str, str]:
    return {"username": user.username, "full_name": user.full_name}
