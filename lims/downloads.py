"""Stored bytes as a download: never shown in the page, whatever they hold."""

from __future__ import annotations

from django.http import HttpResponse

FORMULA = ("=", "+", "-", "@", "\t", "\r")


def neutral(cell: object) -> str:
    """A cell that a spreadsheet does not take for a formula (CSV injection)."""
    text = "" if cell is None else str(cell)
    return f"'{text}" if text.startswith(FORMULA) else text


def download(content: bytes, *, name: str, media_type: str, sha256: str) -> HttpResponse:
    """The bytes under a name of plain characters, for this person alone."""
    headers = {
        "Content-Disposition": f'attachment; filename="{plain_name(name)}"',
        "ETag": f'"{sha256}"',
        "Cache-Control": "private, no-store",
    }
    return HttpResponse(content, content_type=media_type, headers=headers)


def plain_name(name: str) -> str:
    """A file name of plain characters, neither hidden nor a way out of its folder."""
    return "".join(c for c in name if c.isascii() and (c.isalnum() or c in "._- ")).strip(" .") or "file"
