"""An unbroken sequence of signatures: the first one takes all factors, the next ones the password (11.200(a)(1)).

It begins when a signature is written; an attempt that was refused, with whatever code, begins none.
It holds for one person at one seat and address. Ten minutes without a signature break it, and so do a time-out, a
sign-out and a new sign-in (they change the seat), a changed role, a changed password or a revoked factor. Another
person who signs at the same seat has a sequence of their own and breaks none.
"""

from __future__ import annotations

from datetime import timedelta

from django.utils import timezone

from lims.accounts.actors import Actor
from lims.accounts.models import Secret, SigningSequence, User

WINDOW = timedelta(minutes=10)


def is_unbroken(actor: Actor, user: User) -> bool:
    """Whether `user`'s password alone signs where `actor` sits."""
    if not actor.seat:
        return False
    return SigningSequence.objects.filter(
        user=user,
        seat=actor.seat,
        address=actor.address,
        roles=sorted(user.role_names),
        generation=_generation(user),
        last_at__gt=timezone.now() - WINDOW,
    ).exists()


def carry_on(actor: Actor, user: User) -> None:
    """Begin the sequence, or go on with it, in the transaction that writes a signature: the window runs from there."""
    if not actor.seat:
        return
    now = timezone.now()
    state = {
        "address": actor.address,
        "roles": sorted(user.role_names),
        "generation": _generation(user),
        "last_at": now,
    }
    SigningSequence.objects.update_or_create(user=user, seat=actor.seat, defaults=state)
    SigningSequence.objects.filter(user=user, last_at__lt=now - timedelta(days=1)).delete()


def _generation(user: User) -> int:
    return Secret.objects.values_list("generation", flat=True).get(user=user)
