"""`./oxinate up`: the servers, the site, a Celery worker and beat, as children that end with this process."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from lims.development import processes
from lims.development.processes import StartFailed
from lims.development.servers import ROOT, Servers, Taken, held

CELERY = (sys.executable, "-m", "celery", "-A", "lims.celery:app")
WORKER = (
    "worker",
    "--queues",
    "celery,pdf",
    "--concurrency",
    "2",
    "--max-tasks-per-child",
    "50",
    "--loglevel",
    "WARNING",
)
QUIET_WORKER = ("--without-gossip", "--without-mingle", "--without-heartbeat")
GUNICORN = (
    sys.executable,
    "-m",
    "gunicorn",
    "-c",
    "python:lims.serving",
    "--log-level",
    "warning",
    "lims.wsgi:application",
)
HOST = "127.0.0.1"
STEADY_SECONDS = 10.0  # a child that lived so long is restarted at once when it dies


def say(text: str) -> None:
    """To standard error: standard output belongs to the commands."""
    sys.stderr.write(f"oxinate: {text}\n")
    sys.stderr.flush()


class Child:
    """One process that ought to run; started again when it dies, slower each time it dies young."""

    def __init__(
        self, name: str, command: Sequence[str], environment: Mapping[str, str], log: Path, *, cold: signal.Signals
    ) -> None:
        self.name = name
        self.command = command
        self.environment = environment
        self.log = log
        self.cold = cold  # ends it without waiting for what it is doing
        self.process: subprocess.Popen[bytes] | None = None
        self.started_at = 0.0
        self.start_again_at = 0.0
        self.early_deaths = 0

    def start(self) -> None:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self.command,
                cwd=ROOT,
                env={**os.environ, **self.environment},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                preexec_fn=processes.tied_to_parent(self.cold),
            )
        self.started_at = time.monotonic()

    def look_after(self) -> None:
        now = time.monotonic()
        if self.process is None:
            if now >= self.start_again_at:
                self.start()
            return
        status = self.process.poll()
        if status is None:
            return
        self.early_deaths = self.early_deaths + 1 if now - self.started_at < STEADY_SECONDS else 0
        pause = min(2.0**self.early_deaths - 1, 30.0)
        processes.stop(self.process)
        self.process, self.start_again_at = None, now + pause
        ended = f"was killed by signal {-status}" if status < 0 else f"ended with status {status}"
        again = f"starting it again in {pause:.0f} s" if pause else "starting it again"
        say(f"the {self.name} {ended}; {again} (its log: {self.log})")

    def ask_to_end(self) -> None:
        if self.process is not None:
            with contextlib.suppress(ProcessLookupError):
                self.process.send_signal(signal.SIGTERM)

    def end(self, until: float) -> None:
        if self.process is not None:
            left = max(0.05, until - time.monotonic())
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(left)
            processes.stop(self.process, (self.cold, 1.0))


@dataclass(slots=True)
class StopAsked(Exception):
    number: int


def _stop(number: int, _frame: FrameType | None) -> None:
    for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(each, signal.SIG_IGN)
    raise StopAsked(number)


def up(directory: Path, *, port: int) -> int:
    if os.environ.get("LIMS_ENV") == "production":
        raise StartFailed("./oxinate up is for development: LIMS_ENV=production is served from docker-compose.yml.")
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _stop)
    try:
        with _holding(directory, port) as servers:
            _serve(directory, servers, port)
    except StopAsked:
        pass
    say("stopped")
    return 0


@contextlib.contextmanager
def _holding(directory: Path, port: int):  # type: ignore[no-untyped-def]
    end = time.monotonic() + 20
    while True:
        try:
            with held(directory, purpose="up", address=f"http://{HOST}:{port}") as servers:
                yield servers
            return
        except Taken as taken:
            note = taken.note
            if note.get("purpose") != "up" and time.monotonic() < end:
                time.sleep(0.1)  # a command of `./oxinate manage` is about to end
                continue
            if note.get("purpose") == "up":
                raise StartFailed(
                    f"Oxinate is running in this checkout already, at {note.get('address')} (process "
                    f"{note.get('pid')}); stop it first, or use it."
                ) from None
            raise StartFailed(
                f"Process {note.get('pid', '?')} (./oxinate manage) is using the servers of {directory}; "
                "wait until it has ended."
            ) from None


def _serve(directory: Path, servers: Servers, port: int) -> None:
    if not processes.port_is_free(port):
        other = next((n for n in range(port + 1, port + 50) if processes.port_is_free(n)), processes.free_port())
        raise StartFailed(f"Port {port} is in use by another program; choose another: ./oxinate up --port {other}")
    logs = directory / "log"
    logs.mkdir(exist_ok=True)
    environment = servers.environment_of("app") | {"PYTHONUNBUFFERED": "1"}
    _run(
        "the migrations",
        [sys.executable, "manage.py", "migrate", "--no-input", "-v", "0"],
        servers.environment_of("owner"),
    )
    _run("the first data", [sys.executable, "-m", "lims.development.prepare"], environment)
    web = environment | {"LIMS_BIND": f"{HOST}:{port}", "LIMS_DATABASE_POOL": "6"}
    worker = [*CELERY, *WORKER, *QUIET_WORKER]
    beat = [*CELERY, "beat", "--loglevel", "WARNING", "--pidfile="]
    children = [
        Child("site", GUNICORN, web, logs / "site.log", cold=signal.SIGQUIT),
        Child("worker", worker, environment, logs / "worker.log", cold=signal.SIGQUIT),
        Child("beat", beat, environment, logs / "beat.log", cold=signal.SIGTERM),
    ]
    try:
        for child in children:
            child.log.write_bytes(b"")
            child.start()
        _wait_until_served(children[0], port)
        _greet(directory, port)
        _watch(children, servers)
    finally:
        for child in children:
            child.ask_to_end()
        until = time.monotonic() + 1.5
        for child in children:
            child.end(until)


def _watch(children: Sequence[Child], servers: Servers) -> None:
    while True:
        time.sleep(0.25)
        for server in servers.started:
            if server.process is not None and server.process.poll() is not None:
                say(f"{type(server).__name__} has ended (its log: {server.log}); starting it again")
                server.start()
        for child in children:
            child.look_after()


def _run(what: str, command: Sequence[str], environment: Mapping[str, str]) -> None:
    process = subprocess.Popen(
        command,
        cwd=ROOT,
        env={**os.environ, **environment},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        preexec_fn=processes.tied_to_parent(signal.SIGTERM),
    )
    try:
        output, _ = process.communicate()
    finally:
        processes.stop(process, (signal.SIGTERM, 2))
    if process.returncode:
        sys.stderr.write(output.decode(errors="replace"))
        raise StartFailed(f"{what} failed; what they said is above.")


def _wait_until_served(site: Child, port: int) -> None:
    end = time.monotonic() + 60
    while time.monotonic() < end:
        if site.process is not None and site.process.poll() is not None:
            break
        with contextlib.suppress(OSError, http.client.HTTPException):
            connection = http.client.HTTPConnection(HOST, port, timeout=10)
            connection.request("GET", "/api/v1/health/")
            status = connection.getresponse().status
            connection.close()
            if status < 500:
                return
        time.sleep(0.05)
    sys.stderr.write(processes.tail(site.log) + "\n")
    raise StartFailed(f"the site does not answer; its log is {site.log}.")


def _greet(directory: Path, port: int) -> None:
    lines = ["", f"  Oxinate is served at http://{HOST}:{port}", ""]
    accounts = directory / "demo-accounts.json"
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
        stored = json.loads(accounts.read_text(encoding="utf-8"))["accounts"]
        lines += [f"  Demo accounts (also in {accounts}):"]
        for account in stored:
            roles = ", ".join(account["roles"])
            lines.append(f"    {account['username']:<14} {account['password']:<28} {account['full_name']} ({roles})")
        lines.append("  One-time codes: ./oxinate manage demo_code USERNAME, or their totp_secret in an authenticator.")
    lines += ["", "  Ctrl-C stops everything.", ""]
    sys.stdout.write("\n".join(lines) + "\n")
    sys.stdout.flush()
