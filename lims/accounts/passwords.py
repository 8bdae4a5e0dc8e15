"""What a password may not be: one that leaked somewhere, or one that its owner had before."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import BinaryIO

from django.conf import settings
from django.contrib.auth.hashers import check_password
from django.core.exceptions import ImproperlyConfigured, ValidationError

from lims.accounts.models import EarlierPassword, Secret, User

REMEMBERED = 5
HASH_LENGTH = 40  # SHA-1 in hexadecimal digits
LONGEST_LINE = 128  # bytes; HASH:COUNT has about 50


class NotBreached:
    """Refuses passwords of a list of leaked ones: SHA-1 hashes in order, one `HASH:COUNT` to a line.

    That is the download format of Have I Been Pwned. The file has some 40 GB and is searched where it lies, in about
    thirty-five reads of one line; it is never loaded, and no password leaves this server. Without a file
    (LIMS_BREACHED_PASSWORDS_FILE) only Django's list of common passwords is asked.
    """

    def validate(self, password: str, user: object = None) -> None:
        name = settings.BREACHED_PASSWORDS_FILE
        if name and times_leaked(Path(name), password):
            raise ValidationError(
                "This password is in a list of passwords that leaked elsewhere, where whoever guesses begins; choose "
                "another.",
                code="password_breached",
            )

    def get_help_text(self) -> str:
        return "It is not one that leaked elsewhere."


class NotUsedBefore:
    """Refuses the last passwords of the same person, the present one included."""

    def validate(self, password: str, user: object = None) -> None:
        if not isinstance(user, User) or user.pk is None:
            return
        present = Secret.objects.filter(user=user).values_list("encoded", flat=True)
        earlier = EarlierPassword.objects.filter(user=user).order_by("-pk").values_list("encoded", flat=True)
        if any(check_password(password, encoded) for encoded in [*present, *earlier[: REMEMBERED - 1]]):
            raise ValidationError(
                f"This is one of the last {REMEMBERED} passwords of this account; choose a new one.",
                code="password_used_before",
            )

    def get_help_text(self) -> str:
        return f"It is not one of your last {REMEMBERED}."


def choose_password(user: User, encoded: str) -> None:
    """Store a new password, hashed before any row was locked, and remember the one it replaces.

    Inside the operation of whoever sets it.
    """
    secret = Secret.objects.filter(user=user).first()
    if secret is not None:
        EarlierPassword.objects.create(user=user, encoded=secret.encoded)
        kept = EarlierPassword.objects.filter(user=user).order_by("-pk").values_list("pk", flat=True)[:REMEMBERED]
        EarlierPassword.objects.filter(user=user).exclude(pk__in=list(kept)).delete()
    user.keep_password(encoded)


def times_leaked(path: Path, password: str) -> int:
    """How often the list has this password; 0 where it has not. Raises ImproperlyConfigured for any other file."""
    # SHA-1 is how the list is kept; nothing is protected by it here.
    wanted = hashlib.sha1(password.encode(), usedforsecurity=False).hexdigest().upper().encode()
    try:
        with path.open("rb") as file:
            low, high = 0, path.stat().st_size
            # Lines that begin before `low` come before the hash, those that begin at or after `high` behind it.
            while low < high:
                middle = (low + high) // 2
                found, count, after = _line_from(file, middle)
                if not found or found > wanted:
                    high = middle
                elif found == wanted:
                    return count
                else:
                    low = after
    except OSError as error:
        raise ImproperlyConfigured(
            f"LIMS_BREACHED_PASSWORDS_FILE names {path}, which cannot be read: {error.strerror}."
        ) from error
    return 0


def _line_from(file: BinaryIO, position: int) -> tuple[bytes, int, int]:
    """Hash and count of the first line that begins at or after `position`, and where it ends; b"" behind the last."""
    file.seek(max(position - 1, 0))
    if position:
        file.readline(LONGEST_LINE)  # the rest of a line that began earlier
    line = file.readline(LONGEST_LINE)
    if not line.strip():
        return b"", 0, file.tell()
    digest, colon, count = line.strip().partition(b":")
    if len(digest) != HASH_LENGTH or (colon and not count.isdigit()):
        raise ImproperlyConfigured(
            "LIMS_BREACHED_PASSWORDS_FILE does not hold lines of a SHA-1 hash, a colon and a count, in the order of "
            f"the hashes; one reads {line[:60]!r}."
        )
    return digest.upper(), int(count or 1), file.tell()
