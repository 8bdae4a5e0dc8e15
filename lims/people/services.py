"""Enrol people and close their accounts. An account is deactivated, never deleted, and a username is never reused."""

from __future__ import annotations

from collections.abc import Sequence

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils import timezone

from lims.accounts.actors import Actor
from lims.accounts.models import Token, User
from lims.accounts.roles import Permission, Role, require
from lims.audit.operations import operation
from lims.errors import Conflict, InvalidInput, NotFound


def enroll(*, actor: Actor, username: str, full_name: str, roles: Sequence[str], password: str) -> User:
    """A new person with their roles. Raises Conflict for a username that was ever used, in any case of letters."""
    require(actor.user, Permission.MANAGE_PEOPLE)
    return _add(actor, username, full_name, roles, password)


def enroll_first_administrator(*, actor: Actor, username: str, full_name: str, password: str) -> User:
    """Whoever enrols the others, on a fresh installation. Raises Conflict once there is an active administrator."""
    if User.objects.filter(is_active=True, roles__contains=[Role.ADMINISTRATOR.value]).exists():
        raise Conflict("There is an administrator already, who enrols everybody else.", code="already_exists")
    return _add(actor, username, full_name, [Role.ADMINISTRATOR], password)


def enroll_for_demonstration(
    *, actor: Actor, username: str, full_name: str, roles: Sequence[str], password: str
) -> User:
    """A demo account; the command that calls this refuses to run on a production installation."""
    return _add(actor, username, full_name, roles, password)


def deactivate(*, actor: Actor, username: str, reason: str) -> User:
    """Close an account: its sessions and tokens are refused from this moment on."""
    require(actor.user, Permission.MANAGE_PEOPLE)
    if not reason.strip():
        raise InvalidInput("Say why the account is closed.", code="reason_missing", field="reason")
    with operation(actor=actor, action="person.deactivate", subject=username, reason=reason):
        user = User.objects.select_for_update().filter(username__iexact=username).first()
        if user is None:
            raise NotFound(f"There is nobody with the username {username}.")
        user.is_active = False
        user.save(update_fields=["is_active"])
        Token.objects.filter(user=user, revoked_at=None).update(revoked_at=timezone.now())
        return user


def _add(actor: Actor, username: str, full_name: str, roles: Sequence[str], password: str) -> User:
    unknown = [role for role in roles if role not in set(Role) - {Role.SYSTEM}]
    if unknown or not roles:
        raise InvalidInput(
            f"A person needs roles out of {', '.join(set(Role) - {Role.SYSTEM})}.", code="unknown_role", field="roles"
        )
    user = User(username=username.strip(), full_name=full_name.strip(), roles=[str(role) for role in roles])
    try:
        validate_password(password, user)
    except ValidationError as fault:
        raise InvalidInput(" ".join(fault.messages), code="weak_password", field="password") from None
    with operation(actor=actor, action="person.enroll", subject=user.username):
        try:
            with transaction.atomic():
                user.save(force_insert=True)
        except IntegrityError:
            raise Conflict(
                f"The username {username} was used before; usernames are never reused.",
                code="already_exists",
                field="username",
            ) from None
        user.set_password(password)
        return user
