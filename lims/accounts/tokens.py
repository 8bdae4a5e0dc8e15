"""Bearer tokens of the REST interface."""

from __future__ import annotations

import hashlib
import secrets
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import F
from django.utils import timezone
from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from lims.accounts import access
from lims.accounts.duties import duty_of
from lims.accounts.models import AccessEvent, Secret, Token, User
from lims.accounts.sign_in import prove
from lims.errors import SignInRefused

LIFETIME = timedelta(hours=12)
REFUSED = "The token is unknown, has expired, or its owner's account is closed. Sign in again."


def issue_token(*, username: str, password: str, otp: str, address: str) -> tuple[User, str, datetime]:
    """A new token for the owner of these factors; it is shown once and only its digest is kept."""
    user = prove(username=username, password=password, otp=otp, address=address)
    if duty := duty_of(user):
        code, sentence, _ = duty
        raise SignInRefused(f"{sentence} The pages show how.", code=code)
    text = secrets.token_urlsafe(32)
    expires_at = timezone.now() + LIFETIME
    with transaction.atomic():  # the database refuses a token that the access log does not tell of
        access.note(AccessEvent.Kind.TOKEN_ISSUED, username=user.username, user=user, address=address)
        Token.objects.create(user=user, sha256=_digest(text), expires_at=expires_at)
    return user, text, expires_at


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
        token = (
            Token.objects.select_related("user")
            .filter(sha256=_digest(text.decode("latin-1").strip()), revoked_at=None, expires_at__gt=timezone.now())
            .first()
        )
        if token is None or not token.user.is_active:
            raise AuthenticationFailed(REFUSED)
        return token.user, token

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
