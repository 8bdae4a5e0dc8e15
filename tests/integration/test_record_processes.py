"""One record, whatever happens: real workers and a real beat, killed, stopped and cut off from their queue."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from celery import current_app

from lims.development import processes
from lims.development.secret_files import Secrets
from lims.development.valkey import Valkey
from lims.records.models import Document
from lims.records.rendering import LEASE, overdue_documents
from lims.records.services import ring
from lims.records.verification import verify_pdf
from tests.integration.sample_record import requested

pytestmark = [pytest.mark.timeout(180)]

CELERY = (sys.executable, "-W", "ignore", "-m", "celery", "-A", "lims.celery:app")
WORKER = (*CELERY, "worker", "-Q", "celery,pdf", "-c", "1", "-l", "INFO", "--without-gossip", "--without-mingle")
LONG = 420  # acts in the audit trail: some eight pages, long enough to be interrupted
S = Document.State


@dataclass(slots=True)
class Site:
    """The processes of one installation, all on this test's database and a queue of its own."""

    environment: dict[str, str]
    queue: Valkey
    logs: Path
    running: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def start(self, name: str, command: tuple[str, ...]) -> subprocess.Popen[bytes]:
        with (self.logs / f"{name}.log").open("ab") as log:
            process = subprocess.Popen(
                command,
                env=self.environment,
                stdout=log,
                stderr=log,
                preexec_fn=processes.tied_to_parent(signal.SIGKILL),  # noqa: PLW1509  as the supervisor starts them
            )
        self.running.append(process)
        return process

    def worker(self, name: str = "worker") -> subprocess.Popen[bytes]:
        return self.start(name, (*WORKER, "-n", f"{name}@test"))

    def beat(self) -> subprocess.Popen[bytes]:
        return self.start("beat", (*CELERY, "beat", "-l", "INFO", "--pidfile=", "-s", str(self.logs / "schedule")))

    def said(self, name: str) -> str:
        return (self.logs / f"{name}.log").read_text()

    def lose_the_queue(self) -> None:
        self.queue.kill()
        for kept in self.queue.directory.glob("appendonly*"):
            shutil.rmtree(kept)


@pytest.fixture
def site(
    transactional_db: None,
    process_environment: dict[str, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    settings: Any,
) -> Iterator[Site]:
    queue = Valkey(tmp_path / "queue", secrets=Secrets(tmp_path / "secrets"))
    queue.start()
    settings.SEAL_DIR = tmp_path / "seal"
    monkeypatch.setattr(current_app.conf, "broker_write_url", queue.url())
    environment = {**process_environment, "REDIS_URL": queue.url(), "LIMS_SEAL_DIR": str(tmp_path / "seal")}
    site = Site(environment, queue, tmp_path)
    yield site
    for process in site.running:
        processes.stop(process, (signal.SIGKILL, 1))
    queue.stop()


def now(document: Document) -> Document:
    return Document.objects.defer("context").get(pk=document.pk)


def until(condition: Callable[[], bool], *, seconds: float, what: str) -> float:
    started = time.monotonic()
    while not condition():
        if time.monotonic() - started > seconds:
            pytest.fail(f"{what} did not happen within {seconds} s")
        time.sleep(0.1)
    return time.monotonic() - started


def until_rendering(document: Document) -> None:
    until(lambda: now(document).state == S.RENDERING, seconds=40, what="the start of printing")


def until_sealed(document: Document, *, seconds: float = 100) -> Document:
    until(lambda: now(document).state == S.SEALED, seconds=seconds, what="the seal")
    sealed = now(document)
    assert verify_pdf(sealed.content).valid
    return sealed


def whole_group(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    os.killpg(process.pid, number)


def test_a_worker_killed_in_the_middle_frees_its_claim_within_seconds(site: Site) -> None:
    document = requested(acts=LONG)
    site.beat()
    victim = site.worker("victim")
    until_rendering(document)
    whole_group(victim, signal.SIGKILL)
    assert now(document).state == S.RENDERING
    freed = LEASE.total_seconds() + 2
    until(lambda: document.pk in overdue_documents(), seconds=freed, what="the end of the claim")
    site.worker("heir")
    assert until_sealed(document).attempts == 2


def test_a_worker_that_wakes_up_after_its_claim_was_taken_stores_nothing(site: Site) -> None:
    document = requested(acts=LONG)
    site.beat()
    sleeper = site.worker("sleeper")
    until_rendering(document)
    whole_group(sleeper, signal.SIGSTOP)
    site.worker("heir")
    sealed = until_sealed(document)
    whole_group(sleeper, signal.SIGCONT)
    until(lambda: "Another worker took over" in site.said("sleeper"), seconds=40, what="the sleeper's end of printing")
    after = now(document)
    assert (after.sha256, after.sealed_at, after.attempts) == (sealed.sha256, sealed.sealed_at, 2)


def test_a_record_requested_before_the_queue_was_lost_is_printed(site: Site) -> None:
    document = requested()
    site.lose_the_queue()
    site.queue.start()
    site.worker()
    site.beat()
    assert until_sealed(document).attempts == 1


def test_a_record_requested_while_the_queue_is_down_is_printed_once_it_is_back(site: Site) -> None:
    site.worker()
    site.beat()
    until(lambda: "ready" in site.said("worker"), seconds=40, what="the start of the worker")
    site.lose_the_queue()
    started = time.monotonic()
    document = requested()
    assert time.monotonic() - started < 3
    site.queue.start()
    assert until_sealed(document).attempts == 1


def test_a_bell_rung_many_times_prints_one_record(site: Site) -> None:
    documents = [requested(f"L-2026-000{n}") for n in (1, 2)]
    for document in documents * 4:
        ring(document.pk)
    site.worker("one")
    site.worker("two")
    for document in documents:
        assert until_sealed(document).attempts == 1
    sealed = [line for name in ("one", "two") for line in site.said(name).splitlines() if ": Sealed L-2026" in line]
    assert len(sealed) == 2
