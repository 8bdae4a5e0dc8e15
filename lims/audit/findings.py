"""What verification can find wrong with the trail, in sentences that name the row."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from lims.audit.blocks import Leaf, unpacked
from lims.audit.canonical import canonical_line, with_id
from lims.audit.merkle import leaf
from lims.audit.trail import rows_of

PLACES_COMPARED = 40_000  # pairs of rows; where more of a block differ, moved rows count as edited or missing

Row = tuple[str, int]  # table and id


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
    NOT_THE_TRAIL = "not what the trail says"
    TRIGGER_OFF = "trigger off"
    UNSEALED = "not sealed"
    CANNOT_VERIFY = "cannot be verified"


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
    lost = {row: one for row, one in sealed.items() if present.get(row) != one}
    foreign = [row for row, one in present.items() if sealed.get(row) != one]
    rows = _rows({*lost, *foreign}, form)
    # A later PostgreSQL may lay out JSON in another way: the same content has the same canonical bytes.
    same = {row for row, one in lost.items() if row in present and _canonical(rows[row]) == one.digest}
    lost = {row: one for row, one in lost.items() if row not in same}
    places = _places(lost, {row: rows[row] for row in foreign if row not in same})
    answers = [_lost(block, row, moved_to=places.get(row), stands=row in rows) for row in lost]
    moved = set(places.values())
    for table, number in foreign:
        if (table, number) not in sealed and (table, number) not in moved:
            sentence = f"{table} {number} was not there when block {block} was sealed: it was inserted."
            answers.append(Finding(What.INSERTED, sentence, block, table, number))
    if not answers and not same and expected != found:
        sentence = f"The rows of block {block} are those that were sealed, but in another order."
        first = next(now for then, now in zip(sealed, present, strict=True) if then != now)
        answers.append(Finding(What.ORDER, sentence, block, *first))
    return answers


def _rows(wanted: Iterable[Row], form: int) -> dict[Row, bytes]:
    numbers: dict[str, list[int]] = {}
    for table, number in wanted:
        numbers.setdefault(table, []).append(number)
    return {(table, number): row for table in numbers for number, row in rows_of(table, numbers[table], form).items()}


def _lost(block: int, row: Row, *, moved_to: Row | None, stands: bool) -> Finding:
    table, number = row
    if moved_to is not None:
        sentence = f"{table} {number} changed places: what was sealed as {number} stands at {moved_to[1]} now"
        return Finding(What.ORDER, f"{sentence} (block {block}).", block, table, number)
    if stands:
        return Finding(
            What.EDITED, f"{table} {number} was edited after block {block} was sealed.", block, table, number
        )
    return Finding(What.MISSING, f"{table} {number}, sealed in block {block}, is missing.", block, table, number)


def _places(lost: Mapping[Row, Leaf], rows: Mapping[Row, bytes]) -> dict[Row, Row]:
    """Where a sealed row stands under another id."""
    if len(lost) * len(rows) > PLACES_COMPARED:
        return {}
    return {
        was: now
        for was, one in lost.items()
        for now, row in rows.items()
        if was[0] == now[0] and was != now and _canonical(with_id(row, one.id)) == one.digest
    }


def _by_row(leaves: Iterable[Leaf]) -> dict[Row, Leaf]:
    return {(one.table, one.id): one for one in leaves}


def _canonical(row: bytes) -> bytes:
    return leaf(canonical_line(row))
