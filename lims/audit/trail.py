"""Read the rows of the trail in the order in which they are sealed: by transaction, operation and change.

A range of transactions is a fixed set once all of them have ended, whatever order their ids were drawn or committed
in. Numbers of transactions count within one server (`cluster`); a database that was restored elsewhere begins anew.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby

from django.db import connection

from lims.audit import merkle
from lims.audit.blocks import packed

NOTHING: tuple[bytes | None, Iterable[bytes]] = (None, ())
# Microseconds since 1970 are independent of every setting of a session.
MICROSECONDS = "(extract(epoch FROM {}) * 1000000)::bigint"
# The columns of a leaf, by the form that a block names. A column added later gets a new form; the old ones stay.
OPERATION = {
    1: "'audit_operation', o.id, o.cluster, o.txid, o.actor_id, o.role, o.action, o.subject, o.reason, o.source, "
    "o.address, " + MICROSECONDS.format("o.at"),
}
CHANGE = {
    1: "'audit_change', c.id, c.operation_id, c.table_name, c.row_pk, c.verb, "
    + MICROSECONDS.format("c.at")
    + ", c.old_row, c.new_row",
}


@dataclass(frozen=True, slots=True)
class Range:
    """Transactions of one server, from `first` up to but not including `until`."""

    cluster: int
    first: int
    until: int

    @property
    def condition(self) -> str:
        return f"o.cluster = {self.cluster:d} AND o.txid >= {self.first:d} AND o.txid < {self.until:d}"


@dataclass(frozen=True, slots=True)
class Act:
    """An operation with its changes, as entries of a block's list of leaves."""

    txid: int
    changes: int
    leaves: bytes


def walk_along_indexes() -> None:
    """For this transaction: without statistics PostgreSQL would read the whole trail for each range."""
    with connection.cursor() as cursor:
        for way in ("seqscan", "bitmapscan", "hashjoin", "mergejoin"):
            cursor.execute(f"SET LOCAL enable_{way} = off")


def acts(wanted: Range, form: int) -> Iterator[Act]:
    """Stream the range; read it to its end before the connection is used for anything else."""
    ordered = f"WHERE {wanted.condition} ORDER BY o.cluster, o.txid, o.id"
    operations = list(_lines(f"SELECT {OPERATION[form]} FROM audit_operation o {ordered}"))  # noqa: S608
    joined = "audit_operation o JOIN audit_change c ON c.operation_id = o.id"
    rows = _lines(f"SELECT {CHANGE[form]} FROM {joined} {ordered}, c.id")  # noqa: S608
    by_operation = groupby(rows, key=_operation_id)
    touched, changes = next(by_operation, NOTHING)
    for row in operations:
        _, number, _, txid, _ = row.split(b"\t", 4)
        leaves = [_entry(b"o", number, row)]
        if touched == number:
            leaves += [_entry(b"c", change.split(b"\t", 2)[1], change) for change in changes]
            touched, changes = next(by_operation, NOTHING)
        yield Act(int(txid), len(leaves) - 1, b"".join(leaves))
    if touched is not None:  # ended transactions leave nothing behind any more
        raise RuntimeError(f"Operation {touched.decode()} appeared in transactions that had ended.")


def rows_of(table: str, numbers: Iterable[int], form: int) -> dict[int, bytes]:
    """These rows, wherever they stand now, by their id."""
    columns, alias = (OPERATION[form], "o") if table == "audit_operation" else (CHANGE[form], "c")
    wanted = ", ".join(f"{number:d}" for number in numbers)
    if not wanted:
        return {}
    rows = _lines(f"SELECT {columns} FROM {table} {alias} WHERE {alias}.id IN ({wanted})")  # noqa: S608
    return {int(row.split(b"\t", 2)[1]): row for row in rows}


def _operation_id(change: bytes) -> bytes:
    return change.split(b"\t", 3)[2]


def _entry(kind: bytes, number: bytes, row: bytes) -> bytes:
    return packed(kind, int(number), merkle.leaf(row))


def _lines(query: str) -> Iterator[bytes]:
    with connection.cursor() as cursor, cursor.copy(f"COPY ({query}) TO STDOUT") as copy:
        yield from _whole_lines(bytes(data) for data in copy)


def _whole_lines(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """PostgreSQL sends one row in one piece, but says that nobody should rely on it."""
    rest = b""
    for piece in pieces:
        *whole, rest = (rest + piece).split(b"\n")
        yield from whole
    if rest:
        raise ValueError("the server ended in the middle of a row")
