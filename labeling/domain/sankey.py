"""A balance drawn as bands whose widths are its shares: one SVG for the page and for the printed record.

Colors stand in attributes for the paper; the page's style sheet may replace them through the classes. Every band bears
its words, so that color says nothing alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

FONT = 'font-family="Plex, IBM Plex Sans, sans-serif"'  # its name on paper, and on a page
WIDTH = 720
BAR = 12
LEFT, RIGHT = 0, 400
ROW = 40  # room for the two lines of a label
DEEPEST = 240  # of all that came in
TOP = 8
FILLS = {
    "in": "#0a5f70",
    "product": "#0a5f70",
    "waste": "#8a6d1f",
    "residue": "#5b6b7a",
    "sample": "#3f6fb0",
    "decay": "#9aa5a3",
    "unaccounted": "#a3211b",
    "surplus": "#a3211b",
}


@dataclass(frozen=True, slots=True)
class Band:
    """One flow: what it is, its share of all, and its words (a name, and an amount)."""

    part: str
    share: float
    name: str
    amount: str


def sankey(incoming: Sequence[Band], outgoing: Sequence[Band], *, title: str) -> str:
    """The drawing, as SVG text. Shares of either side add up to the same; a negative one is drawn as nothing."""
    whole = max(sum(max(band.share, 0.0) for band in incoming), 1e-9)
    scale = DEEPEST / whole
    thick = [max(band.share, 0.0) * scale for band in outgoing]
    rows = _rows(thick)
    height = (sum(rows[-1]) if rows else DEEPEST) + TOP
    starts = _stacked([max(band.share, 0.0) * scale for band in incoming], height)
    offset, ribbons, ends = starts[0][0] if starts else TOP, [], []
    for band, wide, (top, room) in zip(outgoing, thick, rows, strict=True):
        place = top + (room - wide) / 2
        ribbons.append(_ribbon(band.part, offset, place, wide))
        ends += [_bar(band.part, RIGHT, place, wide), _words(RIGHT, top + room / 2, band)]
        offset += wide
    for band, (top, wide) in zip(incoming, starts, strict=True):
        ends += [_bar(band.part, LEFT, top, wide), _words(LEFT, top + wide / 2, band)]
    box = f'viewBox="0 0 {WIDTH} {height:.0f}" font-size="14" {FONT} role="img"'
    drawn = "".join([f"<title>{escape(title)}</title>", *ribbons, *ends])
    return f'<svg class="sankey" xmlns="http://www.w3.org/2000/svg" {box}>{drawn}</svg>'


def _rows(thicknesses: list[float]) -> list[tuple[float, float]]:
    """Top and room of each row, one under the other."""
    rows, top = [], float(TOP)
    for thick in thicknesses:
        room = max(thick + 6, ROW)
        rows.append((top, room))
        top += room
    return rows


def _stacked(thicknesses: list[float], height: float) -> list[tuple[float, float]]:
    """Top and thickness of each, without gaps, in the middle of the height."""
    top, rows = max((height - sum(thicknesses)) / 2, TOP), []
    for thick in thicknesses:
        rows.append((top, thick))
        top += thick
    return rows


def _ribbon(part: str, from_y: float, to_y: float, thick: float) -> str:
    x0, x1 = LEFT + BAR, RIGHT
    middle = (x0 + x1) / 2
    return (
        f'<path class="band band-{part}" fill="{FILLS[part]}" fill-opacity="0.28" d="'
        f"M{x0} {from_y:.2f}C{middle} {from_y:.2f} {middle} {to_y:.2f} {x1} {to_y:.2f}"
        f"V{to_y + thick:.2f}C{middle} {to_y + thick:.2f} {middle} {from_y + thick:.2f} {x0} {from_y + thick:.2f}Z"
        '"/>'
    )


def _bar(part: str, x: float, y: float, thick: float) -> str:
    size = f'x="{x}" y="{y:.2f}" width="{BAR}" height="{max(thick, 1.5):.2f}"'
    return f'<rect class="bar-{part}" fill="{FILLS[part]}" {size}/>'


def _words(beside: float, y: float, band: Band) -> str:
    """The name and the amount, beside the bar that begins at `beside`."""
    x, weight = beside + BAR + 10, ' font-weight="600"' if band.part in ("product", "in") else ""
    return (
        f'<text class="name" fill="#15201f" x="{x}" y="{y - 2:.1f}"{weight}>{escape(band.name)}</text>'
        f'<text class="amount" fill="#15201f" x="{x}" y="{y + 15:.1f}">{escape(band.amount)}</text>'
    )
