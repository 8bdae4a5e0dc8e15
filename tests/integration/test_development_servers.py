"""The embedded servers, with what a killed machine leaves behind."""

from __future__ import annotations

import os
import shutil
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
import redis

from lims.development import postgres, processes, provision, servers
from lims.development.__main__ import in_parallel
from lims.development.postgres import Postgres
from lims.development.processes import StartFailed
from lims.development.secret_files import Secrets
from lims.development.valkey import Valkey


@pytest.fixture(autouse=True)
def _nothing_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DATABASE_URL", "DATABASE_OWNER_URL", "REDIS_URL", "LIMS_SECRET_KEY"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def secrets(tmp_path: Path) -> Secrets:
    return Secrets(tmp_path / "secrets.json")


@pytest.fixture
def server(tmp_path: Path, secrets: Secrets) -> Iterator[Postgres]:
    embedded = Postgres(tmp_path / "postgres", secrets=secrets, throw_away=True)
    embedded.start()
    yield embedded
    embedded.stop()


def query(url: str, statement: str) -> list[tuple[object, ...]]:
    with psycopg.connect(url, autocommit=True) as connection:
        cursor = connection.execute(statement.encode())
        return cursor.fetchall() if cursor.description else []


def test_the_server_s_login_owns_nothing_and_migrations_own_the_schema(server: Postgres, secrets: Secrets) -> None:
    app, owner = provision.provision(server.url(), secrets, database="oxinate")
    query(owner, "CREATE TABLE batch (number text)")
    query(app, "INSERT INTO batch VALUES ('S-2026-0001')")
    assert query(app, "SELECT number FROM batch") == [("S-2026-0001",)]
    for forbidden in (
        "TRUNCATE batch",
        "CREATE TABLE mine ()",
        "ALTER TABLE batch DISABLE TRIGGER ALL",
        "SET ROLE lims_owner",
    ):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            query(app, forbidden)


def test_setting_up_twice_changes_nothing(server: Postgres, secrets: Secrets) -> None:
    first = provision.provision(server.url(), secrets, database="oxinate")
    assert provision.provision(server.url(), secrets, database="oxinate") == first
    assert query(first[0], "SELECT current_user::text") == [("lims_app",)]


def test_passwords_are_read_by_their_owner_alone(server: Postgres, secrets: Secrets) -> None:
    assert stat.S_IMODE(secrets.path.stat().st_mode) == 0o600
    assert len(secrets.get("postgres")) >= 32
    with pytest.raises(psycopg.OperationalError, match="password"):
        psycopg.connect(provision.with_parts(server.url(), role="postgres", password="postgres"))


def test_a_killed_postgresql_comes_back_with_its_data_on_its_port(tmp_path: Path, secrets: Secrets) -> None:
    first = Postgres(tmp_path / "postgres", secrets=secrets)
    first.start()
    query(first.url(), "CREATE TABLE kept AS SELECT 7 AS n")
    assert first.process is not None
    first.process.kill()
    first.process.wait()
    again = Postgres(tmp_path / "postgres", secrets=secrets)
    again.start()
    assert (again.port, query(again.url(), "SELECT n FROM kept")) == (first.port, [(7,)])
    again.stop()


def test_a_pid_file_with_the_number_of_another_living_process_is_no_obstacle(tmp_path: Path, secrets: Secrets) -> None:
    embedded = Postgres(tmp_path / "postgres", secrets=secrets)
    embedded.start()
    stale = (embedded.data / "postmaster.pid").read_text().splitlines()
    embedded.stop()
    stale[0] = str(os.getpid())
    (embedded.data / "postmaster.pid").write_text("\n".join(stale) + "\n")
    embedded.start()
    assert query(embedded.url(), "SELECT 1") == [(1,)]
    embedded.stop()


def test_a_server_that_outlived_its_supervisor_is_replaced(tmp_path: Path, secrets: Secrets) -> None:
    left = Postgres(tmp_path / "postgres", secrets=secrets)
    left.start()
    again = Postgres(tmp_path / "postgres", secrets=secrets)
    again.start()
    assert left.process is not None
    assert left.process.wait(5) is not None
    assert query(again.url(), "SELECT 1") == [(1,)]
    again.stop()


def test_a_busy_port_is_exchanged_for_a_free_one(tmp_path: Path) -> None:
    memory = tmp_path / "port"
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        busy = other.getsockname()[1]
        memory.write_text(str(busy))
        port = processes.remembered_port(memory)
    assert port != busy
    assert processes.remembered_port(memory) == port


def test_data_of_another_major_version_are_left_alone(tmp_path: Path, secrets: Secrets) -> None:
    data = tmp_path / "postgres" / "data"
    data.mkdir(parents=True)
    (data / "PG_VERSION").write_text("13\n")
    with pytest.raises(StartFailed, match="made by PostgreSQL 13"):
        Postgres(tmp_path / "postgres", secrets=secrets).start()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root leaves root")
def test_root_without_user_namespaces_starts_the_server_as_nobody(
    tmp_path: Path, secrets: Secrets, monkeypatch: pytest.MonkeyPatch
) -> None:
    empty = tmp_path / "programs"
    empty.mkdir()
    monkeypatch.setattr(postgres, "SHARED_STATE", Path("/var/tmp") / f"oxinate-{os.getpid()}")  # noqa: S108
    monkeypatch.setenv("PATH", str(empty))
    embedded = Postgres(tmp_path / "postgres", secrets=secrets, throw_away=True)
    try:
        embedded.start()
        assert embedded.process is not None
        assert Path(f"/proc/{embedded.process.pid}").stat().st_uid == postgres.NOBODY
        assert query(embedded.url(), "SELECT 1") == [(1,)]
    finally:
        embedded.stop()
        shutil.rmtree(postgres.SHARED_STATE, ignore_errors=True)


def test_a_killed_valkey_comes_back_with_its_data_on_its_port(tmp_path: Path, secrets: Secrets) -> None:
    first = Valkey(tmp_path / "valkey", secrets=secrets)
    first.start()
    with redis.Redis.from_url(first.url()) as client:
        client.set("bell", "rung")
    time.sleep(1.1)  # appendfsync everysec
    first.kill()
    again = Valkey(tmp_path / "valkey", secrets=secrets)
    again.start()
    with redis.Redis.from_url(again.url()) as client:
        assert client.get("bell") == b"rung"
    assert again.port == first.port
    again.stop()


def test_servers_die_with_the_process_that_started_them(tmp_path: Path) -> None:
    program = (
        "import sys, time; from pathlib import Path; from lims.development import servers;"
        "started = servers.start(Path(sys.argv[1]), throw_away=True);"
        "print(*[each.process.pid for each in started.started], flush=True); time.sleep(60)"
    )
    holder = subprocess.Popen([sys.executable, "-c", program, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert holder.stdout is not None
    pids = [int(pid) for pid in holder.stdout.readline().split()]
    assert len(pids) == 2
    holder.kill()
    holder.wait()
    holder.stdout.close()
    end = time.monotonic() + 5
    while time.monotonic() < end and any(processes.command_line(pid) for pid in pids):
        time.sleep(0.05)
    assert not any(processes.command_line(pid) for pid in pids)


def test_what_a_killed_run_left_is_swept_away_and_what_is_in_use_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(servers, "_memory", lambda: tmp_path)
    left = tmp_path / f"{servers.THROWN_AWAY}left"
    left.mkdir()
    (left / "in-use.lock").touch()
    with servers.throw_away():
        assert not left.exists()
        [mine] = tmp_path.glob(f"{servers.THROWN_AWAY}*")
        with servers.throw_away():
            assert mine.exists()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("words", "parallel"),
    [
        ("", True),
        ("tests/integration -q -k release --ignore=tests/integration/test_seals.py", True),
        ("tests/integration/test_seals.py", False),
        ("tests/unit/test_laws.py::test_decay -v", False),
        ("-n0", False),
        ("-p no:xdist", False),
        ("--pdb", False),
    ],
)
def test_whole_folders_are_tested_in_two_processes(words: str, parallel: bool) -> None:
    assert in_parallel(words.split()) is parallel


def test_tests_on_a_given_server_run_in_one_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://lims@127.0.0.1:1/oxinate")
    assert not in_parallel([])


def test_a_given_server_is_set_up_by_a_role_that_may(
    server: Postgres, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    query(server.url(), "CREATE ROLE somebody LOGIN CREATEROLE CREATEDB PASSWORD 'p'")
    monkeypatch.setenv("DATABASE_URL", provision.with_parts(server.url(database="site"), role="somebody", password="p"))
    monkeypatch.setenv("REDIS_URL", "redis://127.0.0.1:1/0")
    here = tmp_path / "here"
    started = servers.start(here)
    assert started.started == []
    query(started.environment["DATABASE_OWNER_URL"], "CREATE TABLE batch (number text)")
    assert query(started.environment["DATABASE_URL"], "SELECT current_user::text, count(*) FROM batch") == [
        ("lims_app", 0)
    ]
    assert servers.start(here).environment == started.environment
    with pytest.raises(StartFailed, match="password that is not known here"):
        servers.start(tmp_path / "elsewhere")


def test_a_given_server_whose_role_may_not_set_up_asks_for_the_owner(
    server: Postgres, secrets: Secrets, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    app, _ = provision.provision(server.url(), secrets, database="oxinate")
    monkeypatch.setenv("DATABASE_URL", app)
    with pytest.raises(StartFailed, match="set DATABASE_OWNER_URL too"):
        servers.start(tmp_path / "elsewhere")


def test_a_server_that_does_not_answer_is_named_without_its_password(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://lims:hidden@127.0.0.1:1/oxinate")
    with pytest.raises(StartFailed, match=r"127\.0\.0\.1:1 cannot be used") as refusal:
        servers.start(tmp_path)
    assert "hidden" not in str(refusal.value)
