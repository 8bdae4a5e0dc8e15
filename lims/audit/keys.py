"""The key that authenticates sealed blocks. The database does not hold it, so whoever owns the database cannot seal.

It is made on first need and readable by its owner alone. A key that was used before stays beside it, under any other
name that ends in `.key`: the blocks it sealed are verified with it.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from hmac import digest
from pathlib import Path

from django.conf import settings

from lims.errors import DomainError

BYTES = 32


class KeyUnusable(DomainError):
    code = "audit_key_unusable"


@dataclass(frozen=True, slots=True)
class Key:
    secret: bytes

    def __repr__(self) -> str:
        return f"Key({self.name})"

    @property
    def name(self) -> str:
        """What a block says about the key it was sealed with; the key cannot be computed from it."""
        return sha256(b"oxinate audit key\0" + self.secret).hexdigest()[:16]

    def mac(self, content: bytes) -> str:
        return digest(self.secret, content, "sha256").hex()


def key_file() -> Path:
    return Path(settings.AUDIT_KEY_FILE)


def sealing_key(*, may_make: bool) -> Key:
    """The key of this site. A new one is made only for a trail without seals: a lost key must not go unnoticed."""
    path = key_file()
    if not path.exists():
        if not may_make:
            raise KeyUnusable(
                f"The key of the audit trail is not at {path}, and the trail has blocks that were sealed with it. "
                "Put the key back, or put a new one there on purpose."
            )
        _make(path)
    return _read(path)


def known_keys() -> Mapping[str, Key]:
    """Every key that this site seals with or sealed with before, by its name."""
    path = key_file()
    paths = {path, *path.parent.glob("*.key")} if path.exists() else set(path.parent.glob("*.key"))
    return {key.name: key for key in map(_read, sorted(paths))}


def _read(path: Path) -> Key:
    try:
        secret = bytes.fromhex(path.read_text(encoding="ascii"))
    except OSError as error:
        raise KeyUnusable(f"The key of the audit trail, {path}, cannot be read: {error.strerror}.") from error
    except ValueError as error:
        raise KeyUnusable(f"{path} is no key of the audit trail: it must hold 64 hexadecimal digits.") from error
    if len(secret) < BYTES:
        raise KeyUnusable(f"The key in {path} is too short: it must hold 64 hexadecimal digits.")
    return Key(secret)


def _make(path: Path) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile("w", dir=path.parent, prefix=".", suffix=".draft", delete=False) as draft:
        draft.write(secrets.token_hex(BYTES) + "\n")
        draft.flush()
        os.fsync(draft.fileno())
    try:
        with contextlib.suppress(FileExistsError):  # another process was first; then its key is the site's
            os.link(draft.name, path)
    finally:
        Path(draft.name).unlink()
    directory = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
