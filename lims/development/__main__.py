"""`python -m lims.development up | test | manage`, inside the environment that `./oxinate` made."""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
from collections.abc import Sequence

from lims.development import servers, supervisor
from lims.development.processes import StartFailed, tied_to_parent
from lims.development.supervisor import say

# Pure computations for other programs: no server is started, and nothing but their answer is written.
SERVERLESS = {"formula", "judge", "help", "version"}
OWNER_COMMANDS = {"migrate"}
# Options of pytest with which one process does it all; what the user says about pytest-xdist counts before ours.
LOOKING_ON = ("-s", "--capture=no", "--pdb", "--trace", "-h", "--help", "-V", "--version", "--fixtures", "--markers")
OF_XDIST = ("-n", "--numprocesses", "--dist", "no:xdist", "-pno:xdist")


def main(arguments: Sequence[str]) -> int:
    command, rest = arguments[0], list(arguments[1:])
    try:
        if command == "up":
            return supervisor.up(servers.data_directory(), port=_port(rest))
        if command == "test":
            return test(rest)
        return manage(rest)
    except StartFailed as refusal:
        say(str(refusal))
        return 1
    except KeyboardInterrupt:
        return 130


def _port(rest: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="./oxinate up")
    parser.add_argument("--port", type=int, default=8000, help="where the site listens on 127.0.0.1 (default 8000)")
    port: int = parser.parse_args(rest).port
    if not 1 <= port <= 65535:
        parser.error(f"{port} is no port; it must lie between 1 and 65535")
    return port


def test(rest: Sequence[str]) -> int:
    if in_parallel(rest):
        # Each process starts servers of its own; a file is not divided, because its tests share what they set up.
        options = ["-p", "tests.own_servers", "-n", "2", "--dist", "loadfile", "--no-loadscope-reorder"]
        return _run([sys.executable, "-m", "pytest", *options, *rest], {"LIMS_ENV": "test"})
    with servers.throw_away() as running:
        # The tests connect as lims_app; the owner makes their template, the administrator copies it.
        environment = running.environment | {"LIMS_ENV": "test"}
        return _run([sys.executable, "-m", "pytest", *rest], environment)


def in_parallel(rest: Sequence[str]) -> bool:
    """Whole folders, on servers of ours, by whoever does not want to look on while they run (-s, --pdb, -n0)."""
    given = os.environ.get("DATABASE_URL") or os.environ.get("REDIS_URL")
    files = any(not word.startswith("-") and (word.endswith(".py") or "::" in word) for word in rest)
    return not (given or files or any(word.startswith((*LOOKING_ON, *OF_XDIST)) for word in rest))


def manage(rest: Sequence[str]) -> int:
    command = [sys.executable, str(servers.ROOT / "manage.py"), *rest]
    name = rest[0] if rest else "help"
    if name in SERVERLESS or name.startswith("-") or "--help" in rest:
        os.execv(command[0], command)  # noqa: S606
    with servers.borrowed(servers.data_directory()) as running:
        environment = running.environment_of("owner" if name in OWNER_COMMANDS else "app")
        return _run(command, environment)


def _run(command: Sequence[str], environment: dict[str, str]) -> int:
    """In the foreground: Ctrl-C reaches the command itself, and this process waits for what it makes of it."""
    ignored = signal.signal(signal.SIGINT, signal.SIG_IGN)
    process = subprocess.Popen(
        command,
        env={**os.environ, **environment},
        preexec_fn=tied_to_parent(signal.SIGTERM, foreground=True),
    )
    signal.signal(signal.SIGTERM, lambda *_: process.terminate())
    signal.signal(signal.SIGHUP, lambda *_: process.terminate())
    try:
        status = process.wait()
    finally:
        signal.signal(signal.SIGINT, ignored)
        if process.poll() is None:
            process.kill()
    return 128 - status if status < 0 else status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
