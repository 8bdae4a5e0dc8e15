"""Recompute every seal of the trail from its rows, and name the first row that differs.

The database only reads its rows out, in the order in which they were sealed; everything else is computed here. The
whole is one look at the trail (repeatable read), so people go on working meanwhile.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from hmac import compare_digest

from django.db import connection, transaction

from lims.audit.anchor import Anchored
from lims.audit.blocks import ENTRY, FORM, GENESIS, header, root_of
from lims.audit.findings import Finding, What, differences
from lims.audit.keys import Key, known_keys
from lims.audit.models import Block
from lims.audit.tables import differing_rows
from lims.audit.trail import OPERATION, Range, acts, walk_along_indexes
from lims.audit.unsealed import Unsealed, unsealed

ROWS_AT_ONCE = 20_000
BLOCKS_AT_ONCE = 50
MOST_FINDINGS = 50


@dataclass(slots=True)
class Report:
    blocks: int = 0
    operations: int = 0
    changes: int = 0
    newest: Block | None = None
    unsealed: Unsealed | None = None
    anchored: int = 0
    findings: list[Finding] = field(default_factory=list)
    more: int = 0

    @property
    def sound(self) -> bool:
        return not self.findings

    def count(self, block: Block, rows: bytes) -> None:
        operations, changes = _count(rows)
        self.blocks, self.newest = self.blocks + 1, block
        self.operations += operations
        self.changes += changes

    def add(self, found: Sequence[Finding]) -> None:
        room = MOST_FINDINGS - len(self.findings)
        self.findings += found[:room]
        self.more += max(0, len(found) - room)


@dataclass(slots=True)
class Chain:
    """Where the chain stands: what the next block must continue."""

    number: int = 0
    hash: str = GENESIS
    until: dict[int, int] = field(default_factory=dict)
    unknown_keys: set[str] = field(default_factory=set)


def verify_trail(*, anchored: Sequence[Anchored] = (), tables: bool = False) -> Report:
    """Everything that is sealed, against its seals and against what was written down outside the database.

    With `tables` also the rows of the tables against the trail: whether somebody wrote around it.
    """
    report, chain = Report(anchored=len(anchored)), Chain()
    with transaction.atomic(durable=True):
        _look_once()
        _walk(report, chain, _runs(), anchored)
        report.unsealed = unsealed(chain.until, newest=report.newest, sealed_changes=report.changes)
        report.add(report.unsealed.findings)
        report.add(_beyond(report.newest, anchored))
        if tables:
            report.add(differing_rows())
    report.findings = _told_once(report.findings)
    return report


def verify_onwards(chain: Chain, *, anchored: Sequence[Anchored] = (), most_rows: int) -> Report:
    """A portion of the trail: the blocks that follow `chain`, which is moved on. For a watch that keeps its place.

    The place itself is a seal that was seen before: a trail that does not hold it any more has lost something.
    """
    seen = [Anchored(chain.number, chain.hash)] if chain.number else []
    report = Report(anchored=len(anchored))
    with transaction.atomic(durable=True):
        _look_once()
        for block in Block.objects.filter(number=chain.number).defer("leaves"):
            report.add(_against(block, seen))
        _walk(report, chain, _runs(after=chain.number, most_rows=most_rows), anchored)
        newest = Block.objects.defer("leaves").order_by("-number").first()
        report.add(_beyond(newest, [*anchored, *seen]))
    report.findings = _told_once(report.findings)
    return report


def verify_tables() -> Sequence[Finding]:
    """The rows of the tables against the trail."""
    with transaction.atomic(durable=True):
        _look_once()
        return differing_rows()


def _walk(report: Report, chain: Chain, runs: Iterator[list[Block]], anchored: Sequence[Anchored]) -> None:
    keys, outside = known_keys(), _by_block(anchored)
    for run in runs:
        for block, rows in _with_rows(run):
            report.count(block, rows)
            report.add(_seal_of(block, chain, keys))
            report.add(_rows_of(block, rows))
            report.add(_against(block, outside.get(block.number, ())))


def _look_once() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        cursor.execute("SET LOCAL statement_timeout = 0")
        cursor.execute("SET LOCAL work_mem = '64MB'")
    walk_along_indexes()


def _told_once(findings: Sequence[Finding]) -> list[Finding]:
    """A row that was moved is missing in one place and new in another: it was edited, and that says it all."""
    edited = {(finding.table, finding.id) for finding in findings if finding.what is What.EDITED}
    return [one for one in findings if one.what is not What.INSERTED or (one.table, one.id) not in edited]


def _by_block(anchored: Sequence[Anchored]) -> dict[int, list[Anchored]]:
    outside: dict[int, list[Anchored]] = {}
    for one in anchored:
        outside.setdefault(one.block, []).append(one)
    return outside


def _runs(*, after: int = 0, most_rows: int | None = None) -> Iterator[list[Block]]:
    """Blocks that are read together: adjoining ranges of one server, some ten thousand rows. At least one block."""
    run: list[Block] = []
    rows = total = 0
    blocks = Block.objects.filter(number__gt=after).order_by("number")
    for block in blocks.iterator(chunk_size=BLOCKS_AT_ONCE):
        if most_rows is not None and total >= most_rows:
            break
        total += block.operations + block.changes
        if run and (rows >= ROWS_AT_ONCE or not _adjoins(run[-1], block)):
            yield run
            run, rows = [], 0
        run.append(block)
        rows += block.operations + block.changes
    if run:
        yield run


def _adjoins(before: Block, block: Block) -> bool:
    return (block.cluster, block.form, block.from_txid) == (before.cluster, before.form, before.until_txid)


def _with_rows(run: list[Block]) -> Iterator[tuple[Block, bytes]]:
    """Each block with the leaves of the rows that lie in its range now."""
    first, last = run[0], run[-1]
    rows = acts(Range(first.cluster, first.from_txid, last.until_txid), _known_form(first))
    act = next(rows, None)
    found = []
    for block in run:
        leaves = []
        while act is not None and act.txid < block.until_txid:
            leaves.append(act.leaves)
            act = next(rows, None)
        found.append((block, b"".join(leaves)))
    for _ in rows:  # ranges that were altered: the stream still has to end before the connection is used
        pass
    yield from found


def _known_form(block: Block) -> int:
    return block.form if block.form in OPERATION else FORM


def _seal_of(block: Block, chain: Chain, keys: Mapping[str, Key]) -> list[Finding]:
    """What the block says of itself, and whether it continues the one before."""
    said, number = header(block), block.number
    findings = []
    if number != chain.number + 1:
        gone = (
            f"block {chain.number + 1}" if number == chain.number + 2 else f"blocks {chain.number + 1} to {number - 1}"
        )
        findings.append(Finding(What.BLOCK_MISSING, f"Of the chain, {gone} is missing.", chain.number + 1))
    elif block.previous_hash != chain.hash:
        findings.append(Finding(What.CHAIN_BROKEN, f"Block {number} does not continue block {number - 1}.", number))
    elif block.from_txid != chain.until.get(block.cluster, 0):
        findings.append(Finding(What.CHAIN_BROKEN, f"Block {number} does not begin where the seals ended.", number))
    if sha256(said).hexdigest() != block.hash or _count(block.entries) != (block.operations, block.changes):
        findings.append(Finding(What.BLOCK_ALTERED, f"Block {number} is not what was sealed: it was altered.", number))
    elif block.root != root_of(block.entries):
        findings.append(Finding(What.BLOCK_ALTERED, f"The root of block {number} is not that of its leaves.", number))
    elif block.key not in keys:
        if block.key not in chain.unknown_keys:
            sentence = f"Block {number} was sealed with the key {block.key}, which this site does not have."
            findings.append(Finding(What.MAC_WRONG, sentence, number))
            chain.unknown_keys.add(block.key)
    elif not compare_digest(keys[block.key].mac(said), block.mac):
        sentence = f"Block {number} was not sealed with the key of this site: its authentication code is wrong."
        findings.append(Finding(What.MAC_WRONG, sentence, number))
    chain.number, chain.hash = number, block.hash
    chain.until[block.cluster] = max(block.until_txid, chain.until.get(block.cluster, 0))
    return findings


def _rows_of(block: Block, rows: bytes) -> list[Finding]:
    if rows == block.entries or block.root != root_of(block.entries):  # a list that was altered says nothing of rows
        return []
    return differences(block.number, _known_form(block), block.entries, rows)


def _count(leaves: bytes) -> tuple[int, int]:
    operations = leaves[::ENTRY].count(b"o")
    return operations, len(leaves) // ENTRY - operations


def _against(block: Block, outside: Sequence[Anchored]) -> list[Finding]:
    if all(compare_digest(block.hash, one.hash) for one in outside):
        return []
    sentence = (
        f"Block {block.number} is not the one that was written down outside the database: the trail was cut "
        "or restored from an older backup before it, and went on from there."
    )
    return [Finding(What.REPLACED, sentence, block.number)]


def _beyond(newest: Block | None, anchored: Sequence[Anchored]) -> list[Finding]:
    """Blocks that were written down outside and are not in the trail."""
    last = max(anchored, key=lambda one: one.block, default=None)
    number = newest.number if newest else 0
    if last is None or last.block <= number:
        return []
    with connection.cursor() as cursor:
        cursor.execute("SELECT COALESCE(pg_sequence_last_value(pg_get_serial_sequence('audit_operation', 'id')), 0)")
        (drawn,) = cursor.fetchone()
    ends = f"The trail ends with block {number}; block {last.block} was written down outside the database"
    ends += f" at {last.sealed_at}." if last.sealed_at else "."
    if drawn >= last.operation > 0:
        sentence = f"{ends} The ids of its operations were drawn here: the end of the trail was cut off."
        return [Finding(What.TAIL_CUT, sentence, number + 1)]
    return [Finding(What.OLDER, f"{ends} The database is older: a backup was restored.", number + 1)]
