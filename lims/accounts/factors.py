"""The second factor: one-time codes of an authenticator (RFC 6238), and recovery codes for when it is lost."""

from __future__ import annotations

import base64
import hashlib
import secrets
from enum import StrEnum
from functools import cache

import pyotp
from cryptography.fernet import Fernet
from django.conf import settings
from django.contrib.postgres.fields.array import ArrayField
from django.db.models import F, Func, Value
from django.utils import timezone
from django.utils.crypto import constant_time_compare, salted_hmac

from lims.accounts.models import Factor, User

STEP_SECONDS = 30
DRIFT_STEPS = 1
RECOVERY_CODES = 10


class Answer(StrEnum):
    RIGHT = "right"
    WRONG = "otp_wrong"
    USED = "otp_used"


def new_secret() -> str:
    return pyotp.random_base32()


def make_factor(user: User, secret: str, *, confirmed: bool = False) -> Factor:
    """Replace whatever factor the user had."""
    defaults: dict[str, object] = {
        "sealed": _cipher().encrypt(secret.encode()).decode(),
        "confirmed_at": timezone.now() if confirmed else None,
        "last_step": 0,
        "recovery": [],
    }
    return Factor.objects.update_or_create(user=user, defaults=defaults)[0]


def secret_of(factor: Factor) -> str:
    return _cipher().decrypt(factor.sealed.encode()).decode()


def confirmed_factor(user: User) -> Factor | None:
    return Factor.objects.filter(user=user).exclude(confirmed_at=None).first()


def address_for_authenticator(user: User, factor: Factor) -> str:
    """The otpauth: address that an authenticator reads from a QR code."""
    return pyotp.TOTP(secret_of(factor)).provisioning_uri(name=user.username, issuer_name=settings.SITE_NAME)


def use_code(factor: Factor, code: str) -> Answer:
    """Take a code, once. Of two requests with the same code at the same time, one is told that it was used."""
    typed = "".join(code.split())
    now = int(timezone.now().timestamp()) // STEP_SECONDS
    totp = pyotp.TOTP(secret_of(factor))
    steps = range(now - DRIFT_STEPS, now + DRIFT_STEPS + 1)
    matching = [step for step in steps if constant_time_compare(totp.generate_otp(step), typed)]
    if not matching:
        return Answer.WRONG
    # The database decides which of two comes first: compare and swap.
    step = matching[-1]
    taken = Factor.objects.filter(pk=factor.pk, sealed=factor.sealed, last_step__lt=step).update(last_step=step)
    return Answer.RIGHT if taken else Answer.USED


def is_recovery_code(typed: str) -> bool:
    return len("".join(typed.split()).replace("-", "")) > 8


def new_recovery_codes(factor: Factor) -> list[str]:
    """Fresh codes, shown once; the earlier ones are void."""
    codes = [base64.b32encode(secrets.token_bytes(10)).decode().lower() for _ in range(RECOVERY_CODES)]
    Factor.objects.filter(pk=factor.pk).update(recovery=[_digest(code) for code in codes])
    return ["-".join(code[i : i + 4] for i in range(0, 16, 4)) for code in codes]


def use_recovery_code(factor: Factor, typed: str) -> bool:
    digest = _digest("".join(typed.split()).replace("-", "").lower())
    field: ArrayField = Factor._meta.get_field("recovery")
    rest = Func(F("recovery"), Value(digest), function="array_remove", output_field=field)
    return Factor.objects.filter(pk=factor.pk, recovery__contains=[digest]).update(recovery=rest) == 1


def _digest(code: str) -> str:
    return salted_hmac("lims.accounts.recovery", code, algorithm="sha256", secret=settings.FACTOR_KEY).hexdigest()


@cache
def _cipher() -> Fernet:
    key = hashlib.sha256(b"lims.accounts.factor\0" + settings.FACTOR_KEY.encode()).digest()
    return Fernet(base64.urlsafe_b64encode(key))
