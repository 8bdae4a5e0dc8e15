"""A balance drawn as bands whose widths are its shares: one SVG for the page and for the printed record.

Colors stand in attributes for the paper; the page's style sheet may replace them through the classes. Every band bears
its words, so that color says nothing alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

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
    right = _rows([max(band.share, 0.0) * scale for band in outgoing], least=ROW)
    height = (right[-1][0] + right[-1][1] if right else DEEPEST) + TOP
    start = _stacked([max(band.share, 0.0) * scale for band in incoming], height)
    parts = [
        f'<svg class="sankey" xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height:.0f}" '
        f'font-size="14" role="img" aria-label="{escape(title)}">'
    ]
    offset = start[0][0] if start else TOP
    for band, (top, room) in zip(outgoing, right, strict=True):
        thick = max(band.share, 0.0) * scale
        parts.append(_ribbon(band.part, offset, top + (room - thick) / 2, thick))
        offset += thick
    for band, (top, thick) in zip(incoming, start, strict=True):
        parts.append(_bar(band.part, LEFT, top, thick))
    for band, (top, room) in zip(outgoing, right, strict=True):
        thick = max(band.share, 0.0) * scale
        parts.append(_bar(band.part, RIGHT, top + (room - thick) / 2, thick))
        parts.append(_words(RIGHT + BAR + 10, top + room / 2, band))
    parts += [
        _words(LEFT + BAR + 10, top + thick / 2, band, inside=True)
        for band, (top, thick) in zip(incoming, start, strict=True)
    ]
    return "".join([*parts, "</svg>"])


def _rows(thicknesses: list[float], *, least: float) -> list[tuple[float, float]]:
    """Top and room of each row, one under the other."""
    rows, top = [], float(TOP)
    for thick in thicknesses:
        room = max(thick + 6, least)
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
    return f'<rect class="bar-{part}" fill="{FILLS[part]}" x="{x}" y="{y:.2f}" width="{BAR}" height="{max(thick, 1.5):.2f}"/>'


def _words(x: float, y: float, band: Band, *, inside: bool = False) -> str:
    weight = ' font-weight="600"' if band.part == "product" or inside else ""
    return (
        f'<text class="name" fill="#15201f" x="{x}" y="{y - 2:.1f}"{weight}>{escape(band.name)}</text>'
        f'<text class="amount" fill="#15201f" x="{x}" y="{y + 15:.1f}">{escape(band.amount)}</text>'
    )
