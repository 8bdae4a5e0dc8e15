"""The seals of the audit trail, attacked by a superuser: each attack is found, and the answer names the row."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection

from lims.audit import anchor, sealing, trail
from lims.audit.blocks import GENESIS, header, root_of
from lims.audit.findings import What
from lims.audit.keys import Key
from lims.audit.models import Block, Change, Operation
from lims.audit.verification import verify_trail
from tests.integration.seals.sealed_site import Site, changes_of, first, middle_block

# --- Attacks on the rows --------------------------------------------------------------------------------------------

EDITS: dict[str, tuple[str, str]] = {
    "a value of the new row": (
        "audit_change",
        "UPDATE audit_change SET new_row = jsonb_set(new_row, '{material}', '\"water\"') WHERE id = %s",
    ),
    "the new row is gone": ("audit_change", "UPDATE audit_change SET new_row = NULL WHERE id = %s"),
    "the instant, by a microsecond": (
        "audit_change",
        "UPDATE audit_change SET at = at + interval '1 us' WHERE id = %s",
    ),
    "the table": ("audit_change", "UPDATE audit_change SET table_name = 'other' WHERE id = %s"),
    "moved to another operation": (
        "audit_change",
        "UPDATE audit_change SET operation_id = (SELECT max(id) FROM audit_operation) WHERE id = %s",
    ),
    "who did it": (
        "audit_operation",
        "UPDATE audit_operation SET actor_id = (SELECT max(id) FROM accounts_user) WHERE id = %s",
    ),
    "why": ("audit_operation", "UPDATE audit_operation SET reason = 'a better one' WHERE id = %s"),
    "moved to transactions to come": (
        "audit_operation",
        "UPDATE audit_operation SET txid = 1::bigint << 40 WHERE id = %s",
    ),
    "moved to transactions of an earlier block": (
        "audit_operation",
        "UPDATE audit_operation SET txid = 1 WHERE id = %s",
    ),
    "moved to another server": ("audit_operation", "UPDATE audit_operation SET cluster = 7 WHERE id = %s"),
}


@pytest.mark.requirement("P11-10a")
@pytest.mark.parametrize("edit", EDITS)
def test_an_edited_row_is_named(site: Site, edit: str) -> None:
    table, statement = EDITS[edit]
    row = changes_of(middle_block())[0]
    if table == "audit_operation":
        row = Change.objects.get(pk=row).operation_id
    site.attack(statement, row)
    found = first(site.verify())
    assert (found.what, found.table, found.id, found.block) == (What.EDITED, table, row, middle_block().number)
    assert f"{table} {row} was edited" in found.sentence


@pytest.mark.requirement("P11-10a")
@pytest.mark.parametrize("table", ["audit_change", "audit_operation"])
def test_a_row_deleted_in_the_middle_is_named(site: Site, table: str) -> None:
    row = changes_of(middle_block())[0]
    if table == "audit_operation":
        row = Change.objects.get(pk=row).operation_id
    site.attack(f"DELETE FROM {table} WHERE id = %s", row)
    found = first(site.verify())
    assert (found.what, found.table, found.id) == (What.MISSING, table, row)


@pytest.mark.requirement("P11-10a")
def test_swapped_rows_are_named(site: Site) -> None:
    one, two = changes_of(middle_block())[:2]
    site.attack("UPDATE audit_change SET id = CASE id WHEN %s THEN -1 ELSE -2 END WHERE id IN (%s, %s)", one, one, two)
    site.attack("UPDATE audit_change SET id = CASE id WHEN -1 THEN %s ELSE %s END WHERE id < 0", two, one)
    found = first(site.verify())
    assert (found.what, found.table, found.id) == (What.ORDER, "audit_change", one)
    assert f"what was sealed as {one} stands at {two} now" in found.sentence


COPY_OF_AN_ACT = "INSERT INTO audit_operation (actor_id, role, action, subject, reason, source, address, at, txid, cluster) SELECT actor_id, role, 'batch.release', subject, reason, source, address, at, {}, cluster FROM audit_operation WHERE id = %s"  # noqa: E501
COPY_OF_A_CHANGE = "INSERT INTO audit_change (operation_id, table_name, row_pk, verb, old_row, new_row, at) SELECT {}, table_name, row_pk, verb, old_row, new_row, at FROM audit_change WHERE operation_id = %s LIMIT 1"  # noqa: E501


@pytest.mark.requirement("P11-10a")
@pytest.mark.parametrize(
    ("table", "forgery"),
    [
        ("audit_change", COPY_OF_A_CHANGE.format("operation_id")),
        ("audit_change", COPY_OF_A_CHANGE.format("987654")),
        ("audit_operation", COPY_OF_AN_ACT.format("txid")),
        ("audit_operation", COPY_OF_AN_ACT.format("0")),
        ("audit_operation", COPY_OF_AN_ACT.format("-5")),
        ("audit_operation", COPY_OF_AN_ACT.format("txid + (1::bigint << 40)")),
        ("audit_operation", COPY_OF_AN_ACT.format("txid").replace(", cluster FROM", ", 7 FROM")),
    ],
)
def test_a_forged_row_is_named(site: Site, table: str, forgery: str) -> None:
    known = Change.objects.get(pk=changes_of(middle_block())[0]).operation_id
    site.attack(forgery, known)
    model: Any = Change if table == "audit_change" else Operation
    found = first(site.verify())
    assert (found.what, found.table, found.id) == (What.INSERTED, table, model.objects.latest("id").pk)


@pytest.mark.requirement("P11-10a")
def test_a_trail_without_its_last_rows_is_missing_them(site: Site) -> None:
    newest = Operation.objects.latest("id").pk
    gone = list(Change.objects.filter(operation=newest).order_by("id").values_list("pk", flat=True))
    site.attack("DELETE FROM audit_change WHERE operation_id = %s", newest)
    found = first(site.verify())
    assert (found.what, found.table, found.id) == (What.MISSING, "audit_change", gone[0])


def test_the_first_of_several_differences_comes_first(site: Site) -> None:
    rows = list(Change.objects.order_by("id").values_list("pk", flat=True))
    site.attack("UPDATE audit_change SET row_pk = '0' WHERE id IN (%s, %s)", rows[-1], rows[1])
    report = site.verify()
    assert [finding.id for finding in report.findings] == [rows[1], rows[-1]]


# --- Attacks on the chain -------------------------------------------------------------------------------------------


def cut_tail(site: Site) -> Block:
    """The newest block and everything in it, as if it had never been."""
    block = Block.objects.latest("number")
    within = "SELECT id FROM audit_operation WHERE txid >= %s"
    site.attack(f"DELETE FROM audit_change WHERE operation_id IN ({within})", block.from_txid)
    site.attack("DELETE FROM audit_operation WHERE txid >= %s", block.from_txid)
    site.attack("DELETE FROM audit_block WHERE number = %s", block.number)
    return block


@pytest.mark.requirement("P11-10a")
def test_a_tail_that_was_cut_off_with_its_seals_is_missed_outside(site: Site) -> None:
    gone = cut_tail(site)
    assert verify_trail().sound  # the database alone cannot know
    found = first(site.verify())
    assert (found.what, found.block) == (What.TAIL_CUT, gone.number)


@pytest.mark.requirement("P11-10a")
def test_work_that_goes_on_after_a_cut_is_not_what_was_written_down(site: Site) -> None:
    gone = cut_tail(site)
    before = site.anchor.read_bytes()
    site.work()
    site.seal()
    assert verify_trail().sound
    found = first(site.verify())
    assert (found.what, found.block) == (What.REPLACED, gone.number)
    assert site.anchor.read_bytes() == before  # nothing is appended to a file that tells another story
    seal = anchor.Anchored(gone.number, gone.hash)
    assert first(verify_trail(anchored=[seal])).what == What.REPLACED


@pytest.mark.requirement("P11-10a")
def test_an_older_backup_is_not_taken_for_the_trail(site: Site) -> None:
    name, backup = str(connection.settings_dict["NAME"]), f"{connection.settings_dict['NAME']}_backup"
    connection.close()
    site.server.copy(backup, of=name)
    last = Block.objects.latest("number").number
    site.work()
    site.seal()
    connection.close()
    connection.settings_dict["NAME"] = backup
    try:
        found = first(site.verify())
        assert (found.what, found.block) == (What.OLDER, last + 1)
        assert "a backup was restored" in found.sentence
    finally:
        connection.close()
        connection.settings_dict["NAME"] = name
        site.server.drop(backup)


@pytest.mark.requirement("P11-10a")
def test_a_chain_rebuilt_without_the_key_is_found(site: Site) -> None:
    """The attacker has the database and this program, edits a row, and recomputes every hash from there."""
    target = middle_block()
    site.attack("UPDATE audit_change SET row_pk = '999' WHERE id = %s", changes_of(target)[0])
    stolen = Key(b"k" * 32)
    previous = Block.objects.get(number=target.number - 1).hash if target.number > 1 else GENESIS
    for block in Block.objects.filter(number__gte=target.number).order_by("number"):
        rows = trail.Range(block.cluster, block.from_txid, block.until_txid)
        block.leaves = b"".join(act.leaves for act in trail.acts(rows, block.form))
        block.root, block.previous_hash = root_of(block.entries), previous
        said = header(block)
        previous = sealing.sha256(said).hexdigest()
        site.attack(
            "UPDATE audit_block SET leaves = %s, root = %s, previous_hash = %s, hash = %s, mac = %s WHERE number = %s",
            block.entries, block.root, block.previous_hash, previous, stolen.mac(said), block.number,
        )  # fmt: skip
    report = verify_trail()
    assert {finding.what for finding in report.findings} == {What.MAC_WRONG}
    assert first(report).block == target.number
    assert first(site.verify()).what in {What.MAC_WRONG, What.REPLACED}


BLOCK_ATTACKS: dict[str, What] = {
    "DELETE FROM audit_block WHERE number = %s": What.BLOCK_MISSING,
    "UPDATE audit_block SET mac = repeat('0', 64) WHERE number = %s": What.MAC_WRONG,
    "UPDATE audit_block SET key = repeat('0', 16) WHERE number = %s": What.BLOCK_ALTERED,
    "UPDATE audit_block SET sealed_at = sealed_at - interval '1 h' WHERE number = %s": What.BLOCK_ALTERED,
    "UPDATE audit_block SET changes = changes + 1 WHERE number = %s": What.BLOCK_ALTERED,
    "UPDATE audit_block SET form = 9 WHERE number = %s": What.BLOCK_ALTERED,
    "UPDATE audit_block SET root = repeat('0', 64) WHERE number = %s": What.BLOCK_ALTERED,
    "UPDATE audit_block SET leaves = substr(leaves, 42) WHERE number = %s": What.BLOCK_ALTERED,
    "UPDATE audit_block SET leaves = leaves || 'rubbish' WHERE number = %s": What.BLOCK_ALTERED,
    "UPDATE audit_block SET until_txid = until_txid + 100000 WHERE number = %s": What.BLOCK_ALTERED,
    "UPDATE audit_block SET previous_hash = repeat('0', 64) WHERE number = %s": What.CHAIN_BROKEN,
    "UPDATE audit_block SET from_txid = 0 WHERE number = %s": What.CHAIN_BROKEN,
    "UPDATE audit_block SET number = number + 100 WHERE number = %s": What.BLOCK_MISSING,
}


@pytest.mark.requirement("P11-10a")
@pytest.mark.parametrize("attack", BLOCK_ATTACKS)
def test_an_altered_chain_is_named(site: Site, attack: str) -> None:
    number = middle_block().number
    site.attack(attack, number)
    report = site.verify()
    what = BLOCK_ATTACKS[attack]
    assert (first(report).what, first(report).block) == (what, number)
