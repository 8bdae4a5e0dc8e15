"""Two versions of a document side by side: what is different in what they say, then the text line by line."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from difflib import SequenceMatcher
from enum import StrEnum
from functools import lru_cache

from labeling.domain.documents import Mapping, Node, Scalar, Sequence, read_document

NAMES = ("title", "label", "name", "kind")
LIMITS = frozenset({"min", "max", "min minutes", "max minutes", "hours", "days", "start within hours", "accept"})
UNITS = {"min minutes": "min", "max minutes": "min", "hours": "h", "days": "d", "start within hours": "h"}
CONTEXT = 3  # lines alike that stand around a difference


class Change(StrEnum):
    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"
    MOVED = "moved"


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that the two versions say differently, at a place such as steps, Incubate, timer, max minutes."""

    place: tuple[str, ...]
    change: Change
    before: str
    after: str
    unit: str = ""  # of a limit, as the document declares it

    @property
    def moves_limit(self) -> bool:
        """Whether what is met or not met may be different by it."""
        return self.place[-1] in LIMITS if self.place else False


@dataclass(frozen=True, slots=True)
class Line:
    """A line of both texts side by side; `number` 0 where the other text has none here."""

    change: str  # empty where both are alike
    left_number: int
    left: str
    right_number: int
    right: str
    skipped: int = 0  # so many lines are alike here and not shown


@lru_cache(maxsize=32)
def differences(before: str, after: str) -> tuple[Difference, ...]:
    """What two documents say differently, in the order of the newer one. Comments and layout say nothing."""
    return tuple(_of_mappings((), read_document(before), read_document(after)))


def side_by_side(before: str, after: str) -> tuple[Line, ...]:
    left, right = before.splitlines(), after.splitlines()
    lines: list[Line] = []
    for tag, i1, i2, j1, j2 in SequenceMatcher(None, left, right, autojunk=False).get_opcodes():
        if tag == "equal":
            lines += _alike(left, i1, j1, i2 - i1, first=i1 == 0, last=i2 == len(left))
            continue
        for offset in range(max(i2 - i1, j2 - j1)):
            i, j = i1 + offset, j1 + offset
            has_left, has_right = i < i2, j < j2
            change = Change.CHANGED if has_left and has_right else Change.REMOVED if has_left else Change.ADDED
            lines.append(
                Line(
                    change.value,
                    *((i + 1, left[i]) if has_left else (0, "")),
                    *((j + 1, right[j]) if has_right else (0, "")),
                )
            )
    return tuple(lines)


def _alike(left: list[str], i: int, j: int, count: int, *, first: bool, last: bool) -> Iterator[Line]:
    """Lines that are alike: those beside a difference, and a count of the others."""
    head, tail = 0 if first else CONTEXT, 0 if last else CONTEXT
    skipped = count - head - tail
    for offset in range(count):
        if skipped > 1 and head <= offset < count - tail:
            if offset == head:
                yield Line("", 0, "", 0, "", skipped=skipped)
            continue
        yield Line("", i + offset + 1, left[i + offset], j + offset + 1, left[i + offset])


def _of_nodes(place: tuple[str, ...], before: Node | None, after: Node | None) -> Iterator[Difference]:
    if before is None or after is None:
        present = after if before is None else before
        assert present is not None
        change = Change.ADDED if before is None else Change.REMOVED
        said = _said(present)
        yield Difference(place, change, "" if before is None else said, said if before is None else "")
    elif isinstance(before, Mapping) and isinstance(after, Mapping):
        yield from _of_mappings(place, before, after)
    elif isinstance(before, Sequence) and isinstance(after, Sequence):
        yield from _of_sequences(place, before, after)
    elif _said(before) != _said(after):
        yield Difference(place, Change.CHANGED, _said(before), _said(after))


def _of_mappings(place: tuple[str, ...], before: Mapping, after: Mapping) -> Iterator[Difference]:
    for key in dict.fromkeys((*after.items, *before.items)):
        within = place if key == "fields" else (*place, key.replace("_", " "))
        for found in _of_nodes(within, before.items.get(key), after.items.get(key)):
            yield replace(found, unit=found.unit or _unit(found, before, after)) if found.moves_limit else found


def _unit(found: Difference, *sections: Mapping) -> str:
    """The unit that the nearest section around a limit states, both before and after alike."""
    if found.place[-1] in UNITS:
        return UNITS[found.place[-1]]
    stated = [section.items.get("unit") for section in sections]
    said = {node.text or "" for node in stated if isinstance(node, Scalar)}
    unit = said.pop() if len(said) == 1 else ""
    return "" if unit == "1" else unit


def _of_sequences(place: tuple[str, ...], before: Sequence, after: Sequence) -> Iterator[Difference]:
    """Sections by their keys, wherever they stand; lists of texts as one."""
    old, new = _keyed(before), _keyed(after)
    if old is None or new is None:
        if _said(before) != _said(after):
            yield Difference(place, Change.CHANGED, _said(before), _said(after))
        return
    for key in dict.fromkeys((*new, *old)):
        yield from _of_nodes((*place, _name(key, new.get(key), old.get(key))), old.get(key), new.get(key))
    kept_before, kept_after = [k for k in old if k in new], [k for k in new if k in old]
    if kept_before != kept_after:
        orders = (
            ", ".join(_name(key, nodes[key]) for key in kept) for kept, nodes in ((kept_before, old), (kept_after, new))
        )
        yield Difference(place, Change.MOVED, *orders)


def _keyed(sequence: Sequence) -> dict[str, Node] | None:
    keyed: dict[str, Node] = {}
    for item in sequence.items:
        key = item.items.get("key") if isinstance(item, Mapping) else None
        if not isinstance(key, Scalar) or not key.text:
            return None
        keyed[key.text] = item
    return keyed


def _name(key: str, *versions: Node | None) -> str:
    """What the newest version that has this section calls it."""
    for section in versions:
        if not isinstance(section, Mapping):
            continue
        for node in (section.items.get(name) for name in NAMES[:-1]):
            if isinstance(node, Scalar) and node.text:
                return node.text
    return key.replace("_", " ")


def _said(node: Node) -> str:
    """A value in one line: a text as it is, a section by its name and then what it holds."""
    if isinstance(node, Scalar):
        return node.text or ""
    if isinstance(node, Sequence):
        return "; ".join(_said(item) for item in node.items)
    named = [key for key in NAMES if key in node.items]
    rest = [key for key in node.items if key not in (*named, "key")]
    said = [_said(node.items[key]) for key in named]
    said += [f"{key.replace('_', ' ')}: {_said(node.items[key])}" for key in rest]
    return ", ".join(part.removesuffix(".") for part in said if part)
