"""`./oxinate` itself, as a person at a terminal meets it. Its data lie in a temporary folder, never in var/."""

from __future__ import annotations

import ast
import json
import os
import runpy
import signal
import socket
import stat
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import pytest

from lims.development.processes import free_port

ROOT = Path(__file__).resolve().parents[2]
# Longer than the ten seconds gunicorn gives a request before it kills the worker that answers it.
GRACE = 20
GIVEN = ("DATABASE_URL", "DATABASE_OWNER_URL", "REDIS_URL", "PYTEST_CURRENT_TEST")


def clean_environment(data: Path) -> dict[str, str]:
    kept = {key: value for key, value in os.environ.items() if key not in GIVEN and not key.startswith("LIMS_")}
    return kept | {"LIMS_DATA_DIR": str(data)}


def oxinate(data: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(ROOT / "oxinate"), *arguments],
        env=clean_environment(data),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=90,
    )


def survivors(data: Path) -> list[str]:
    """The processes that work on this data directory, wherever their parents have gone."""
    mark = f"LIMS_DATA_DIR={data}".encode()
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            variables = (entry / "environ").read_bytes().split(b"\0")
            line = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if line and (mark in variables or str(data) in line):
            found.append(f"{entry.name} {line}")
    return found


def gone(data: Path, *, within: float) -> bool:
    end = time.monotonic() + within
    while time.monotonic() < end:
        if not survivors(data):
            return True
        time.sleep(0.05)
    return False


class Site:
    """A running `./oxinate up`."""

    def __init__(self, data: Path) -> None:
        self.data = data
        self.port = free_port()
        self.process = subprocess.Popen(
            [str(ROOT / "oxinate"), "up", "--port", str(self.port)],
            env=clean_environment(data),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self.said = self._until("Ctrl-C stops everything")

    @property
    def output(self) -> IO[str]:
        assert self.process.stdout is not None
        return self.process.stdout

    def _until(self, text: str) -> str:
        said = ""
        for line in self.output:
            said += line
            if text in line:
                return said
        raise AssertionError(said)

    def hears(self, text: str) -> str:
        return self._until(text)

    def get(self, path: str) -> int:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=10) as answer:
            status: int = answer.status
            return status

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        self.output.close()


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("launcher") / "var"


@pytest.fixture
def site(data: Path) -> Iterator[Site]:
    running = Site(data)
    yield running
    running.close()
    assert gone(data, within=GRACE)


@pytest.mark.timeout(180)
def test_up_serves_everything_and_takes_it_all_down_again(site: Site, data: Path) -> None:
    assert f"http://127.0.0.1:{site.port}" in site.said
    accounts = data / "demo-accounts.json"
    assert stat.S_IMODE(accounts.stat().st_mode) == 0o600
    for account in json.loads(accounts.read_text())["accounts"]:
        assert account["password"] in site.said
    assert site.get("/api/v1/health/") == 200

    second = oxinate(data, "up", "--port", str(free_port()))
    assert second.returncode == 1
    assert f"running in this checkout already, at http://127.0.0.1:{site.port}" in second.stderr

    guest = oxinate(
        data, "manage", "shell", "-v", "0", "-c", "from lims.accounts.models import User; print(User.objects.count())"
    )
    assert int(guest.stdout) >= 8

    worker = next(int(line.split()[0]) for line in survivors(data) if "lims.celery:app worker" in line)
    os.kill(worker, signal.SIGKILL)
    assert "the worker was killed by signal 9" in site.hears("the worker was killed")

    started = time.monotonic()
    site.process.send_signal(signal.SIGTERM)
    assert site.process.wait(15) == 0
    assert time.monotonic() - started < 10
    assert survivors(data) == []


@pytest.mark.timeout(180)
def test_a_killed_supervisor_leaves_nothing_running_and_the_next_start_finds_its_data(data: Path) -> None:
    first = Site(data)
    passwords = (data / "demo-accounts.json").read_text()
    first.close()
    assert gone(data, within=GRACE), survivors(data)
    again = Site(data)
    assert (data / "demo-accounts.json").read_text() == passwords
    again.process.send_signal(signal.SIGINT)
    assert again.process.wait(15) == 0
    again.close()
    assert survivors(data) == []


def test_a_busy_port_is_told_in_one_line_with_a_free_one(data: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        refused = oxinate(data, "up", "--port", str(port))
    assert refused.returncode == 1
    assert refused.stderr.count("\n") == 1
    assert f"Port {port} is in use by another program" in refused.stderr
    assert survivors(data) == []


def test_manage_starts_servers_for_one_command_and_stops_them(data: Path) -> None:
    done = oxinate(data, "manage", "migrate", "-v", "0")
    assert (done.returncode, done.stdout) == (0, "")
    program = "from django.conf import settings; print(settings.DATABASES['default']['USER'])"
    done = oxinate(data, "manage", "shell", "-v", "0", "-c", program)
    assert (done.returncode, done.stdout) == (0, "lims_app\n")
    assert survivors(data) == []


def test_manage_hands_on_the_status_of_its_command(data: Path) -> None:
    assert oxinate(data, "manage", "shell", "-c", "raise SystemExit(7)").returncode == 7


def test_commands_that_compute_start_no_server(data: Path, tmp_path: Path) -> None:
    untouched = tmp_path / "var"
    done = oxinate(untouched, "manage", "help")
    assert done.returncode == 0
    assert done.stderr == ""
    assert not untouched.exists()


def test_production_is_not_served_by_up(data: Path) -> None:
    environment = clean_environment(data) | {"LIMS_ENV": "production"}
    done = subprocess.run(
        [str(ROOT / "oxinate"), "up"], env=environment, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 1
    assert "LIMS_ENV=production is served from docker-compose.yml" in done.stderr


def test_without_a_command_it_says_what_it_can_do() -> None:
    done = subprocess.run([str(ROOT / "oxinate")], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "./oxinate up [--port N]" in done.stderr


def test_an_old_python_can_read_the_launcher_and_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    ast.parse((ROOT / "oxinate").read_text(encoding="utf-8"), feature_version=(3, 7))
    monkeypatch.setattr(sys, "version_info", (3, 9, 2, "final", 0))
    monkeypatch.setenv("PATH", str(tmp_path))  # no newer one to go on with
    with pytest.raises(SystemExit, match=r"Python 3.11 or newer is needed; this is 3.9"):
        runpy.run_path(str(ROOT / "oxinate"), run_name="__main__")
