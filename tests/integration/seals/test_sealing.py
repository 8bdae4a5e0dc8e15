"""How the audit trail is sealed: what a block holds, with what key, and while others write."""

from __future__ import annotations

import stat
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.db import Error, connection, transaction

from lims.audit import sealing, trail
from lims.audit.findings import What
from lims.audit.keys import Key, KeyUnusable, known_keys
from lims.audit.models import Block, Change, Operation
from lims.audit.operations import operation
from lims.audit.sealing import newest_seal, seal_blocks
from lims.audit.verification import verify_trail
from lims.development.provision import with_parts
from tests import factories
from tests.conftest import DatabaseServer
from tests.factories import People
from tests.integration.seals.sealed_site import PATIENCE, Site, changes_of, first, middle_block

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
