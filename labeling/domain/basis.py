"""What the numbers of a document stand on: a source that it names, or nothing, which leaves them to the site.

Wherever a document states a limit, a time or an expiry it may say `basis`, a publication in words. A number without one
is a default: somebody proposed it, no source supports it, and the site sets its own before it approves the document.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from labeling.domain.documents import Mapping, Node, Scalar, Sequence, read_document

STATED = ("min", "max", "min_minutes", "max_minutes", "hours", "start_within_hours", "days")


@dataclass(frozen=True, slots=True)
class StatedNumber:
    """One number of a document: where it stands, as it is written, and what supports it."""

    place: str  # the keys that lead to it: `incubate.timer.max_minutes`
    line: int
    text: str
    basis: str  # blank: a default, to be set by the site

    @property
    def is_default(self) -> bool:
        return not self.basis


def stated_numbers(text: str) -> tuple[StatedNumber, ...]:
    """Every limit, time and expiry that a protocol or specification states, in the order of the document."""
    return tuple(_within(read_document(text), ()))


def _within(node: Node, path: tuple[str, ...]) -> Iterator[StatedNumber]:
    if isinstance(node, Sequence):
        for item in node.items:
            yield from _within(item, path)
    if not isinstance(node, Mapping):
        return
    own = _text(node, "key")
    path = (*path, own) if own else path
    for key, item in node.items.items():
        if key in STATED and isinstance(item, Scalar) and item.text:
            yield StatedNumber(".".join((*path, key)), item.line, item.text, _text(node, "basis"))
        else:
            yield from _within(item, (*path, key))


def _text(node: Mapping, key: str) -> str:
    item = node.items.get(key)
    return item.text or "" if isinstance(item, Scalar) else ""
