"""What verification can find wrong with the trail, in sentences that name the row."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from lims.audit.blocks import Leaf, unpacked
from lims.audit.canonical import canonical_line, with_id
from lims.audit.merkle import leaf
from lims.audit.trail import row_of

MOVES_COMPARED = 200  # rows of one block that differ; more are not tried against one another


class What(StrEnum):
    EDITED = "edited"
    MISSING = "missing"
    INSERTED = "inserted"
    ORDER = "order"
    BLOCK_MISSING = "block missing"
    BLOCK_ALTERED = "block altered"
    CHAIN_BROKEN = "chain broken"
    MAC_WRONG = "MAC wrong"
    TAIL_CUT = "tail cut"
    OLDER = "older than the anchor"
    REPLACED = "not the anchored trail"


@dataclass(frozen=True, slots=True)
class Finding:
    what: What
    sentence: str
    block: int | None = None
    table: str = ""
    id: int | None = None


def differences(block: int, form: int, expected: bytes, found: bytes) -> list[Finding]:
    """Compare the leaves that were sealed with those of the rows as they are now; the sealed order comes first."""
    sealed, present = _by_row(unpacked(expected)), _by_row(unpacked(found))
    lost = [leaf for row, leaf in sealed.items() if present.get(row) != leaf]
    foreign = {row: leaf for row, leaf in present.items() if sealed.get(row) != leaf}
    rows = {row: row_of(*row, form) for row in foreign}
    # A later PostgreSQL may lay out JSON in another way: the same content has the same canonical bytes.
    same = {row for row, now in rows.items() if row in sealed and now and _canonical(now) == sealed[row].digest}
    lost = [one for one in lost if (one.table, one.id) not in same]
    places = _places(lost, {row: now for row, now in rows.items() if now and row not in same})
    answers = [_lost(block, form, one, places, present) for one in lost]
    moved = set(places.values())
    for row, one in foreign.items():
        if row not in sealed and row not in moved:
            sentence = f"{one.table} {one.id} was not there when block {block} was sealed: it was inserted."
            answers.append(Finding(What.INSERTED, sentence, block, one.table, one.id))
    if not answers and not same and expected != found:
        sentence = f"The rows of block {block} are those that were sealed, but in another order."
        first = next(now for then, now in zip(sealed.values(), present.values(), strict=True) if then != now)
        answers.append(Finding(What.ORDER, sentence, block, first.table, first.id))
    return answers


def _lost(
    block: int,
    form: int,
    one: Leaf,
    places: Mapping[tuple[str, int], tuple[str, int]],
    present: Mapping[tuple[str, int], Leaf],
) -> Finding:
    name = f"{one.table} {one.id}"
    row = (one.table, one.id)
    if row in places:
        sentence = f"{name} changed places: what was sealed as {one.id} stands at {places[row][1]} now (block {block})."
        return Finding(What.ORDER, sentence, block, one.table, one.id)
    if row in present or row_of(one.table, one.id, form) is not None:
        sentence = f"{name} was edited after block {block} was sealed."
        return Finding(What.EDITED, sentence, block, one.table, one.id)
    return Finding(What.MISSING, f"{name}, sealed in block {block}, is missing.", block, one.table, one.id)


def _places(lost: list[Leaf], rows: Mapping[tuple[str, int], bytes]) -> dict[tuple[str, int], tuple[str, int]]:
    """Where a sealed row stands under another id."""
    if len(lost) * len(rows) > MOVES_COMPARED**2:
        return {}
    return {
        (one.table, one.id): row
        for one in lost
        for row, now in rows.items()
        if row[0] == one.table and row[1] != one.id and _canonical(with_id(now, one.id)) == one.digest
    }


def _by_row(leaves: Iterable[Leaf]) -> dict[tuple[str, int], Leaf]:
    return {(one.table, one.id): one for one in leaves}


def _canonical(row: bytes) -> bytes:
    return leaf(canonical_line(row))
