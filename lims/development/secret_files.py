"""Files that only their owner may read."""

from __future__ import annotations

import json
import os
import secrets
from pathlib import Path

from lims.development.processes import StartFailed


def write_secret(path: Path, content: str) -> None:
    """Replace the file at once: a reader sees the old or the new content, and nobody else ever sees either."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(content)
    draft.replace(path)


class Secrets:
    """Random passwords, made once and kept in one file of mode 0600."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def _stored(self) -> dict[str, str]:
        try:
            stored = json.loads(self.path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {}
        except ValueError as error:
            raise StartFailed(f"{self.path} is damaged; restore it, or move its folder away to start anew.") from error
        return {str(name): str(value) for name, value in stored.items()}

    def __contains__(self, name: str) -> bool:
        return name in self._stored()

    def get(self, name: str) -> str:
        stored = self._stored()
        if name not in stored:
            stored[name] = secrets.token_urlsafe(48)
            write_secret(self.path, json.dumps(stored, indent=1) + "\n")
        return stored[name]
