"""A QR code as SVG, so that a printed sheet can be scanned back to its number (ISO/IEC 18004)."""

from __future__ import annotations

import segno
from django.utils.html import format_html
from django.utils.safestring import SafeString


def qr_code(text: str, *, size_mm: float = 18.0) -> SafeString:
    """The code without its quiet zone, error correction M; the text itself belongs beside it."""
    rows = list(segno.make(text, error="m", micro=False).matrix)
    modules = "".join(f"M{x} {y}h1v1h-1z" for y, row in enumerate(rows) for x, dark in enumerate(row) if dark)
    return format_html(
        '<svg class="qr" xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {} {}" width="{}mm" height="{}mm">'
        '<title>QR code of {}</title><path d="{}"/></svg>',
        *(len(rows), len(rows), size_mm, size_mm),
        text,
        modules,
    )
