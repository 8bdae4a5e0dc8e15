"""What stands outside the database: the anchor file, the answer of the command, the seal on the printed record."""

from __future__ import annotations

import json
import threading
import time
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import transaction

from lims.audit import sealing
from lims.audit.models import Block
from lims.audit.sealing import newest_seal, seal_blocks
from lims.audit.verification import verify_trail
from tests import factories
from tests.integration.seals.sealed_site import PATIENCE, Site, changes_of, middle_block

# --- The anchor file ------------------------------------------------------------------------------------------------


def test_the_anchor_holds_one_line_for_each_block_and_catches_up(site: Site) -> None:
    lines = site.anchor.read_text().splitlines()
    assert [json.loads(line)["block"] for line in lines] == list(range(1, Block.objects.count() + 1))
    whole = site.anchor.read_bytes()
    site.anchor.write_bytes(whole[: len(whole) - 30])  # a loss of power in the middle of the last line
    assert site.verify().sound
    seal_blocks()
    assert site.anchor.read_bytes() == whole


def test_sealing_goes_on_when_the_anchor_cannot_be_written(site: Site, settings: Any) -> None:
    settings.AUDIT_ANCHOR_FILE = str(site.key / "not-a-directory" / "anchor.jsonl")
    site.work()
    site.seal()
    assert verify_trail().sound


# --- The command and the release ------------------------------------------------------------------------------------


@pytest.mark.requirement("P11-10a")
def test_the_command_says_what_it_found_and_exits_with_one(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    call_command("verify_audit")
    said = capsys.readouterr().out
    assert "The trail is as it was sealed." in said
    assert f"Compared with {Block.objects.count()} seals" in said
    row = changes_of(middle_block())[0]
    site.attack("UPDATE audit_change SET row_pk = '0' WHERE id = %s", row)
    with pytest.raises(SystemExit) as ended:
        call_command("verify_audit")
    assert ended.value.code == 1
    assert f"The trail is NOT sound. First: audit_change {row} was edited" in capsys.readouterr().out


def test_the_command_answers_in_json_and_takes_a_printed_seal(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    newest = newest_seal()
    assert newest is not None
    grouped = f"{newest['hash'][:8]} {newest['hash'][8:]}".upper()
    call_command("verify_audit", "--json", "--anchor", str(site.anchor), "--printed", f"{newest['number']}:{grouped}")
    assert json.loads(capsys.readouterr().out)["sound"] is True
    with pytest.raises(SystemExit):
        call_command("verify_audit", "--printed", f"{newest['number']}:{'0' * 64}")
    with pytest.raises(CommandError, match="no printed seal"):
        call_command("verify_audit", "--printed", "12")
    with pytest.raises(CommandError, match="cannot be read"):
        call_command("verify_audit", "--anchor", str(site.key / "nowhere"))


@pytest.mark.requirement("P11-10a")
def test_a_release_rings_for_the_sealer_and_prints_the_newest_seal(
    site: Site, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    from lims.records.models import Document

    rung = threading.Event()
    monkeypatch.setattr(sealing, "ring", rung.set)
    factories.adopt_library(site.who)
    factories.stock(site.who)
    seal_blocks()
    newest = newest_seal()
    batch = factories.released(site.who)
    assert rung.wait(PATIENCE)
    assert Document.objects.get(subject=batch.number).context["printed"]["audit_seal"] == newest
    site.seal()
    assert site.verify().sound


@pytest.mark.usefixtures("transactional_db")
def test_ringing_does_not_wait_for_a_queue_that_is_down(monkeypatch: pytest.MonkeyPatch) -> None:
    from celery import current_app

    monkeypatch.setattr(current_app.conf, "broker_write_url", "redis://127.0.0.1:1/0")
    begun = time.monotonic()
    with transaction.atomic():
        sealing.seal_soon()
    assert time.monotonic() - begun < 0.5
    sealing.ring()  # the bell itself gives up after one try, and says so in the log
