"""Where the members of a genealogy stand on a drawing: what went in on the left, what was made of it on the right."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from labeling.selectors.genealogy import Genealogy, Member

MOST_DRAWN = 60
WIDTH, HEIGHT, ACROSS, DOWN = 208, 56, 272, 72
LONGEST_TEXT = 28


@dataclass(frozen=True, slots=True)
class Box:
    member: Member
    x: int
    y: int
    is_root: bool

    @property
    def title(self) -> str:
        return shortened(self.member.number)

    @property
    def line(self) -> str:
        word = self.member.status.replace("_", " ")
        owner = f"for {self.member.identity}" if self.member.is_dose else self.member.kind
        return shortened(f"{owner}, {word}")


@dataclass(frozen=True, slots=True)
class Drawing:
    boxes: tuple[Box, ...]
    lines: tuple[str, ...]  # as SVG path data
    width: int
    height: int


def draw(*parts: Genealogy) -> Drawing | None:
    """All parts around the root they share; None where there is nothing to draw, or too much to be read."""
    members = {key: member for part in parts for key, member in part.members.items()}
    edges = tuple(dict.fromkeys(edge for part in parts for edge in part.edges))
    if not edges or len(members) > MOST_DRAWN:
        return None
    root = parts[0].root
    columns: dict[int, list[Member]] = {}
    for key, level in _levels(root, edges).items():
        columns.setdefault(level, []).append(members[key])
    first, tallest = min(columns), max(len(column) for column in columns.values())
    boxes = [
        Box(member, (level - first) * ACROSS, (2 * place + tallest - len(column)) * DOWN // 2, member.key == root)
        for level, column in sorted(columns.items())
        for place, member in enumerate(sorted(column, key=lambda member: member.number))
    ]
    at = {box.member.key: box for box in boxes}
    lines = tuple(_line(at[source], at[into]) for source, into in edges)
    width = (max(columns) - first) * ACROSS + WIDTH
    return Drawing(tuple(boxes), lines, width + 2, tallest * DOWN - DOWN + HEIGHT + 2)


def _levels(root: str, edges: Iterable[tuple[str, str]]) -> dict[str, int]:
    """The longest way from or to the root, negative before it. Nothing stands on itself, so that this ends."""
    levels = {root: 0}
    moved = True
    while moved:
        moved = False
        for source, into in edges:
            if levels.get(source, -1) >= 0 and levels.get(into, 0) <= levels[source]:
                levels[into], moved = levels[source] + 1, True
            elif levels.get(into, 1) <= 0 and levels.get(source, 1) >= levels[into]:
                levels[source], moved = levels[into] - 1, True
    return levels


def _line(source: Box, into: Box) -> str:
    x1, y1, x2, y2 = source.x + WIDTH, source.y + HEIGHT // 2, into.x, into.y + HEIGHT // 2
    half = (x1 + x2) // 2
    return f"M{x1} {y1}C{half} {y1} {half} {y2} {x2} {y2}"


def shortened(text: str) -> str:
    return text if len(text) <= LONGEST_TEXT else f"{text[: LONGEST_TEXT - 1]}…"
