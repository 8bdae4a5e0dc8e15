"""JSON given on the command line: read so that numbers keep the digits they are written with."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path

from django.core.management.base import CommandError

BAD_INPUT = 2  # the exit status that says: what was given is at fault


def read_json(option: str, text: str, *, numbers_as_text: bool = False) -> object:
    """The value of an option: JSON itself, `@FILE`, or `-` for standard input."""
    try:
        source = _source(text)
    except OSError as error:
        raise CommandError(f"{option}: {error}.", returncode=BAD_INPUT) from None
    number = str if numbers_as_text else Decimal
    try:
        return json.loads(
            source, parse_float=number, parse_int=number, parse_constant=str, object_pairs_hook=_without_duplicates
        )
    except (ValueError, RecursionError) as error:
        raise CommandError(f"{option}: this is not valid JSON ({error}).", returncode=BAD_INPUT) from None


def _source(text: str) -> str:
    if text == "-":
        return sys.stdin.read()
    return Path(text[1:]).read_text(encoding="utf-8") if text.startswith("@") else text


def _without_duplicates(pairs: Sequence[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f'the name "{twice}" is given twice')
    return found
