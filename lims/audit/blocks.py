"""What a sealed block says, as the bytes that are hashed and authenticated, and the list of the rows it covers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC
from hashlib import sha256
from typing import NamedTuple

from lims.audit import merkle
from lims.audit.models import Block

FORM = 1
GENESIS = sha256(b"oxinate audit trail\0").hexdigest()
# One entry of `Block.leaves`: which table, the row's id, its leaf.
ENTRY = 1 + 8 + merkle.SIZE
KINDS = {"o": "audit_operation", "c": "audit_change"}


class Leaf(NamedTuple):
    table: str
    id: int
    digest: bytes


def header(block: Block) -> bytes:
    """Canonical bytes of everything that a block says."""
    said = {
        "form": block.form,
        "number": block.number,
        "previous": block.previous_hash,
        "cluster": block.cluster,
        "from_txid": block.from_txid,
        "until_txid": block.until_txid,
        "operations": block.operations,
        "changes": block.changes,
        "leaves": sha256(block.entries).hexdigest(),
        "root": block.root,
        "sealed_at": block.sealed_at.astimezone(UTC).isoformat(timespec="microseconds"),
        "key": block.key,
    }
    return b"oxinate audit block\0" + json.dumps(said, sort_keys=True, separators=(",", ":")).encode()


def packed(kind: bytes, number: int, digest: bytes) -> bytes:
    return kind + number.to_bytes(8, "big", signed=True) + digest


def unpacked(leaves: bytes) -> Iterator[Leaf]:
    for at in range(0, len(leaves), ENTRY):
        number = int.from_bytes(leaves[at + 1 : at + 9], "big", signed=True)
        yield Leaf(KINDS[chr(leaves[at])], number, leaves[at + 9 : at + ENTRY])


def root_of(leaves: bytes) -> str:
    return merkle.root([leaves[at + 9 : at + ENTRY] for at in range(0, len(leaves), ENTRY)]).hex()
