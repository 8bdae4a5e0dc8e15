"""Security keys (WebAuthn level 2): what they are asked, and whether an answer is theirs.

A key proves that its owner holds it, as a one-time code does: it stands beside the password and never for it. A
challenge is kept here, not in the browser. It is good for two minutes, for one answer, and for the session, person,
act and address of the site that it was given to.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.utils.crypto import salted_hmac
from webauthn import (
    generate_authentication_options,
    generate_registration_options,
    options_to_json,
    verify_authentication_response,
    verify_registration_response,
)
from webauthn.helpers import base64url_to_bytes, bytes_to_base64url, parse_client_data_json
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)
from webauthn.registration.verify_registration_response import VerifiedRegistration

from lims.accounts.models import KeyChallenge, SecurityKey, SecurityKeyUse, User
from lims.parsing import keepable

LIFETIME = timedelta(minutes=2)
MILLISECONDS = int(LIFETIME.total_seconds() * 1000)
LONGEST = 20_000  # characters of an answer; one without a certificate has some 1000


class KeyAnswer(StrEnum):
    RIGHT = "right"
    WRONG = "key_wrong"
    USED = "key_used"
    COUNTED_BACK = "key_counted_back"


class Use(StrEnum):
    """What a challenge is good for: an answer for one act counts for no other."""

    SIGN_IN = "sign_in"
    SIGN = "sign"
    ADD = "add"
    CONFIRM = "confirm"


@dataclass(frozen=True, slots=True)
class Asked:
    """Who is asked, where they sit, and the address of the site in their browser."""

    username: str
    seat: str
    origin: str


@dataclass(frozen=True, slots=True)
class Given:
    """What a browser brought: the key and the challenge that it names, nothing of it proven yet."""

    content: dict[str, Any]
    key: str
    challenge: str


def living_keys(user: User) -> list[SecurityKey]:
    """Those that count: confirmed, and not revoked."""
    return list(SecurityKey.objects.filter(user=user, revoked_at=None).exclude(confirmed_at=None).order_by("pk"))


def ask(asked: Asked, use: Use) -> str:
    """Options for `navigator.credentials.get()`, as JSON. A name without a key is answered like one with a key."""
    user = User.objects.filter(username__iexact=asked.username, is_active=True).first()
    names = [key.credential for key in living_keys(user)] if user is not None else []
    return _request(asked, use, names or [_nobodys(asked.username)])


def ask_to_confirm(asked: Asked, key: SecurityKey) -> str:
    """Options for the first touch of a key that does not count yet."""
    return _request(asked, Use.CONFIRM, [key.credential])


def ask_to_add(asked: Asked, user: User) -> str:
    """Options for `navigator.credentials.create()`. The key keeps no name of its own and asks for no PIN."""
    known = SecurityKey.objects.filter(user=user, revoked_at=None).values_list("credential", flat=True)
    options = generate_registration_options(
        rp_id=settings.KEY_HOST,
        rp_name=settings.SITE_NAME,
        user_id=salted_hmac("lims.accounts.keys.user", str(user.pk), algorithm="sha256").digest(),
        user_name=user.username,
        user_display_name=user.full_name,
        timeout=MILLISECONDS,
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.DISCOURAGED, user_verification=UserVerificationRequirement.DISCOURAGED
        ),
        exclude_credentials=_described(known),
    )
    _keep(asked, Use.ADD, options.challenge)
    return options_to_json(options)


def verified_registration(asked: Asked, answer: str) -> VerifiedRegistration | None:
    """The new key of an answer to `ask_to_add`, or None where it is not one."""
    given = _read(answer)
    challenge = given and _taken(given.challenge, asked, Use.ADD)
    if not given or not challenge:
        return None
    try:
        return verify_registration_response(
            credential=given.content,
            expected_challenge=base64url_to_bytes(challenge.challenge),
            expected_rp_id=settings.KEY_HOST,
            expected_origin=challenge.origin,
        )
    except Exception:  # a stranger's bytes: in whatever way the libraries stumble over them, it is no key
        return None


def use_key(user: User, answer: str, *, seat: str, use: Use) -> KeyAnswer:
    """Take an answer of one of `user`'s keys, once; for `Use.CONFIRM`, of one that does not count yet."""
    given = _read(answer)
    if given is None:
        return KeyAnswer.WRONG
    challenge = _taken(given.challenge, Asked(user.username, seat, ""), use)
    if challenge is None:
        return KeyAnswer.USED
    unconfirmed = use is Use.CONFIRM
    mine = SecurityKey.objects.filter(user=user, revoked_at=None, confirmed_at__isnull=unconfirmed)
    key = mine.filter(credential=given.key).first()
    if key is None:
        return KeyAnswer.WRONG
    try:
        verified = verify_authentication_response(
            credential=given.content,
            expected_challenge=base64url_to_bytes(challenge.challenge),
            expected_rp_id=settings.KEY_HOST,
            expected_origin=challenge.origin,
            credential_public_key=bytes(key.public_key),
            credential_current_sign_count=0,  # compared below, where two answers at once cannot both be the next
        )
    except Exception:  # as above
        return KeyAnswer.WRONG
    return KeyAnswer.RIGHT if _counted(key, verified.new_sign_count) else KeyAnswer.COUNTED_BACK


def _counted(key: SecurityKey, count: int) -> bool:
    """Whether the key counted on. One that does not count says nought each time (WebAuthn 6.1.1)."""
    uses = SecurityKeyUse.objects.filter(key=key)
    before = uses.filter(sign_count=0) if count == 0 else uses.filter(sign_count__lt=count)
    return before.update(sign_count=count, used_at=timezone.now()) == 1


def _request(asked: Asked, use: Use, names: list[str]) -> str:
    options = generate_authentication_options(
        rp_id=settings.KEY_HOST,
        timeout=MILLISECONDS,
        allow_credentials=_described(names),
        user_verification=UserVerificationRequirement.DISCOURAGED,
    )
    _keep(asked, use, options.challenge)
    return options_to_json(options)


def _keep(asked: Asked, use: Use, challenge: bytes) -> None:
    KeyChallenge.objects.filter(at__lt=timezone.now() - LIFETIME).delete()
    KeyChallenge.objects.create(
        challenge=bytes_to_base64url(challenge),
        use=use,
        username=asked.username.lower()[:150],
        seat=asked.seat,
        origin=asked.origin,
        at=timezone.now(),
    )


def _taken(named: str, asked: Asked, use: Use) -> KeyChallenge | None:
    """The challenge of that name, which is good no more from now on; None for one that was not for this."""
    with transaction.atomic():
        found = KeyChallenge.objects.select_for_update().filter(challenge=named).first()
        if found is None:
            return None
        found.delete()
    meant = (found.use, found.username, found.seat) == (use, asked.username.lower()[:150], asked.seat)
    return found if meant and asked.seat and found.at > timezone.now() - LIFETIME else None


def _read(answer: str) -> Given | None:
    """The answer taken apart, or None for what is none; nothing a stranger types gets further than here unread."""
    try:
        content = json.loads(answer) if len(answer) <= LONGEST else {}
        said = parse_client_data_json(base64url_to_bytes(content["response"]["clientDataJSON"]))
        given = Given(content, content["id"], bytes_to_base64url(said.challenge))
        return given if keepable(given.key) else None
    except Exception:  # as above
        return None


def _described(names: Iterable[str]) -> list[PublicKeyCredentialDescriptor]:
    return [PublicKeyCredentialDescriptor(id=base64url_to_bytes(name)) for name in names]


def _nobodys(username: str) -> str:
    """The name of a key that does not exist, the same for a username each time: whoever guesses names learns none."""
    word = salted_hmac("lims.accounts.keys.nobody", username.lower(), algorithm="sha512", secret=settings.FACTOR_KEY)
    return bytes_to_base64url(hashlib.sha512(word.digest()).digest())
