"""The seals of the audit trail, attacked by a superuser: each attack is found, and the answer names the row."""

from __future__ import annotations

import json
import stat
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.core.management import CommandError, call_command
from django.db import Error, connection, transaction

from lims.audit import anchor, sealing, trail
from lims.audit.blocks import GENESIS, header, root_of
from lims.audit.findings import Finding, What
from lims.audit.keys import Key, KeyUnusable, known_keys
from lims.audit.models import Block, Change, Operation
from lims.audit.operations import operation
from lims.audit.sealing import newest_seal, seal_blocks
from lims.audit.verification import Report, verify_trail
from lims.development.provision import with_parts
from tests import factories
from tests.conftest import DatabaseServer
from tests.factories import People

PATIENCE = 10.0


@dataclass(slots=True)
class Site:
    """A sealed trail, and a superuser who goes around every trigger and foreign key."""

    who: People
    server: DatabaseServer
    key: Path
    anchor: Path
    lots: Iterator[int] = field(default_factory=lambda: iter(range(1, 10_000)))

    def work(self, acts: int = 2) -> None:
        for _ in range(acts):
            factories.lot(self.who, f"L-{next(self.lots)}", "oxalate", accepted=False)

    def seal(self) -> None:
        """Until nothing waits: any transaction on the server, also PostgreSQL's own, may hold a row back a moment."""
        give_up = time.monotonic() + PATIENCE
        while True:
            seal_blocks()
            report = verify_trail()
            assert report.unsealed is not None
            if not report.unsealed.operations:
                return
            assert time.monotonic() < give_up, "the trail was not sealed in time"
            time.sleep(0.05)

    def attack(self, statement: str, *values: Any) -> None:
        url = with_parts(self.server.admin_url, database=str(connection.settings_dict["NAME"]))
        with psycopg.connect(url, autocommit=True) as superuser:
            superuser.execute("SET session_replication_role = replica")
            superuser.execute(statement.encode(), values or None)

    def verify(self) -> Report:
        return verify_trail(anchored=list(anchor.read(self.anchor)))


@pytest.fixture
def site(who: People, transactional_db: None, database_server: DatabaseServer, tmp_path: Path, settings: Any) -> Site:
    """Three blocks and more: people, then two lots, then two lots."""
    settings.AUDIT_KEY_FILE = tmp_path / "keys" / "audit.key"
    settings.AUDIT_ANCHOR_FILE = str(tmp_path / "anchor.jsonl")
    made = Site(who, database_server, tmp_path / "keys" / "audit.key", tmp_path / "anchor.jsonl")
    made.seal()
    for _ in range(2):
        made.work()
        made.seal()
    return made


def first(report: Report) -> Finding:
    assert not report.sound
    return report.findings[0]


def middle_block() -> Block:
    block = Block.objects.filter(number__gt=1).order_by("number").first()
    assert block is not None
    return block


def changes_of(block: Block) -> list[int]:
    within = Operation.objects.filter(cluster=block.cluster, txid__gte=block.from_txid, txid__lt=block.until_txid)
    return list(Change.objects.filter(operation__in=within).order_by("id").values_list("pk", flat=True))


# --- What is sealed -------------------------------------------------------------------------------------------------


@pytest.mark.requirement("P11-10a")
def test_an_undisturbed_trail_verifies(site: Site) -> None:
    report = site.verify()
    assert report.sound
    assert report.blocks == Block.objects.count() >= 3
    assert (report.operations, report.changes) == (Operation.objects.count(), Change.objects.count())
    assert report.anchored == report.blocks
    newest = newest_seal()
    assert newest is not None
    assert report.newest is not None
    assert newest["hash"] == report.newest.hash


def test_nothing_new_makes_no_block(site: Site) -> None:
    before = Block.objects.count()
    assert seal_blocks() == 0
    assert Block.objects.count() == before


def test_the_leaves_hold_every_column_of_the_trail(db: None) -> None:
    """Whoever adds a column gives the leaves a new form; a column that no leaf holds could be edited unseen."""
    for table, columns in (("audit_operation", trail.OPERATION), ("audit_change", trail.CHANGE)):
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped",
                [table],
            )
            there = {row[0] for row in cursor.fetchall()}
        newest = columns[max(columns)]
        assert {name for name in there if f".{name}" not in newest.replace(")", " ").replace(",", " ")} == set()


@pytest.mark.requirement("P11-10a")
def test_the_key_is_readable_by_its_owner_alone_and_not_in_the_database(site: Site) -> None:
    assert stat.S_IMODE(site.key.stat().st_mode) == 0o600
    assert stat.S_IMODE(site.key.parent.stat().st_mode) == 0o700
    (key,) = known_keys().values()
    assert Block.objects.exclude(key=key.name).count() == 0
    assert key.secret.hex() not in repr(key)


def test_a_lost_key_is_not_replaced_in_silence(site: Site) -> None:
    site.key.rename(site.key.with_name("elsewhere"))
    site.work()
    with pytest.raises(KeyUnusable, match="is not at"):
        seal_blocks()
    assert first(verify_trail()).what == What.MAC_WRONG


def test_blocks_of_an_earlier_key_verify_with_it(site: Site) -> None:
    site.key.rename(site.key.with_name("until-2026.key"))
    site.key.write_text("ab" * 32 + "\n")
    site.work()
    site.seal()
    assert site.verify().sound
    assert len(set(Block.objects.values_list("key", flat=True))) == 2


@pytest.mark.parametrize("text", ["", "no key", "ab" * 31])
def test_a_key_that_is_none_is_refused(site: Site, text: str) -> None:
    site.key.write_text(text)
    with pytest.raises(KeyUnusable):
        verify_trail()


# --- Open transactions, several sealers, several writers ------------------------------------------------------------


@pytest.mark.requirement("P11-10e")
def test_a_transaction_that_is_open_while_a_block_is_sealed_falls_into_a_later_one(site: Site) -> None:
    """It drew its ids first and commits last: an order by ids would pass it over."""
    url = with_parts(site.server.app_url, database=str(connection.settings_dict["NAME"]))
    with psycopg.connect(url) as slow:
        insert = "INSERT INTO audit_operation (actor_id, role, action, subject, reason, source, address) "
        insert += "VALUES (%s, 'operator', 'slow', 'S', '', 'rest', '') RETURNING id"
        row = slow.execute(insert, [site.who.operator.user.pk]).fetchone()
        assert row is not None
        site.work()
        seal_blocks()
        meanwhile = verify_trail()
        assert meanwhile.sound
        assert meanwhile.unsealed is not None
        assert meanwhile.unsealed.operations == 2  # later transactions wait for the open one
        slow.commit()
    site.seal()
    report = site.verify()
    assert report.sound
    assert report.operations == Operation.objects.count()
    assert Operation.objects.get(pk=row[0]).action == "slow"


@pytest.mark.requirement("P11-10a")
def test_sealing_in_several_places_at_once_gives_one_chain(site: Site) -> None:
    site.work(6)

    def seal(_: int) -> int:
        try:
            return seal_blocks()
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(seal, range(4))) >= 1
    site.seal()
    assert site.verify().sound
    numbers = list(Block.objects.order_by("number").values_list("number", flat=True))
    assert numbers == list(range(1, len(numbers) + 1))


@pytest.mark.requirement("P11-10e")
def test_writers_go_on_while_blocks_are_sealed_and_nothing_is_lost(site: Site) -> None:
    before = Operation.objects.count()
    done = threading.Event()

    def write(writer: int) -> None:
        try:
            for number in range(8):
                factories.lot(site.who, f"W-{writer}-{number}", "oxalate", accepted=False)
        finally:
            connection.close()

    def seal() -> None:
        try:
            while not done.is_set():
                seal_blocks()
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        sealers = [pool.submit(seal)]
        writers = [pool.submit(write, number) for number in range(3)]
        for writer in writers:
            writer.result()
        done.set()
        for sealer in sealers:
            sealer.result()
    site.seal()
    report = site.verify()
    assert report.sound
    assert report.operations == Operation.objects.count() == before + 24


def test_writers_do_not_wait_for_a_sealer_that_stands_still(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    holding, go_on = threading.Event(), threading.Event()
    original = sealing.sealing_key

    def stand_still(*, may_make: bool) -> Key:
        holding.set()
        assert go_on.wait(PATIENCE)
        return original(may_make=may_make)

    def seal() -> int:
        try:
            return seal_blocks()
        finally:
            connection.close()

    site.work()
    monkeypatch.setattr(sealing, "sealing_key", stand_still)
    with ThreadPoolExecutor(1) as pool:
        sealer = pool.submit(seal)
        try:
            assert holding.wait(PATIENCE)
            with connection.cursor() as cursor:
                cursor.execute("SET lock_timeout = '500ms'")
            site.work()
            assert seal_blocks() == 0  # and the second sealer does not wait either
        finally:
            go_on.set()
        assert sealer.result() >= 1
    monkeypatch.undo()
    site.seal()
    assert site.verify().sound


def test_a_refused_operation_leaves_no_gap_that_worries_anybody(site: Site) -> None:
    with pytest.raises(ValueError, match="no"), operation(actor=site.who.operator, action="refused"):
        raise ValueError("no")
    site.work(1)
    site.seal()
    assert site.verify().sound


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


# --- What the server's own role may not do --------------------------------------------------------------------------


@pytest.mark.requirement("AUD-3")
@pytest.mark.parametrize(
    "statement", ["UPDATE audit_block SET mac = ''", "DELETE FROM audit_block", "TRUNCATE audit_block"]
)
def test_the_server_may_only_add_blocks(db: None, statement: str) -> None:
    with pytest.raises(Error, match="permission denied"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)


@pytest.mark.requirement("AUD-1")
def test_the_database_says_itself_which_transaction_an_operation_belongs_to_and_when(who: People) -> None:
    forged = Operation.objects.create(actor=who.operator.user, role="", action="x", source="rest", txid=5, cluster=5)
    forged.refresh_from_db()
    with connection.cursor() as cursor:
        cursor.execute("SELECT txid_current(), (pg_control_system()).system_identifier")
        assert (forged.txid, forged.cluster) == cursor.fetchone()


# --- Restored elsewhere, and under a later PostgreSQL ---------------------------------------------------------------


def test_a_trail_restored_on_another_server_goes_on(
    who: People,
    transactional_db: None,
    database_server: DatabaseServer,
    tmp_path: Path,
    settings: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """There transactions count from one again, and rows that came along unsealed are of a server that is gone."""
    settings.AUDIT_KEY_FILE = tmp_path / "keys" / "audit.key"
    site = Site(who, database_server, settings.AUDIT_KEY_FILE, tmp_path / "anchor.jsonl")
    far = 1_000_000_000
    site.attack(f"UPDATE audit_operation SET cluster = 1, txid = txid + {far}")
    site.work()
    site.attack(f"UPDATE audit_operation SET cluster = 1, txid = txid + {far} WHERE cluster <> 1")
    newest = Operation.objects.latest("txid").txid
    monkeypatch.setattr(sealing, "_horizon", lambda: (1, newest))
    assert seal_blocks() == 1
    monkeypatch.undo()
    site.work()
    site.seal()
    report = verify_trail()
    assert report.sound
    assert report.operations == Operation.objects.count()
    clusters = list(Block.objects.order_by("number").values_list("cluster", flat=True))
    assert clusters[:2] == [1, 1]
    assert 1 not in clusters[2:]


def test_another_layout_of_json_in_a_later_postgresql_is_the_same_row(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    tight = "replace(replace(c.new_row::text, '\": ', '\":'), ', \"', ',\"')"
    monkeypatch.setitem(trail.CHANGE, 1, trail.CHANGE[1].replace("c.new_row", tight))
    assert site.verify().sound
    row = changes_of(middle_block())[0]
    site.attack('UPDATE audit_change SET new_row = new_row || \'{"material": "water"}\' WHERE id = %s', row)
    found = first(site.verify())
    assert (found.what, found.id, len(site.verify().findings)) == (What.EDITED, row, 1)


# --- The anchor file ------------------------------------------------------------------------------------------------


def test_the_anchor_holds_one_line_for_each_block_and_catches_up(site: Site) -> None:
    lines = site.anchor.read_text().splitlines()
    assert [json.loads(line)["block"] for line in lines] == list(range(1, Block.objects.count() + 1))
    whole = site.anchor.read_bytes()
    site.anchor.write_bytes(whole[: len(whole) - 30])  # a loss of power in the middle of the last line
    assert site.verify().sound
    seal_blocks()
    assert site.anchor.read_bytes() == whole


def test_sealing_goes_on_when_the_anchor_cannot_be_written(site: Site, settings: Any) -> None:
    settings.AUDIT_ANCHOR_FILE = str(site.key / "not-a-directory" / "anchor.jsonl")
    site.work()
    site.seal()
    assert verify_trail().sound


# --- The command and the release ------------------------------------------------------------------------------------


@pytest.mark.requirement("P11-10a")
def test_the_command_says_what_it_found_and_exits_with_one(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    call_command("verify_audit")
    said = capsys.readouterr().out
    assert "The trail is as it was sealed." in said
    assert f"Compared with {Block.objects.count()} seals" in said
    row = changes_of(middle_block())[0]
    site.attack("UPDATE audit_change SET row_pk = '0' WHERE id = %s", row)
    with pytest.raises(SystemExit) as ended:
        call_command("verify_audit")
    assert ended.value.code == 1
    assert f"The trail is NOT sound. First: audit_change {row} was edited" in capsys.readouterr().out


def test_the_command_answers_in_json_and_takes_a_printed_seal(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    newest = newest_seal()
    assert newest is not None
    grouped = f"{newest['hash'][:8]} {newest['hash'][8:]}".upper()
    call_command("verify_audit", "--json", "--anchor", str(site.anchor), "--printed", f"{newest['number']}:{grouped}")
    assert json.loads(capsys.readouterr().out)["sound"] is True
    with pytest.raises(SystemExit):
        call_command("verify_audit", "--printed", f"{newest['number']}:{'0' * 64}")
    with pytest.raises(CommandError, match="no printed seal"):
        call_command("verify_audit", "--printed", "12")
    with pytest.raises(CommandError, match="cannot be read"):
        call_command("verify_audit", "--anchor", str(site.key / "nowhere"))


@pytest.mark.requirement("P11-10a")
def test_a_release_rings_for_the_sealer_and_prints_the_newest_seal(
    site: Site, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    from lims.records.models import Document

    rung = threading.Event()
    monkeypatch.setattr(sealing, "ring", rung.set)
    factories.adopt_library(site.who)
    factories.stock(site.who)
    seal_blocks()
    newest = newest_seal()
    batch = factories.released(site.who)
    assert rung.wait(PATIENCE)
    assert Document.objects.get(subject=batch.number).context["printed"]["audit_seal"] == newest
    site.seal()
    assert site.verify().sound


@pytest.mark.usefixtures("transactional_db")
def test_ringing_does_not_wait_for_a_queue_that_is_down(monkeypatch: pytest.MonkeyPatch) -> None:
    from celery import current_app

    monkeypatch.setattr(current_app.conf, "broker_write_url", "redis://127.0.0.1:1/0")
    begun = time.monotonic()
    with transaction.atomic():
        sealing.seal_soon()
    assert time.monotonic() - begun < 0.5
    sealing.ring()  # the bell itself gives up after one try, and says so in the log
