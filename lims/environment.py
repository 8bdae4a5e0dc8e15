"""The environment variables of the settings, parsed strictly: a value that is not understood stops the start."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, quote, unquote, urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.core.exceptions import ImproperlyConfigured

ACTIVITY_OF_NUCLIDE = re.compile(r"([A-Z][a-z]?-\d{1,3}m?)\s*=\s*(\d+(?:\.\d+)?)\s*([kMGT]?Bq)")
FLAGS = {"1": True, "true": True, "yes": True, "on": True, "0": False, "false": False, "no": False, "off": False}


def text(name: str, default: str = "") -> str:
    """The variable, or the content of the file that NAME_FILE names (a container's secret)."""
    path = os.environ.get(f"{name}_FILE", "")
    if path and not os.environ.get(name):
        try:
            return Path(path).read_text(encoding="utf-8").strip()
        except OSError as error:
            raise ImproperlyConfigured(f"{name}_FILE names {path}, which cannot be read: {error.strerror}.") from error
    return os.environ.get(name, "").strip() or default


def choice(name: str, options: Sequence[str], default: str) -> str:
    value = text(name, default)
    if value not in options:
        raise ImproperlyConfigured(f"{name} is {value!r}; it must be one of {', '.join(options)}.")
    return value


def flag(name: str, *, default: bool) -> bool:
    value = text(name).lower()
    if not value:
        return default
    if value not in FLAGS:
        raise ImproperlyConfigured(f"{name} is {value!r}; it must be 1 or 0.")
    return FLAGS[value]


def whole_number(name: str, default: int) -> int:
    value = text(name)
    if not value:
        return default
    if not value.isascii() or not value.isdigit():
        raise ImproperlyConfigured(f"{name} is {value!r}; it must be a whole number.")
    return int(value)


def names(name: str, default: Sequence[str] = ()) -> list[str]:
    """A list, separated by commas."""
    return [part.strip() for part in text(name).split(",") if part.strip()] or list(default)


def activities(name: str) -> dict[str, str]:
    """An activity for each nuclide: `Zr-89=2 GBq, In-111=500 MBq`."""
    found = {}
    for part in names(name):
        match = ACTIVITY_OF_NUCLIDE.fullmatch(part)
        if match is None:
            raise ImproperlyConfigured(f"{name} holds {part!r}; it must look like Zr-89=2 GBq, In-111=500 MBq.")
        found[match[1]] = f"{match[2]} {match[3]}"
    return found


def time_zone(name: str, default: str) -> str:
    value = text(name, default)
    try:
        ZoneInfo(value)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise ImproperlyConfigured(f"{name} is {value!r}; it must be a time zone such as {default}.") from error
    return value


def server(name: str, default: str) -> str:
    """The URL of a server, with the password of NAME's _PASSWORD variable or file where the URL has none."""
    url = text(name, default)
    password = text(name.replace("_URL", "_PASSWORD"))
    parts = urlsplit(url)
    if not password or parts.password:
        return url
    return parts._replace(netloc=f"{parts.username or ''}:{quote(password, safe='')}@{parts.netloc}").geturl()


def database(name: str, default: str) -> dict[str, Any]:
    """Django's settings of postgresql://role:password@host:port/database?sslmode=require."""
    url = text(name, default)
    parts = urlsplit(url)
    if parts.scheme not in {"postgres", "postgresql"} or not parts.path.strip("/"):
        # The URL holds a password: it is never repeated in a message.
        raise ImproperlyConfigured(f"{name} must look like postgresql://role:password@host:5432/database.")
    try:
        port = parts.port
    except ValueError as error:
        raise ImproperlyConfigured(f"{name} has a port that is not a number.") from error
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": unquote(parts.path.strip("/")),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or "") or text(name.replace("_URL", "_PASSWORD")),
        "HOST": unquote(parts.hostname or ""),
        "PORT": str(port or ""),
        "OPTIONS": dict(parse_qsl(parts.query)),
    }
