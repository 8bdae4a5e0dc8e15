"""The example client against a real site: the one command that a newcomer types, and the one that runs a campaign."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.factories import PASSWORD, totp_secret

ROOT = Path(__file__).resolve().parents[2]
RUNNER = ROOT / "examples" / "run_campaign.py"
REFERENCE = ROOT / "examples" / "campaign.json"
SERVERS_OF_THE_TESTS = ("DATABASE_URL", "DATABASE_OWNER_URL", "REDIS_URL", "LIMS_ADMIN_DATABASE_URL", "LIMS_ENV")

pytestmark = pytest.mark.timeout(300)


@dataclass(frozen=True, slots=True)
class Site:
    url: str
    accounts: Path


@dataclass(frozen=True, slots=True)
class Run:
    status: int
    told: str
    json: dict[str, Any]
    records: Path


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A first start of everything, with servers and data of its own."""
    data = tmp_path_factory.mktemp("site")
    port = _free_port()
    environment = {name: value for name, value in os.environ.items() if name not in SERVERS_OF_THE_TESTS}
    with (data / "up.log").open("w") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "lims.development", "up", "--port", str(port)],
            env={**environment, "LIMS_DATA_DIR": str(data)},
            cwd=ROOT,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    try:
        _wait_until_healthy(process, port, data / "up.log")
        yield Site(f"http://127.0.0.1:{port}", data / "demo-accounts.json")
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=60)


def forget_used_codes(data: Path) -> None:
    """So that no run waits for the codes of the one before it; each run still waits for its own."""
    servers = data / "servers.json"
    if servers.exists():
        url = json.loads(servers.read_text(encoding="utf-8"))["environment"]["DATABASE_URL"]
        with psycopg.connect(url) as connection:
            connection.execute("UPDATE accounts_factor SET last_step = 0")


def run(folder: Path, campaign: Path, *, url: str, accounts: Path) -> Run:
    forget_used_codes(accounts.parent)
    out, records = folder / "out.json", folder / "records"
    options: list[str | Path] = ["--url", url, "--accounts", accounts, "--json", out, "--records", records]
    finished = subprocess.run(
        [sys.executable, RUNNER, *options, campaign], capture_output=True, text=True, timeout=280, check=False
    )
    told = finished.stdout + finished.stderr
    return Run(finished.returncode, told, json.loads(out.read_text()) if out.exists() else {}, records)


@pytest.fixture(scope="module")
def staffed(site: Site) -> Site:
    """The same site with more people who approve and release: nobody waits for the next code of one person."""
    data = site.accounts.parent
    names = [f"{role}-{number}" for role in ("quality", "releaser") for number in range(11, 15)]
    enroll = f"from tests.factories import another\nfor name in {names}: another(name, name.partition('-')[0])"
    environment = {name: value for name, value in os.environ.items() if name not in SERVERS_OF_THE_TESTS}
    subprocess.run(
        [sys.executable, "-m", "lims.development", "manage", "shell", "-v", "0", "-c", enroll],
        env={**environment, "LIMS_DATA_DIR": str(data)},
        cwd=ROOT,
        check=True,
    )
    rows = json.loads(site.accounts.read_text(encoding="utf-8"))["accounts"]
    for name in names:
        person = {"username": name, "password": PASSWORD.format(name), "totp_secret": totp_secret(name)}
        rows.append({**person, "roles": [name.partition("-")[0]]})
    path = data / "more-accounts.json"
    path.write_text(json.dumps({"accounts": rows}), encoding="utf-8")
    return Site(site.url, path)


def written(folder: Path, campaign: dict[str, Any]) -> Path:
    path = folder / "campaign.json"
    path.write_text(json.dumps(campaign), encoding="utf-8")
    return path


@pytest.fixture
def synthesis() -> dict[str, Any]:
    """The reference campaign without its labelings."""
    campaign: dict[str, Any] = json.loads(REFERENCE.read_text(encoding="utf-8"))
    return {**campaign, "labelings": []}


def test_the_reference_campaign_comes_out_as_its_file_expects(site: Site, tmp_path: Path) -> None:
    done = run(tmp_path, REFERENCE, url=site.url, accounts=site.accounts)

    assert done.status == 0, done.told
    assert done.json["ok"]
    made, labeled, refused = done.json["batches"]
    assert [batch["status"] for batch in done.json["batches"]] == ["released", "released", "rejected"]
    assert labeled["results"]["labeling_efficiency"]["unit"] == "%"
    assert labeled["verdicts"]["viability"] == "pass"
    [blocker] = refused["blockers"]
    assert blocker["test"] == "viability"
    assert all(word in blocker["detail"] for word in ("Viability", "74", "80 %"))
    for batch in (made, labeled, refused):
        assert batch["record"]["valid"]
        pdf = (done.records / f"{batch['number']}.pdf").read_bytes()
        assert hashlib.sha256(pdf).hexdigest() == batch["record"]["sha256"]


def test_a_campaign_runs_twice_on_one_server(staffed: Site, synthesis: dict[str, Any], tmp_path: Path) -> None:
    campaign = written(tmp_path, synthesis)
    first, second = (run(tmp_path, campaign, url=staffed.url, accounts=staffed.accounts) for _ in range(2))

    assert (first.status, second.status) == (0, 0), second.told
    assert "-KIT-302" in second.told
    assert first.json["batches"][0]["number"] != second.json["batches"][0]["number"]


def test_an_expectation_that_is_not_met_is_told(staffed: Site, synthesis: dict[str, Any], tmp_path: Path) -> None:
    synthesis["synthesis"]["expected_results"]["concentration"]["value"] = "52.8417"
    done = run(tmp_path, written(tmp_path, synthesis), url=staffed.url, accounts=staffed.accounts)

    assert done.status == 1
    assert not done.json["ok"]
    [wrong] = [line for line in done.told.splitlines() if line.endswith("NO")]
    assert "concentration" in wrong
    assert "52.8417 MBq/mL" in wrong


def test_a_missing_test_keeps_the_batch_and_what_is_made_from_it(staffed: Site, tmp_path: Path) -> None:
    campaign = json.loads(REFERENCE.read_text(encoding="utf-8"))
    del campaign["synthesis"]["test_results"]["endotoxin"]
    campaign["synthesis"]["expected_release"] = {"decision": "refused", "blockers": ["endotoxin"]}
    done = run(tmp_path, written(tmp_path, campaign), url=staffed.url, accounts=staffed.accounts)

    assert done.status == 1  # the file still expects the labelings
    assert "refused: endotoxin" in done.told
    assert [batch["status"] for batch in done.json["batches"]] == ["rejected", "not_run", "not_run"]
    assert done.json["batches"][0]["ok"]


def test_what_the_server_refuses_is_told_with_batch_step_and_field(
    staffed: Site, synthesis: dict[str, Any], tmp_path: Path
) -> None:
    synthesis["synthesis"]["entries"][2]["unit"] = "MBk"
    done = run(tmp_path, written(tmp_path, synthesis), url=staffed.url, accounts=staffed.accounts)

    assert done.status == 1
    assert f"{done.json['batches'][0]['number']} dispense.starting: " in done.told
    assert "unknown_unit" in done.told


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"started_at": "2026-03-03T06:00:00"}, "a time without its offset"),
        ({"expected_release": {"decision": "perhaps"}}, "it can be released or refused"),
        ({"entries": [{"step": "dispense", "field": "starting"}]}, "lacks value"),
    ],
)
def test_a_file_that_cannot_be_used_is_told_before_anything_is_sent(
    change: dict[str, Any], sentence: str, synthesis: dict[str, Any], tmp_path: Path
) -> None:
    synthesis["synthesis"] |= change
    done = run(tmp_path, written(tmp_path, synthesis), url="http://127.0.0.1:9", accounts=tmp_path / "none.json")

    assert done.status == 2
    assert sentence in done.told


def test_a_server_that_does_not_answer_is_told(tmp_path: Path) -> None:
    accounts = tmp_path / "accounts.json"
    roles = ["operator", "verifier", "analyst", "reviewer", "releaser", "quality"]
    rows = [{"username": role, "password": "none", "roles": [role]} for role in roles]
    accounts.write_text(json.dumps({"accounts": rows}), encoding="utf-8")
    done = run(tmp_path, REFERENCE, url=f"http://127.0.0.1:{_free_port()}", accounts=accounts)

    assert done.status == 2
    assert "Is the server running?" in done.told


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _wait_until_healthy(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    until = time.monotonic() + 90
    while time.monotonic() < until and process.poll() is None:
        connection = HTTPConnection("127.0.0.1", port, timeout=5)
        try:
            connection.request("GET", "/api/v1/health/")
            if connection.getresponse().status == 200:
                return
        except (OSError, HTTPException):
            pass
        finally:
            connection.close()
        time.sleep(0.3)
    pytest.fail(f"The site did not start:\n{log.read_text()[-3000:]}")
