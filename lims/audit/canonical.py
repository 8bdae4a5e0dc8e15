r"""The canonical bytes of a row of the trail: what a leaf of the Merkle tree hashes. `docs/operations/audit-seals.md`.

A row is one line of fields in PostgreSQL's COPY text format, which has not changed since 7.x: fields are parted by a
tab, `\N` is null, control characters and the backslash are escaped. JSON is laid out as jsonb prints it today: keys by
their length and then their bytes, `": "` and `", "`, numbers digit for digit. So the server's own output is canonical
and verifying needs no parsing; should a later PostgreSQL lay JSON out in another way, `canonical_line` brings its
lines back to this form.
"""

from __future__ import annotations

import json
from typing import Any

TABLES = {b"audit_operation": b"o", b"audit_change": b"c"}
ESCAPES = {"\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t", "\v": "\\v", "\\": "\\\\"}
_ESCAPED = str.maketrans(ESCAPES)
_UNESCAPED = {written[1]: meant for meant, written in ESCAPES.items()}
_JSON_STRING = str.maketrans(
    {chr(code): f"\\u{code:04x}" for code in range(0x20)}
    | {"\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t", '"': '\\"', "\\": "\\\\"}
)


class Digits(str):
    """A number of JSON as it was written: a float would lose digits."""

    __slots__ = ()


def canonical_json(text: str) -> str:
    """Any writing of a JSON value in the one layout."""
    return _laid_out(json.loads(text, parse_float=Digits, parse_int=Digits, strict=False))


def _laid_out(value: Any) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case Digits():
            return str(value)
        case str():
            return f'"{value.translate(_JSON_STRING)}"'
        case list():
            return f"[{', '.join(map(_laid_out, value))}]"
        case dict():
            keys = sorted(value, key=lambda key: (len(key.encode()), key.encode()))
            return f"{{{', '.join(f'{_laid_out(key)}: {_laid_out(value[key])}' for key in keys)}}}"
    raise TypeError(f"{value!r} is no JSON")


def line(fields: list[str | None]) -> bytes:
    return "\t".join("\\N" if field is None else field.translate(_ESCAPED) for field in fields).encode()


def fields_of(row: bytes) -> list[str | None]:
    return [None if field == "\\N" else _unescaped(field) for field in row.decode().split("\t")]


def _unescaped(field: str) -> str:
    first, *rest = field.split("\\")
    text, position = [first], 0
    while position < len(rest):
        part = rest[position]
        if part:
            text.append(_UNESCAPED.get(part[0], part[0]) + part[1:])
        else:  # two backslashes: what follows the second is plain
            position += 1
            text.append("\\" + rest[position])
        position += 1
    return "".join(text)


def canonical_line(row: bytes) -> bytes:
    """The same row with its JSON in the canonical layout."""
    fields = fields_of(row)
    if fields[0] == "audit_change":
        fields[-2:] = [None if field is None else canonical_json(field) for field in fields[-2:]]
    return line(fields)


def with_id(row: bytes, number: int) -> bytes:
    """The row as it would read under another id: tells a row that changed places from one that was edited."""
    table, _, rest = row.split(b"\t", 2)
    return b"\t".join((table, str(number).encode(), rest))
