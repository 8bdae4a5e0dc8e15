"""An actor: a person and the way they came. Services take it as an argument; nothing is kept in a thread."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING

from lims.accounts.models import SYSTEM_USERNAME, Token, User
from lims.addresses import address_of

if TYPE_CHECKING:
    from django.http import HttpRequest
    from rest_framework.request import Request


class Source(StrEnum):
    PAGE = "page"
    REST = "rest"
    TASK = "task"
    COMMAND = "command"


@dataclass(frozen=True, slots=True)
class Actor:
    user: User
    source: Source = Source.COMMAND
    address: str = ""
    # The session or token this comes through; empty where there is none (a command, a task).
    seat: str = ""
    # What they have just proved who they are to sign, such as `step.verify`; empty where nothing is being signed.
    signing: str = ""

    def as_user(self, user: User) -> Actor:
        """Another person at the same workstation: the second person signs without signing anyone out."""
        return replace(self, user=user)


def actor_of(request: HttpRequest | Request) -> Actor:
    """The signed-in person behind a request. Only for views that demand one."""
    user = request.user
    if not isinstance(user, User):
        raise TypeError("actor_of() needs a request of a signed-in person")
    return Actor(user, source_of(request), address_of(request), seat_of(request))


def system_actor(source: Source = Source.COMMAND) -> Actor:
    """The named system user: migrations, imports at first start, workers. It cannot sign in and cannot sign."""
    return Actor(User.objects.get_by_natural_key(SYSTEM_USERNAME), source)


def source_of(request: HttpRequest | Request) -> Source:
    """A page's script sends what is entered there to a REST address, with the session: it still is the page."""
    return Source.REST if isinstance(getattr(request, "auth", None), Token) else Source.PAGE


def seat_of(request: HttpRequest | Request) -> str:
    """What a sequence of signatures is bound to. A new sign-in is a new seat, because it has a new session key."""
    token = getattr(request, "auth", None)
    if isinstance(token, Token):
        return f"token:{token.pk}"
    key = request.session.session_key
    return f"session:{hashlib.sha256(key.encode()).hexdigest()}" if key else ""
