"""JSON as this interface takes it: no text that a database cannot keep, no nesting without end, no digit lost."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from rest_framework.exceptions import ParseError
from rest_framework.parsers import BaseParser

DEEPEST = 30
LARGEST_BODY = 2 * 1024 * 1024  # bytes; five hundred entries are a tenth of it


class LiteralFloat(float):
    """A number that remembers how it was written: 56.10 stays 56.10 where it is kept as typed."""

    literal: str

    def __new__(cls, text: str) -> LiteralFloat:
        number = super().__new__(cls, text)
        number.literal = text
        return number


class StrictJSONParser(BaseParser):
    media_type = "application/json"

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Mapping[str, Any] | None = None) -> Any:
        try:
            body = stream.read(LARGEST_BODY + 1)
            if len(body) > LARGEST_BODY:
                raise ParseError(f"The body is longer than {LARGEST_BODY // 1024**2} MB.")
            text = body.decode("utf-8")
            data = json.loads(
                text, parse_float=LiteralFloat, parse_constant=_refuse_constant, object_pairs_hook=_refuse_twice
            )
        except UnicodeDecodeError:
            raise ParseError("The body is not UTF-8.") from None
        except RecursionError:
            raise ParseError("The body is nested deeper than anything that is asked for here.") from None
        except ValueError as fault:
            raise ParseError(f"The body is not JSON: {fault}.") from None
        _check(data, 0)
        return data


def _refuse_constant(name: str) -> float:
    raise ValueError(f"{name} is not a number that JSON knows")


def _refuse_twice(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    known = dict(pairs)
    if len(known) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the key “{twice[:60]}” stands twice")
    return known


def _check(value: Any, depth: int) -> None:
    if depth > DEEPEST:
        raise ParseError("The body is nested deeper than anything that is asked for here.")
    if isinstance(value, str) and not keepable(value):
        raise ParseError("A text holds a character that no record can keep (NUL, or half of a surrogate pair).")
    if isinstance(value, dict):
        for key, item in value.items():
            _check(key, depth)
            _check(item, depth + 1)
    elif isinstance(value, list):
        for item in value:
            _check(item, depth + 1)


def keepable(text: str) -> bool:
    """PostgreSQL keeps no NUL, and UTF-8 has no lone surrogate."""
    return "\x00" not in text and not any("\ud800" <= character <= "\udfff" for character in text)
