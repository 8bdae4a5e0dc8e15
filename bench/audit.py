"""What the audit trail costs, and how fast it is verified; each beside the same rows without a trail.

    .venv/bin/python -m bench.audit

On throw-away servers of its own, which wait for no disk: where a commit waits for one, the ratios are smaller.
"""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path
from typing import Any

import psycopg

from bench.timing import side_by_side, table
from lims.development import servers
from lims.development.provision import with_parts

ROOT = Path(__file__).resolve().parent.parent
ENTRIES = 30
WRITERS = 4
SECONDS = 2.5
ROUNDS = 3
TRAILS = (100_000, 1_000_000)
OPERATIONS_IN_A_BLOCK = 10  # what a busy laboratory does in five seconds

BATCH = "INSERT INTO labeling_batch (number, protocol_version_id, identity, status, planned_by_id, started_by_id,"
BATCH += " started_at, start_reason) VALUES (%s, %s, '', 'in_progress', %s, %s, now(), '') RETURNING id"
COLUMNS = "batch_id, step, field, typed, value, unit, u, measured_at, recorded_by_id, equipment_id, reason, late,"
COLUMNS += " out_of_range, warnings, operation_id"
ROW = "(%s, %s, %s, '75.44', '75.44', 'MBq', '0.15', now(), %s, %s, '', false, false, '[]', %s)"
OPERATION = "INSERT INTO audit_operation (actor_id, role, action, subject, reason, source, address)"
OPERATION += " VALUES (%s, 'operator', 'batch.record', %s, '', 'rest', '127.0.0.1') RETURNING id"


class Writer:
    """Writes a batch with its entries in one transaction, as few statements as there can be, or as the services do."""

    def __init__(self, url: str, *, prefix: str) -> None:
        self.connection = psycopg.connect(url, autocommit=True)
        self.numbers = (f"{prefix}-{number}" for number in count(1))
        read = self.connection.execute
        self.user, self.version, self.equipment, self.operation = read(
            "SELECT (SELECT id FROM accounts_user WHERE username = 'operator'), "
            "(SELECT min(id) FROM labeling_protocolversion), (SELECT min(id) FROM labeling_equipment), "
            "(SELECT min(id) FROM audit_operation)"
        ).fetchone() or (0, 0, 0, 0)

    def bare(self) -> None:
        with self.connection.transaction():
            self._rows(next(self.numbers), self.operation)

    def audited(self) -> None:
        number = next(self.numbers)
        with self.connection.transaction():
            (operation,) = self.connection.execute(OPERATION, [self.user, number]).fetchone() or (0,)
            self.connection.execute("SELECT set_config('lims.operation', %s, true)", [str(operation)])
            self._rows(number, operation)
            self.connection.execute("SELECT set_config('lims.operation', '', true)")

    def _rows(self, number: str, operation: int) -> None:
        (batch,) = self.connection.execute(BATCH, [number, self.version, self.user, self.user]).fetchone() or (0,)
        values: list[Any] = []
        for entry in range(ENTRIES):
            values += [batch, f"step-{entry // 5}", f"field-{entry}", self.user, self.equipment, operation]
        rows = ", ".join([ROW] * ENTRIES)
        self.connection.execute(f"INSERT INTO labeling_entry ({COLUMNS}) VALUES {rows}".encode(), values)


def one_batch(audited_url: str, bare_url: str) -> str:
    audited, bare = Writer(audited_url, prefix="A"), Writer(bare_url, prefix="B")
    works: dict[str, tuple[Callable[[], object], int]] = {
        "without a trail, bare SQL": (bare.bare, 40),
        "audited, bare SQL": (audited.audited, 40),
    }
    title = f"A batch with {ENTRIES} entries in one transaction (target: at most 2.2 x)"
    return table(title, side_by_side(works), base="without a trail, bare SQL")


def _write_for_a_while(url: str, way: str, number: int, done: Any) -> None:
    writer = Writer(url, prefix=f"{number}-{time.time_ns():x}")
    written, until = 0, time.monotonic() + SECONDS
    while time.monotonic() < until:
        getattr(writer, way)()
        written += 1
    done.put(written)


def rate(url: str, way: str) -> float:
    """Batches a second of all writers together."""
    processes = multiprocessing.get_context("spawn")
    done = processes.Queue()
    writers = [
        processes.Process(target=_write_for_a_while, args=(url, way, n, done), daemon=True) for n in range(WRITERS)
    ]
    for writer in writers:
        writer.start()
    written = sum(done.get(timeout=SECONDS + 30) for _ in writers)
    for writer in writers:
        writer.join()
    return written / SECONDS


@contextmanager
def sealing() -> Iterator[None]:
    """A process that seals twice a second, ten times as often as beat asks for it."""
    program = "import django, time; django.setup()\nfrom lims.audit.sealing import seal_blocks\n"
    program += "while True:\n    seal_blocks(); time.sleep(0.5)"
    process = subprocess.Popen([sys.executable, "-c", program], cwd=ROOT)
    try:
        yield
    finally:
        process.terminate()
        process.wait()


def several_writers(audited_url: str, bare_url: str) -> str:
    rates: dict[str, list[float]] = {"bare": [], "audited": [], "sealed": []}
    for _ in range(ROUNDS):
        rates["bare"].append(rate(bare_url, "bare"))
        rates["audited"].append(rate(audited_url, "audited"))
        with sealing():
            rates["sealed"].append(rate(audited_url, "audited"))
    middle = {name: sorted(values)[ROUNDS // 2] for name, values in rates.items()}
    title = f"{WRITERS} writers at once (target: at least 40 %)"
    lines = [title, "-" * len(title)]
    names = {"bare": "without a trail", "audited": "audited", "sealed": "audited, and sealed twice a second"}
    for name, text in names.items():
        lines.append(f"  {text:<58} {middle[name]:>6.0f} /s  {middle[name] / middle['bare']:>10.0%}")
    return "\n".join(lines) + "\n"


def verification(admin_url: str) -> str:
    """Trails of two sizes, made by a superuser from the rows that the writers left."""
    from lims.audit import sealing as sealer
    from lims.audit.verification import verify_trail

    sealer.OPERATIONS_AT_ONCE = OPERATIONS_IN_A_BLOCK
    sealer._horizon = lambda: (1, there // ENTRIES + 1)  # noqa: SLF001  what is made below is of another server
    title = "Verification, one process and its server (target: a million changes in 15 s)"
    lines = [title, "-" * len(title)]
    there = 0
    for size in TRAILS:
        _lengthen(admin_url, size - there)
        there = size
        begun = time.perf_counter()
        blocks = sealer.seal_blocks()
        sealed = time.perf_counter()
        used = time.process_time()
        report = verify_trail()
        seconds, used = time.perf_counter() - sealed, time.process_time() - used
        assert report.sound, report.findings
        per_second = report.changes / seconds
        lines.append(
            f"  {report.changes} changes of {report.operations} operations in {report.blocks} blocks: "
            f"{seconds:.2f} s, {per_second:,.0f} /s, a million in {1e6 / per_second:.1f} s "
            f"(this process computed for {used:.2f} s)"
        )
        lines.append(f"    sealing the newest {blocks} blocks took {sealed - begun:.1f} s")
    return "\n".join(lines) + "\n"


def _lengthen(admin_url: str, changes: int) -> None:
    """As if they had come along from another server, where the transactions had other numbers."""
    with psycopg.connect(admin_url, autocommit=True) as superuser:
        superuser.execute("SET session_replication_role = replica")
        superuser.execute(
            "WITH act AS (INSERT INTO audit_operation (actor_id, role, action, subject, reason, source, address, at,"
            " txid, cluster) SELECT (SELECT min(id) FROM accounts_user), 'operator', 'entry.record', 'S-2026-0001', '',"
            " 'rest', '127.0.0.1', clock_timestamp(), g + (SELECT coalesce(max(txid), 0) FROM audit_operation WHERE"
            " cluster = 1), 1 FROM generate_series(1, %s) g RETURNING id)"
            " INSERT INTO audit_change (operation_id, table_name, row_pk, verb, old_row, new_row, at)"
            " SELECT act.id, table_name, row_pk, verb, old_row, new_row, clock_timestamp() FROM act, (SELECT * FROM"
            " audit_change WHERE table_name = 'labeling_entry' ORDER BY id LIMIT %s) template",
            [changes // ENTRIES, ENTRIES],
        )


def prepare(environment: dict[str, str]) -> None:
    """Two databases alike but for the trail: a protocol, an instrument, people."""
    os.environ.update(environment | {"LIMS_ENV": "test"})
    os.environ["DJANGO_SETTINGS_MODULE"] = "lims.settings"
    migrate = [sys.executable, "manage.py", "migrate", "--verbosity", "0"]
    subprocess.run(migrate, cwd=ROOT, env={**os.environ, "LIMS_DATABASE_ROLE": "owner"}, check=True)
    import django

    django.setup()
    from django.db import connection

    from tests import factories

    who = factories.people()
    factories.adopt_library(who)
    factories.instrument(who, "DC-1", "dose calibrator")
    connection.close()


def without_a_trail(admin_url: str, name: str) -> None:
    maintenance = with_parts(admin_url, database="postgres")
    with psycopg.connect(maintenance, autocommit=True) as superuser:
        superuser.execute(f"CREATE DATABASE {name} TEMPLATE {servers.DATABASE}".encode())
    with psycopg.connect(with_parts(admin_url, database=name), autocommit=True) as superuser:
        superuser.execute(
            "DO $$ DECLARE t record; BEGIN FOR t IN SELECT tgname, tgrelid::regclass AS r FROM pg_trigger"
            " WHERE tgname LIKE '%\\_audit\\_%' AND NOT tgisinternal LOOP"
            " EXECUTE format('DROP TRIGGER %I ON %s', t.tgname, t.r); END LOOP; END $$"
        )


def main() -> None:
    with tempfile.TemporaryDirectory() as keys, servers.throw_away() as running:
        environment = dict(running.environment)
        environment["LIMS_AUDIT_KEY_FILE"] = str(Path(keys) / "audit.key")
        prepare(environment)
        admin = with_parts(environment["LIMS_ADMIN_DATABASE_URL"], database=servers.DATABASE)
        without_a_trail(admin, "without_trail")
        audited = environment["DATABASE_URL"]
        bare = with_parts(audited, database="without_trail")
        print(one_batch(audited, bare))
        print(several_writers(audited, bare))
        print(verification(admin))


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        main()
