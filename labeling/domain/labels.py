"""Printed labels: the closed list of sizes, and which letters let everything that a label must say fit on it.

Nothing is cut off: what may be left out goes whole, in the order of the least needed; what may not and does not fit is
a refusal. Lengths are in mm, letters in points.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from lims.errors import InvalidInput

MM_PER_POINT = 25.4 / 72
LEADING = 1.13
LETTERS = (7.5, 7.0, 6.5, 6.0, 5.5, 5.0, 4.5)  # the largest that fits is taken; nobody reads smaller ones
WRAPS_BELOW = 6.0
MOST_COPIES = 96
CAUTION_HEIGHT = 5.0
SPACE = 0.24
# The widths of letters in em, rounded up: IBM Plex Sans, the wider of its two weights.
WIDTHS = {
    0.3: "',.ijl",
    0.35: "!():;[]f²³⁴⁷₂₃₄",
    0.4: "rt{|}⁰¹⁵⁶⁸⁹₀₁",
    0.45: "-/I\\",
    0.5: '"?s°',
    0.55: "JLcgvxyz",
    0.6: "$*+0123456789<=>EFTZ^_`abdehknopqu~±µ×–",
    0.65: "CPSVY",
    0.7: "ABDKRUX",
    0.75: "#&GHNOQ",
    0.85: "Mw",
}
ADVANCE = {letter: width for width, letters in WIDTHS.items() for letter in letters}
WIDEST = 1.0
WORDS = re.compile(r"( ?)((?:[^ -]|-(?![A-Za-z]))+-?|-)")  # rows break at spaces, and after a hyphen before a letter


class LabelKind(StrEnum):
    LOT = "lot"
    INSTRUMENT = "instrument"
    CONTAINER = "container"
    BATCH = "batch"
    DOSE = "dose"


class LabelSize(StrEnum):
    VIAL = "50x25"
    SYRINGE = "25x25"
    BOTTLE = "62x29"
    SHEET = "a4"


@dataclass(frozen=True, slots=True)
class Place:
    """Where one label lies on its page, from the upper left."""

    left: float
    top: float


@dataclass(frozen=True, slots=True)
class Shape:
    """One label, and how many of them lie across and down a page.

    The text stands beside the code, and the sign of radiation below the code; where it is `stacked`, the sign stands
    beside the code and the text below both, as soon as there is room.
    """

    title: str
    width: float
    height: float
    qr: float
    page: tuple[float, float]
    across: int = 1
    down: int = 1
    margin: float = 1.5
    gap: float = 1.3
    stacked: bool = False

    @property
    def aside(self) -> float:
        """Where the text begins, from the left."""
        return self.margin + self.qr + self.gap

    @property
    def caution_at(self) -> Place:
        return Place(self.aside, self.margin) if self.stacked else Place(self.margin, self.aside - 0.4)

    def text_width(self, down: float) -> float:
        """How wide a row is that begins `down` below the margin."""
        full = self.width - 2 * self.margin
        return full if self.stacked and down >= self.qr + self.gap else full - self.qr - self.gap

    def text_begins(self, *, caution: bool) -> float:
        """How far below the margin."""
        return CAUTION_HEIGHT if self.stacked and caution else 0.0

    @property
    def text_ends(self) -> float:
        return self.height - 2 * self.margin


SHAPES = {
    LabelSize.VIAL: Shape("50 × 25 mm", 50, 25, 14.5, (50, 25)),
    LabelSize.SYRINGE: Shape("25 × 25 mm", 25, 25, 8.5, (25, 25), margin=1.0, gap=0.6, stacked=True),
    LabelSize.BOTTLE: Shape("62 × 29 mm", 62, 29, 18, (62, 29)),
    # 24 labels of 70 × 37 mm, as they are sold; what the sheet leaves over is at its foot.
    LabelSize.SHEET: Shape("A4 sheet of 24", 70, 37, 20, (210, 297), across=3, down=8, margin=4, gap=2),
}


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a label. `rank` 0 is always there; of the others the highest are left out first.

    `chemical`: the name of a substance or nuclide, in which figures are raised and lowered.
    """

    text: str
    rank: int = 0
    bold: bool = False
    chemical: bool = False


@dataclass(frozen=True, slots=True)
class Fitted:
    points: float
    lines: tuple[Line, ...]


def fitted(lines: Sequence[Line], shape: Shape, *, caution: bool = False) -> Fitted:
    """The largest letters in which all lines fit, rather smaller ones than lines that wrap; in the smallest, the lines
    that may be left out go.

    Raises InvalidInput where even the necessary ones do not fit.
    """
    for whole, sizes in ((True, [points for points in LETTERS if points >= WRAPS_BELOW]), (False, LETTERS)):
        for points in sizes:
            if _fits(lines, shape, points, caution=caution, whole=whole):
                return Fitted(points, tuple(lines))
    kept = list(lines)
    while any(line.rank for line in kept):
        kept.remove(max(reversed(kept), key=lambda line: line.rank))
        if _fits(kept, shape, LETTERS[-1], caution=caution):
            return Fitted(LETTERS[-1], tuple(kept))
    raise InvalidInput(
        f"What this label has to say does not fit on {shape.title}. Choose a larger one.",
        code="label_too_small",
        field="size",
    )


def pages(shape: Shape, copies: int) -> tuple[tuple[Place, ...], ...]:
    """Where the copies lie, page by page. Raises InvalidInput for a number that nobody prints at once."""
    if not 1 <= copies <= MOST_COPIES:
        raise InvalidInput(
            f"{copies} copies cannot be printed at once: 1 to {MOST_COPIES}.", code="out_of_range", field="copies"
        )
    each = shape.across * shape.down
    places = [
        Place(left=n % shape.across * shape.width, top=n % each // shape.across * shape.height) for n in range(copies)
    ]
    return tuple(tuple(places[start : start + each]) for start in range(0, copies, each))


def _fits(lines: Sequence[Line], shape: Shape, points: float, *, caution: bool, whole: bool = False) -> bool:
    """Whether the lines end on the label; `whole`: with none of them wrapped."""
    em = points * MM_PER_POINT
    down = shape.text_begins(caution=caution)
    for line in lines:
        begins = down
        down = _below(line.text, shape, em, down)
        if (
            whole
            and not line.rank
            and down > max(begins, shape.qr + shape.gap if shape.stacked else 0.0) + 1.5 * em * LEADING
        ):
            return False
    return down <= shape.text_ends


def _below(text: str, shape: Shape, em: float, down: float) -> float:
    """Where the next line begins: rows wrap between words, below the code where they are too wide beside it, and
    inside a word that is wider than the label."""
    used = 0.0
    for space, word in WORDS.findall(text):
        wide = sum(ADVANCE.get(letter, WIDEST) for letter in word) * em
        gap = SPACE * em if space and used else 0.0
        if used and used + gap + wide > shape.text_width(down):
            used, gap, down = 0.0, 0.0, down + em * LEADING
        if not used and wide > shape.text_width(down):
            down = max(down, shape.qr + shape.gap) if shape.stacked else down
        used += gap + wide
        while used > (row := shape.text_width(down)):
            used, down = used - row + em, down + em * LEADING
    return down + em * LEADING
