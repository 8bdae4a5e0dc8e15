"""Bearer tokens of the REST interface."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import F, QuerySet
from django.utils import timezone
from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from lims.accounts import access
from lims.accounts.actors import address_of
from lims.accounts.duties import duty_of
from lims.accounts.models import AccessEvent, Secret, Token, User
from lims.accounts.possession import Shown
from lims.accounts.scopes import checked_scopes, permissions_left
from lims.accounts.sign_in import prove
from lims.errors import NotFound, SignInRefused

LIFETIME = timedelta(hours=12)
WRITE_EVERY = timedelta(seconds=20)
REFUSED = "The token is unknown, has expired or was idle too long, or its owner's account is closed. Sign in again."


@dataclass(frozen=True, slots=True)
class Issued:
    """A new token. Its text is shown once; only the digest is kept."""

    row: Token
    text: str = field(repr=False)


def issue_token(*, username: str, password: str, otp: str, address: str, scopes: Sequence[str] = ()) -> Issued:
    """A new token for the owner of these factors, limited to `scopes` where there are any."""
    wanted = checked_scopes(scopes)
    user, factors = prove(username=username, password=password, shown=Shown(otp), address=address)
    if duty := duty_of(user):
        code, sentence, _ = duty
        raise SignInRefused(f"{sentence} The pages show how.", code=code)
    text = secrets.token_urlsafe(32)
    with transaction.atomic():  # the database refuses a token that the access log does not tell of
        access.note(AccessEvent.Kind.TOKEN_ISSUED, username=user.username, user=user, address=address)
        row = Token.objects.create(
            user=user,
            sha256=_digest(text),
            expires_at=timezone.now() + LIFETIME,
            used_at=timezone.now(),
            scopes=wanted,
            factors="+".join(factors),
            address=address,
        )
    return Issued(row, text)


def living() -> QuerySet[Token]:
    """The tokens that still open the door, of all open accounts."""
    now = timezone.now()
    idle = now - timedelta(minutes=settings.IDLE_MINUTES)
    return Token.objects.filter(user__is_active=True, revoked_at=None, expires_at__gt=now, used_at__gte=idle)


def living_tokens(user: User) -> QuerySet[Token]:
    """Those of one person."""
    return living().filter(user=user)


def end_token(*, user: User, token_id: int, address: str) -> None:
    """Sign out of one token, at once. Raises NotFound for one that is not this person's or has ended."""
    if not living_tokens(user).filter(pk=token_id).update(revoked_at=timezone.now()):
        raise NotFound("You have no such token, or it has ended already.")
    access.note(AccessEvent.Kind.TOKEN_ENDED, username=user.username, user=user, address=address, why="signed_out")


def end_every_session(user: User) -> None:
    """At once: sessions, tokens and sequences of signatures."""
    Secret.objects.filter(user=user).update(generation=F("generation") + 1)
    Token.objects.filter(user=user, revoked_at=None).update(revoked_at=timezone.now())


class TokenAuthentication(BaseAuthentication):
    """`Authorization: Bearer TOKEN`. A token opens the door; it never signs."""

    def authenticate(self, request: Request) -> tuple[User, Token] | None:
        scheme, _, text = get_authorization_header(request).partition(b" ")
        if scheme.lower() != b"bearer":
            return None
        digest = _digest(text.decode("latin-1").strip())
        token = Token.objects.select_related("user").filter(sha256=digest, revoked_at=None).first()
        now = timezone.now()
        if token is None or token.expires_at <= now or not token.user.is_active:
            raise AuthenticationFailed(REFUSED)
        idle = now - token.used_at
        if idle > timedelta(minutes=settings.IDLE_MINUTES):
            _end_idle(token, address_of(request))
            raise AuthenticationFailed(REFUSED)
        if idle > WRITE_EVERY:
            Token.objects.filter(pk=token.pk).update(used_at=now)
        token.user.limited_to = permissions_left(token.scopes)
        return token.user, token

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"


def _end_idle(token: Token, address: str) -> None:
    """Note it once: of two requests that come too late, one ends the token."""
    if Token.objects.filter(pk=token.pk, revoked_at=None).update(revoked_at=timezone.now()):
        user = token.user
        access.note(AccessEvent.Kind.TIMED_OUT, username=user.username, user=user, address=address, why="token")


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
