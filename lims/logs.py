"""Log lines that nobody can forge: what came with a request cannot begin a line of its own."""

from __future__ import annotations

import logging
from typing import Any

_CONTROLS = {code: f"\\x{code:02x}" for code in (*range(32), *range(127, 160), 0x2028, 0x2029)}
_INDENT = "    | "


class OneLine(logging.Formatter):
    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802
        return super().formatMessage(record).translate(_CONTROLS)

    def formatException(self, ei: Any) -> str:  # noqa: N802
        """Indented, line by line: the text of an exception may repeat what somebody sent."""
        return "\n".join(_INDENT + line.translate(_CONTROLS) for line in super().formatException(ei).splitlines())
