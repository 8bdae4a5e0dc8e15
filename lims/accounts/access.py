"""The access log, and the lock that too many failures close. Only an administrator opens it again."""

from __future__ import annotations

from django.db.models import F
from django.utils import timezone

from lims.accounts.actors import Actor
from lims.accounts.models import AccessEvent, Secret, User

FAILURES = 5


def note(
    kind: AccessEvent.Kind, *, username: str, user: User | None, address: str, purpose: str = "", why: str = ""
) -> None:
    AccessEvent.objects.create(
        kind=kind, username=username[:150], user=user, purpose=purpose[:64], address=address, why=why[:40]
    )


def signing_refused(actor: Actor, *, why: str, subject: str = "") -> None:
    """Keep that somebody who proved who they are was not let sign. Outside the transaction that is rolled back."""
    note(
        AccessEvent.Kind.SIGNING_REFUSED,
        username=actor.user.username,
        user=actor.user,
        purpose=f"{actor.signing} {subject}".rstrip(),
        address=actor.address,
        why=why,
    )


def is_locked(user: User) -> bool:
    return Secret.objects.filter(user=user).exclude(locked_at=None).exists()


def failed(user: User, *, address: str) -> None:
    """Count a wrong password or code, of signing in and of signing together; the fifth locks the account."""
    mine = Secret.objects.filter(user=user)
    mine.update(failures=F("failures") + 1)
    if mine.filter(failures__gte=FAILURES).exists():
        lock(user, address=address)


def lock(user: User, *, address: str) -> None:
    """Close the account until an administrator opens it; the line in the log raises an alarm, once."""
    if Secret.objects.filter(user=user, locked_at=None).update(locked_at=timezone.now()):
        note(AccessEvent.Kind.LOCKED, username=user.username, user=user, address=address)


def succeeded(user: User) -> None:
    Secret.objects.filter(user=user).exclude(failures=0).update(failures=0)


def unlock(user: User) -> bool:
    """For the audited operation of an administrator alone. There is no timed unlock."""
    return Secret.objects.filter(user=user).exclude(locked_at=None).update(failures=0, locked_at=None) == 1
