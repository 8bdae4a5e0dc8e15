"""Code 128 as SVG, so that a printed record can be scanned back to its batch (ISO/IEC 15417, code set B)."""

from __future__ import annotations

from itertools import accumulate

from django.utils.html import format_html
from django.utils.safestring import SafeString

START_B, STOP = 104, 106
# The widths of bar, space, bar, ... of each symbol, 0 to 106.
TABLE = (
    "212222 222122 222221 121223 121322 131222 122213 122312 132212 221213 221312 231212 112232 122132 122231 113222 "
    "123122 123221 223211 221132 221231 213212 223112 312131 311222 321122 321221 312212 322112 322211 212123 212321 "
    "232121 111323 131123 131321 112313 132113 132311 211313 231113 231311 112133 112331 132131 113123 113321 133121 "
    "313121 211331 231131 213113 213311 213131 311123 311321 331121 312113 312311 332111 314111 221411 431111 111224 "
    "111422 121124 121421 141122 141221 112214 112412 122114 122411 142112 142211 241211 221114 413111 241112 134111 "
    "111242 121142 121241 114212 124112 124211 411212 421112 421211 212141 214121 412121 111143 111341 131141 114113 "
    "114311 411113 411311 113141 114131 311141 411131 211412 211214 211232 2331112"
)
WIDTHS = TABLE.split()


def code128(text: str, *, module_mm: float = 0.25, height_mm: float = 8.0) -> SafeString:
    """The barcode of printable ASCII, without its quiet zones; the text itself belongs beside it."""
    symbols = [START_B, *(ord(character) - 32 for character in text)]
    if not text or not all(0 <= symbol < 95 for symbol in symbols[1:]):
        raise ValueError(f"A barcode holds printable ASCII, not {text!r}.")
    check = (START_B + sum(place * symbol for place, symbol in enumerate(symbols[1:], start=1))) % 103
    widths = [int(width) for symbol in (*symbols, check, STOP) for width in WIDTHS[symbol]]
    starts = [0, *accumulate(widths)]
    bars = "".join(f"M{starts[i]} 0h{widths[i]}v1h-{widths[i]}z" for i in range(0, len(widths), 2))
    return format_html(
        '<svg class="barcode" xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {} 1" preserveAspectRatio="none"'
        ' style="width: {}mm; height: {}mm"><title>Barcode of {}</title><path d="{}"/></svg>',
        starts[-1],
        round(starts[-1] * module_mm, 3),
        height_mm,
        text,
        bars,
    )
