"""Enrol people and look after their accounts: the administrator's acts, each an operation with its reason.

An account is deactivated, never deleted, and a username is never reused. What changes a secret ends every session and
token of its owner at once.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from django.contrib.auth.hashers import make_password
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils import timezone

from lims.accounts import access
from lims.accounts.actors import Actor
from lims.accounts.factors import make_factor
from lims.accounts.models import Acceptance, Factor, IdentityCheck, Secret, SecurityKey, User
from lims.accounts.passwords import choose_password
from lims.accounts.roles import Permission, Role, require
from lims.accounts.statement import SHA256, VERSION
from lims.accounts.tokens import end_every_session
from lims.audit.operations import operation
from lims.errors import Conflict, InvalidInput, NotFound

DEMO_IDENTITY = "Demo account: nobody stands behind it."
USERNAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]*")
GRANTABLE = tuple(role for role in Role if role is not Role.SYSTEM)


def enroll(*, actor: Actor, username: str, full_name: str, roles: Sequence[str], password: str, identity: str) -> User:
    """A new person with their roles; `identity` says how the actor made sure who this is.

    The password serves for one sign-in, at which it is changed and a second factor is set up. Raises Conflict for a
    username that was ever used, in any case of letters.
    """
    require(actor.user, Permission.MANAGE_PEOPLE)
    return _add(actor, username, full_name, roles, password, identity, must_change=True)


def enroll_first_administrator(
    *, actor: Actor, username: str, full_name: str, password: str, identity: str = "Installed the program."
) -> User:
    """Whoever enrols the others, on a fresh installation. Raises Conflict once there is an active administrator."""
    if User.objects.filter(is_active=True, roles__contains=[Role.ADMINISTRATOR.value]).exists():
        raise Conflict("There is an administrator already, who enrols everybody else.", code="already_exists")
    return _add(actor, username, full_name, [Role.ADMINISTRATOR], password, identity, must_change=False)


def enroll_for_demonstration(
    *, actor: Actor, username: str, full_name: str, roles: Sequence[str], password: str, totp_secret: str
) -> User:
    """A demo account that can work at once; the command that calls this refuses on a production installation."""
    user = _add(actor, username, full_name, roles, password, DEMO_IDENTITY, must_change=False)
    equip_for_demonstration(actor=actor, user=user, totp_secret=totp_secret)
    return user


def equip_for_demonstration(*, actor: Actor, user: User, totp_secret: str) -> None:
    """What a demo account needs to sign, as far as it is not there."""
    with operation(actor=actor, action="person.accept_statement", subject=user.username):
        make_factor(user, totp_secret, confirmed=True)
        end_every_session(user)
        Acceptance.objects.get_or_create(user=user, version=VERSION, sha256=SHA256, defaults={"factors": "demo"})
        IdentityCheck.objects.get_or_create(user=user, defaults={"checked_by": actor.user, "how": DEMO_IDENTITY})


def record_identity_check(*, actor: Actor, username: str, how: str) -> IdentityCheck:
    """Needed again after a second factor was revoked, before its owner can sign."""
    with _upkeep(
        actor, "person.check_identity", username, _said(how, "how", "Say how the identity was checked.")
    ) as user:
        return IdentityCheck.objects.create(user=user, checked_by=actor.user, how=how.strip())


def change_roles(*, actor: Actor, username: str, roles: Sequence[str], reason: str) -> User:
    """Grant and revoke. Raises Conflict where it would leave the site without an administrator."""
    _known(roles)
    with _upkeep(actor, "person.roles", username, _said(reason, "reason", "Say why the roles change.")) as user:
        if Role.ADMINISTRATOR not in roles:
            _refuse_last_administrator(user)
        user.roles = [str(role) for role in roles]
        user.save(update_fields=["roles"])
        return user


def deactivate(*, actor: Actor, username: str, reason: str) -> User:
    """Close an account: its sessions and tokens are refused from this moment on."""
    with _upkeep(
        actor, "person.deactivate", username, _said(reason, "reason", "Say why the account is closed.")
    ) as user:
        _refuse_last_administrator(user)
        user.is_active = False
        user.save(update_fields=["is_active"])
        end_every_session(user)
        return user


def reset_password(*, actor: Actor, username: str, password: str, reason: str) -> User:
    """A password for one sign-in, at which its owner changes it. The second factor stays as it is."""
    reason = _said(reason, "reason", "Say why the password is set anew.")
    check_password_rules(password, _somebody(actor, username))
    encoded = make_password(password)
    with _upkeep(actor, "person.reset_password", username, reason) as user:
        choose_password(user, encoded)
        Secret.objects.filter(user=user).update(must_change=True, changed_at=timezone.now())
        end_every_session(user)
        return user


def revoke_factor(*, actor: Actor, username: str, reason: str) -> User:
    """A lost authenticator: its codes, recovery codes and security keys are void at once. The owner sets up another,
    and signs again only after somebody checked who they are (21 CFR 11.300(c))."""
    with _upkeep(actor, "person.revoke_factor", username, _said(reason, "reason", "Say why it is revoked.")) as user:
        if not Factor.objects.filter(user=user).delete()[0]:
            raise Conflict(f"{user} has no second factor.", code="factor_missing")
        _void_keys(user)
        _void_checks(user)
        end_every_session(user)
        return user


def revoke_keys(*, actor: Actor, username: str, reason: str) -> User:
    """Lost security keys: all are void at once, the authenticator stays. The owner signs again, and adds a key again,
    only after somebody checked who they are."""
    reason = _said(reason, "reason", "Say why they are revoked.")
    with _upkeep(actor, "person.revoke_keys", username, reason) as user:
        if not _void_keys(user):
            raise Conflict(f"{user} has no security key.", code="factor_missing")
        _void_checks(user)
        end_every_session(user)
        return user


def _void_keys(user: User) -> int:
    return SecurityKey.objects.filter(user=user, revoked_at=None).update(revoked_at=timezone.now())


def _void_checks(user: User) -> None:
    newest = IdentityCheck.objects.filter(user=user).order_by("-pk").values_list("pk", flat=True).first()
    Secret.objects.filter(user=user).update(checks_void_to=newest or 0)


def unlock(*, actor: Actor, username: str, reason: str) -> User:
    """After finding out why it was locked; nothing else unlocks an account, and no time does."""
    reason = _said(reason, "reason", "Say what you found out before unlocking.")
    with _upkeep(actor, "person.unlock", username, reason) as user:
        if not access.unlock(user):
            raise Conflict(f"The account of {user} is not locked.", code="not_locked")
        return user


def check_password_rules(password: str, user: User) -> None:
    """Long enough, not a common or leaked one, not made of the person's name, none of their last five."""
    try:
        validate_password(password, user)
    except ValidationError as fault:
        raise InvalidInput(" ".join(fault.messages), code="weak_password", field="password") from None


@contextmanager
def _upkeep(actor: Actor, action: str, username: str, reason: str) -> Iterator[User]:
    """An operation upon the locked row of somebody else's active account."""
    found = _somebody(actor, username)
    with operation(actor=actor, action=action, subject=found.username, reason=reason):
        user = User.objects.select_for_update().get(pk=found.pk)
        if not user.is_active:
            raise Conflict(f"The account of {user} is closed.", code="account_closed")
        if user.pk == actor.user.pk:
            raise Conflict("Nobody administers their own account; another administrator has to.", code="own_account")
        yield user


def _somebody(actor: Actor, username: str) -> User:
    require(actor.user, Permission.MANAGE_PEOPLE)
    found = User.objects.filter(username__iexact=username).first()
    if found is None or not found.roles or found.roles == [Role.SYSTEM.value]:
        raise NotFound(f"There is nobody with the username {username}.")
    return found


def _said(text: str, field: str, sentence: str) -> str:
    if not text.strip():
        raise InvalidInput(sentence, code="reason_missing", field=field)
    return text.strip()


def _refuse_last_administrator(user: User) -> None:
    others = User.objects.filter(is_active=True, roles__contains=[Role.ADMINISTRATOR.value]).exclude(pk=user.pk)
    if Role.ADMINISTRATOR in user.roles and not others.exists():
        raise Conflict("This is the only administrator; enrol another one first.", code="last_administrator")


def _known(roles: Sequence[str]) -> None:
    if not roles or any(role not in GRANTABLE for role in roles):
        raise InvalidInput(f"A person needs roles out of {', '.join(GRANTABLE)}.", code="unknown_role", field="roles")


def _add(
    actor: Actor,
    username: str,
    full_name: str,
    roles: Sequence[str],
    password: str,
    identity: str,
    *,
    must_change: bool,
) -> User:
    _known(roles)
    _said(identity, "identity", "Say how the identity was checked.")
    user = User(username=username.strip(), full_name=full_name.strip(), roles=[str(role) for role in roles])
    if not user.username or not user.full_name:
        raise InvalidInput("A person needs a username and a full name.", code="name_missing", field="username")
    if not USERNAME.fullmatch(user.username) or user.username.lower() == "new":
        raise InvalidInput(
            f"“{username}” cannot be a username: letters, digits and . _ - @ can, without spaces.",
            code="bad_username",
            field="username",
        )
    check_password_rules(password, user)
    encoded = make_password(password)
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
        IdentityCheck.objects.create(user=user, checked_by=actor.user, how=identity.strip())
        user.keep_password(encoded)
        Secret.objects.filter(user=user).update(must_change=must_change)
        return user
