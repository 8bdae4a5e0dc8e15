"""Pictures of paper: what kind of file the bytes are, whatever their name says."""

from __future__ import annotations

from lims.errors import InvalidInput

LARGEST_SCAN = 20 * 1024 * 1024  # bytes
BEGINNINGS = (
    (b"%PDF-", "application/pdf", ".pdf"),
    (b"\x89PNG\r\n\x1a\n", "image/png", ".png"),
    (b"\xff\xd8\xff", "image/jpeg", ".jpg"),
)


def media_type_of(content: bytes) -> tuple[str, str]:
    """Media type and ending. Raises InvalidInput for what is empty, too large, or no PDF, PNG or JPEG."""
    if not content:
        raise InvalidInput("The file is empty.", code="missing_value", field="file")
    if len(content) > LARGEST_SCAN:
        raise InvalidInput(
            f"The file has {len(content) / 1024 / 1024:.0f} MB; a scan has at most 20 MB.",
            code="too_large",
            field="file",
        )
    for beginning, media_type, ending in BEGINNINGS:
        if content.startswith(beginning):
            return media_type, ending
    raise InvalidInput("The file is neither a PDF nor a PNG or JPEG picture.", code="wrong_type", field="file")
