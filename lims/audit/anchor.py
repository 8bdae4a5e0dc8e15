"""A file outside the database that keeps one line for each sealed block: it shows when the trail lost its end.

The database, its seals and its key together cannot show that the newest blocks are gone, or that an older backup took
their place. A copy that neither the database nor its administrator can change does: ideally on another machine.
"""

from __future__ import annotations

import fcntl
import json
import logging
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC
from pathlib import Path
from typing import BinaryIO

from django.conf import settings

from lims.audit.blocks import unpacked
from lims.audit.models import Block
from lims.errors import DomainError

log = logging.getLogger(__name__)

TAIL = 4096  # bytes: several lines


class AnchorUnreadable(DomainError):
    code = "audit_anchor_unreadable"


@dataclass(frozen=True, slots=True)
class Anchored:
    """One line: the block, and the newest operation that it covers."""

    block: int
    hash: str
    sealed_at: str = ""
    operation: int = 0


def catch_up() -> None:
    """Append the blocks that the file does not hold yet. Sealing goes on where the file cannot be written."""
    if not settings.AUDIT_ANCHOR_FILE:
        return
    path = Path(settings.AUDIT_ANCHOR_FILE)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("ab+") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            _append_missing(file, path)
    except (OSError, AnchorUnreadable) as error:
        log.error("The newest seals of the audit trail could not be written to %s: %s", path, error)  # noqa: TRY400


def read(path: Path) -> Iterator[Anchored]:
    try:
        with path.open("rb") as file:
            for number, line in enumerate(file, start=1):
                if not line.endswith(b"\n"):  # cut short by a loss of power; the next block writes it whole
                    return
                yield _parsed(line, f"{path}, line {number}")
    except OSError as error:
        raise AnchorUnreadable(f"The anchor file {path} cannot be read: {error.strerror}.") from error


def _append_missing(file: BinaryIO, path: Path) -> None:
    newest = _last(file, path)
    if newest is not None:
        known = Block.objects.filter(number=newest.block, hash=newest.hash).exists()
        if not known:
            log.error(
                "The anchor file %s holds block %d, which the audit trail does not have: its end was cut off or an "
                "older backup was restored. Nothing is appended; see docs/operations/audit-seals.md.",
                path,
                newest.block,
            )
            return
    missing = Block.objects.filter(number__gt=newest.block if newest else 0).order_by("number")
    _write(file, map(_line, missing.iterator(chunk_size=50)))


def _write(file: BinaryIO, lines: Iterable[bytes]) -> None:
    written = 0
    for line in lines:
        written += file.write(line)
    if written:
        file.flush()
        os.fsync(file.fileno())


def _line(block: Block) -> bytes:
    said = {
        "block": block.number,
        "hash": block.hash,
        "mac": block.mac,
        "sealed_at": block.sealed_at.astimezone(UTC).isoformat(timespec="microseconds"),
        "operations": block.operations,
        "changes": block.changes,
        "operation": max(leaf.id for leaf in unpacked(block.entries) if leaf.table == "audit_operation"),
    }
    return json.dumps(said, separators=(",", ":")).encode() + b"\n"


def _last(file: BinaryIO, path: Path) -> Anchored | None:
    size = file.seek(0, os.SEEK_END)
    file.seek(max(0, size - TAIL))
    lines = file.read().splitlines(keepends=True)
    if lines and not lines[-1].endswith(b"\n"):  # a power cut in the middle of a line; the block comes again whole
        file.truncate(size - len(lines.pop()))
    return _parsed(lines[-1], str(path)) if lines else None


def _parsed(line: bytes, where: str) -> Anchored:
    try:
        said = json.loads(line)
        return Anchored(int(said["block"]), str(said["hash"]), str(said["sealed_at"]), int(said.get("operation", 0)))
    except (ValueError, KeyError, TypeError) as error:
        raise AnchorUnreadable(f"{where}: this is no line of an anchor file.") from error
