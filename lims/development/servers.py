"""The servers of one checkout: embedded, or those that DATABASE_URL and REDIS_URL name; shared by its commands."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from lims.development import provision
from lims.development.postgres import Postgres
from lims.development.processes import StartFailed
from lims.development.secret_files import Secrets, write_secret
from lims.development.valkey import Valkey

ROOT = Path(__file__).resolve().parents[2]
DATABASE = "oxinate"
THROWN_AWAY = "oxinate-test-"
ROOM_IN_MEMORY = 3_000_000_000  # bytes: the databases and the log of a whole run, with a margin


def data_directory() -> Path:
    return Path(os.environ.get("LIMS_DATA_DIR") or ROOT / "var").resolve()


@dataclass(slots=True)
class Servers:
    """Started servers, as the environment of a process that uses them."""

    environment: dict[str, str]
    started: list[Postgres | Valkey] = field(default_factory=list)

    def stop(self) -> None:
        while self.started:
            self.started.pop().stop()

    def environment_of(self, role: str) -> dict[str, str]:
        """Only migrations see the owner's password."""
        variables = dict(self.environment)
        if role == "owner":
            variables["LIMS_DATABASE_ROLE"] = "owner"
        else:
            variables.pop("DATABASE_OWNER_URL", None)
        return variables


def start(directory: Path, *, throw_away: bool = False, memory: Path | None = None) -> Servers:
    """Start what the environment does not bring; whatever was started is stopped again if the rest fails.

    `memory` keeps the passwords of roles made on a given server, which outlives a throw-away directory.
    """
    secrets = Secrets(directory / "secrets.json")
    servers = Servers({"LIMS_DATA_DIR": str(directory)})
    try:
        if os.environ.get("DATABASE_URL") or os.environ.get("DATABASE_OWNER_URL"):
            _given_database(servers, Secrets((memory or directory) / "secrets.json"))
        else:
            _own_database(servers, directory, secrets, throw_away=throw_away)
        if not throw_away:
            del servers.environment["LIMS_ADMIN_DATABASE_URL"]
        _redis(servers, directory, secrets, throw_away=throw_away)
    except BaseException:
        servers.stop()
        raise
    if not os.environ.get("LIMS_SECRET_KEY") and not os.environ.get("LIMS_SECRET_KEY_FILE"):
        servers.environment["LIMS_SECRET_KEY"] = secrets.get("django")
    return servers


def _given_database(servers: Servers, secrets: Secrets) -> None:
    said, owner = os.environ.get("DATABASE_URL", ""), os.environ.get("DATABASE_OWNER_URL", "")
    if not said:
        raise StartFailed("DATABASE_OWNER_URL is set and DATABASE_URL is not: set both, or neither.")
    urls = (said, owner) if owner else provision.adopt(said, secrets)
    servers.environment["DATABASE_URL"], servers.environment["DATABASE_OWNER_URL"] = urls
    servers.environment["LIMS_ADMIN_DATABASE_URL"] = os.environ.get("LIMS_ADMIN_DATABASE_URL") or owner or said


def _own_database(servers: Servers, directory: Path, secrets: Secrets, *, throw_away: bool) -> None:
    server = Postgres(directory / "postgres", secrets=secrets, throw_away=throw_away)
    servers.started.append(server)
    server.start()
    urls = provision.provision(server.url(), secrets, database=DATABASE)
    servers.environment["DATABASE_URL"], servers.environment["DATABASE_OWNER_URL"] = urls
    servers.environment["LIMS_ADMIN_DATABASE_URL"] = server.url()
    servers.environment["LIMS_EMBEDDED_SERVERS"] = "1"


def _redis(servers: Servers, directory: Path, secrets: Secrets, *, throw_away: bool) -> None:
    said = os.environ.get("REDIS_URL", "")
    if said:
        servers.environment["REDIS_URL"] = said
        return
    server = Valkey(directory / "valkey", secrets=secrets, throw_away=throw_away)
    servers.started.append(server)
    server.start()
    servers.environment["REDIS_URL"] = server.url()
    servers.environment["LIMS_EMBEDDED_SERVERS"] = "1"


@contextlib.contextmanager
def throw_away() -> Iterator[Servers]:
    """For tests: gone afterwards, and waiting for no disk."""
    place = _memory()
    _sweep(place)
    with tempfile.TemporaryDirectory(prefix=THROWN_AWAY, dir=place, ignore_cleanup_errors=True) as directory:
        in_use = _lock(Path(directory) / "in-use.lock", fcntl.LOCK_EX)
        assert in_use is not None
        with in_use:
            servers = start(Path(directory), throw_away=True, memory=data_directory())
            try:
                yield servers
            finally:
                servers.stop()


def _memory() -> Path:
    """A file system in memory with room enough; without one, the usual place of temporary files."""
    shared = Path("/dev/shm")  # noqa: S108
    with contextlib.suppress(OSError):
        if os.access(shared, os.W_OK | os.X_OK) and shutil.disk_usage(shared).free > ROOM_IN_MEMORY:
            return shared
    return Path(tempfile.gettempdir())


def _sweep(place: Path) -> None:
    """Take away what a killed run left, whose lock nobody holds any more."""
    for left in place.glob(f"{THROWN_AWAY}*/in-use.lock"):
        with contextlib.suppress(OSError):
            lock = _lock(left, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if lock is not None:
                shutil.rmtree(left.parent, ignore_errors=True)
                lock.close()


# --- One set of servers per checkout ------------------------------------------------------------------------------
# The holder keeps `servers.lock` locked for as long as its servers run, so a killed holder leaves nothing locked.
# A guest keeps a shared lock on `guests.lock`, for which a holder that serves one command waits before it stops.


class Taken(Exception):
    """Another process of this checkout holds the servers; `note` is what it wrote about itself."""

    def __init__(self, note: dict[str, Any]) -> None:
        super().__init__()
        self.note = note


def _lock(path: Path, kind: int) -> IO[str] | None:
    path.parent.mkdir(parents=True, exist_ok=True)
    file = path.open("a")
    try:
        fcntl.flock(file, kind)
    except BlockingIOError:
        file.close()
        return None
    return file


def _note(directory: Path) -> dict[str, Any]:
    try:
        note = json.loads((directory / "servers.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return note if isinstance(note, dict) else {}


@contextlib.contextmanager
def held(directory: Path, *, purpose: str, address: str = "") -> Iterator[Servers]:
    """Be the one process of this checkout that runs the servers. Raises Taken where another is."""
    lock = _lock(directory / "servers.lock", fcntl.LOCK_EX | fcntl.LOCK_NB)
    if lock is None:
        raise Taken(_note(directory))
    note_file = directory / "servers.json"
    with lock:
        note: dict[str, Any] = {"pid": os.getpid(), "purpose": purpose, "address": address}
        write_secret(note_file, json.dumps(note))
        guests: IO[str] | None = None
        servers = Servers({})
        try:
            servers = start(directory)
            write_secret(note_file, json.dumps(note | {"environment": servers.environment}))
            try:
                yield servers
            finally:
                # Kept until all is down: who comes now waits, and then starts anew.
                guests = _lock(directory / "guests.lock", fcntl.LOCK_EX) if purpose == "manage" else None
        finally:
            note_file.unlink(missing_ok=True)
            servers.stop()
            if guests is not None:
                guests.close()


@contextlib.contextmanager
def borrowed(directory: Path) -> Iterator[Servers]:
    """The servers that run already, else servers for as long as the caller needs them."""
    guest = _lock(directory / "guests.lock", fcntl.LOCK_SH)
    assert guest is not None
    with guest:
        end = time.monotonic() + 60
        while time.monotonic() < end:
            try:
                with held(directory, purpose="manage") as servers:
                    # A holder is no guest of its own: it would wait for itself.
                    fcntl.flock(guest, fcntl.LOCK_UN)
                    yield servers
                return
            except Taken as taken:
                if environment := taken.note.get("environment"):
                    yield Servers(dict(environment))
                    return
                time.sleep(0.1)
        raise StartFailed(f"The servers of {directory} are being started or stopped by another process; try again.")
