"""Where a lot went and what a batch was made from, over any number of batches between: one recursive query each.

Only current entries count: a lot whose number was corrected away was not used. A batch that carries an identity is a
dose: it is given to one person.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from django.db import connection

from labeling.models import Batch, Lot

# UNION, not UNION ALL: each edge once, so that the walk ends whatever the data. The walk goes from edge to edge by the
# indexes of labeling_entry on lot, source batch and batch.
# What says IS NOT NULL tells the planner that few rows are meant: without it, it reads the whole table for each walk.
CURRENT = (
    "NOT EXISTS (SELECT 1 FROM labeling_entry newer WHERE newer.corrects_id = e.id AND newer.corrects_id IS NOT NULL)"
)
FORWARD = f"""
WITH RECURSIVE edge (lot_id, source_id, batch_id) AS (
  SELECT e.lot_id, e.source_batch_id, e.batch_id FROM labeling_entry e WHERE e.{{start}} = %s AND {CURRENT}
  UNION
  SELECT NULL::bigint, e.source_batch_id, e.batch_id
  FROM edge JOIN labeling_entry e ON e.source_batch_id = edge.batch_id
  WHERE e.source_batch_id IS NOT NULL AND {CURRENT}
)
SELECT lot_id, source_id, batch_id FROM edge
"""  # noqa: S608  # the only thing put in is the name of a column, from the two below
BACKWARD = f"""
WITH RECURSIVE edge (lot_id, source_id, batch_id) AS (
  SELECT e.lot_id, e.source_batch_id, e.batch_id FROM labeling_entry e
  WHERE e.batch_id = %s AND (e.lot_id IS NOT NULL OR e.source_batch_id IS NOT NULL) AND {CURRENT}
  UNION
  SELECT e.lot_id, e.source_batch_id, e.batch_id
  FROM edge JOIN labeling_entry e ON e.batch_id = edge.source_id
  WHERE (e.lot_id IS NOT NULL OR e.source_batch_id IS NOT NULL) AND {CURRENT}
)
SELECT lot_id, source_id, batch_id FROM edge
"""  # noqa: S608
BATCH_COLUMNS = (
    "id",
    "number",
    "identity",
    "status",
    "protocol_version__title",
    "expires_at",
)


@dataclass(frozen=True, slots=True)
class Member:
    """A lot or a batch in a genealogy. `key` is unique among both."""

    key: str
    kind: str  # lot or batch
    pk: int
    number: str
    what: str
    status: str
    identity: str = ""
    expires_at: str = ""

    @property
    def is_dose(self) -> bool:
        return self.kind == "batch" and bool(self.identity)


@dataclass(frozen=True, slots=True)
class Genealogy:
    """Members by key, and which went into which; `root` is the one that was asked about."""

    root: str
    members: dict[str, Member]
    edges: tuple[tuple[str, str], ...]  # what went in, and into what

    def others(self, kind: str) -> list[Member]:
        """All members of a kind but the root, by number."""
        found = [member for member in self.members.values() if member.kind == kind and member.key != self.root]
        return sorted(found, key=lambda member: member.number)

    @property
    def doses(self) -> list[Member]:
        return [member for member in self.others("batch") if member.is_dose]


def used_in(lot: Lot) -> Genealogy:
    """Every batch that the lot went into, directly or through other batches."""
    return _genealogy(f"lot-{lot.pk}", [*_edges(FORWARD.format(start="lot_id"), lot.pk)])


def made_into(batch: Batch) -> Genealogy:
    """Every batch that was made from this one."""
    return _genealogy(f"batch-{batch.pk}", [*_edges(FORWARD.format(start="source_batch_id"), batch.pk)])


def made_from(batch: Batch) -> Genealogy:
    """Every lot and batch that this one stands on."""
    return _genealogy(f"batch-{batch.pk}", [*_edges(BACKWARD, batch.pk)])


def genealogy_row(genealogy: Genealogy) -> dict[str, Any]:
    return {
        "batches": [_row(member) for member in genealogy.others("batch")],
        "lots": [_row(member) for member in genealogy.others("lot")],
        "doses": [member.number for member in genealogy.doses],
        "edges": [
            {"from": genealogy.members[source].number, "into": genealogy.members[into].number}
            for source, into in genealogy.edges
        ],
    }


def _row(member: Member) -> dict[str, Any]:
    return {
        "number": member.number,
        "what": member.what,
        "status": member.status,
        "identity": member.identity or None,
        "expires_at": member.expires_at or None,
    }


def _edges(query: str, start: int) -> Iterator[tuple[str, str]]:
    with connection.cursor() as cursor:
        cursor.execute(query, [start])
        for lot_id, source_id, batch_id in cursor:
            yield (f"lot-{lot_id}" if lot_id is not None else f"batch-{source_id}"), f"batch-{batch_id}"


def _genealogy(root: str, edges: list[tuple[str, str]]) -> Genealogy:
    keys = {root, *(key for edge in edges for key in edge)}
    found = {member.key: member for member in (*_lots(_numbers(keys, "lot")), *_batches(_numbers(keys, "batch")))}
    ordered = sorted(edges, key=lambda edge: (found[edge[1]].number, found[edge[0]].number))
    return Genealogy(root, found, tuple(ordered))


def _numbers(keys: Iterable[str], kind: str) -> list[int]:
    return [int(key.removeprefix(f"{kind}-")) for key in keys if key.startswith(f"{kind}-")]


def _lots(pks: list[int]) -> Iterator[Member]:
    # One parameter, however many there are: a lot may have gone into thousands of batches.
    rows = Lot.objects.extra(where=["labeling_lot.id = ANY(%s)"], params=[pks]).only(
        "number", "name", "material", "status", "identity", "expires_at"
    )
    for lot in rows if pks else ():
        what = lot.name or lot.material
        expires = lot.expires_at.isoformat()
        yield Member(f"lot-{lot.pk}", "lot", lot.pk, lot.number, what, lot.status, lot.identity, expires)


def _batches(pks: list[int]) -> Iterator[Member]:
    rows = Batch.objects.extra(where=["labeling_batch.id = ANY(%s)"], params=[pks]).values(*BATCH_COLUMNS)
    for row in rows if pks else ():
        yield Member(
            key=f"batch-{row['id']}",
            kind="batch",
            pk=row["id"],
            number=row["number"],
            what=row["protocol_version__title"],
            status=row["status"],
            identity=row["identity"],
            expires_at=row["expires_at"].isoformat() if row["expires_at"] else "",
        )
