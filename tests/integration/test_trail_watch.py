"""The watch over the trail: what does not verify raises an alarm; a row that nobody may have written is named."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import call_command
from django.db.models.functions import Now

from labeling.models import Lot
from lims.audit.findings import What
from lims.audit.models import Block, Change, Operation
from lims.audit.verification import verify_tables
from lims.oversight import seals
from lims.oversight.models import Alarm, TrailWalk
from lims.oversight.seals import watch_trail
from lims.oversight.services import acknowledge_alarm
from lims.oversight.state import state_of_installation
from tests.integration.rest import Rest
from tests.integration.test_seals import Site, changes_of, middle_block, site  # noqa: F401 - a fixture

pytestmark = pytest.mark.usefixtures("site")

INSERTED = (
    'INSERT INTO labeling_lot SELECT (jsonb_populate_record(t, \'{{"id": 999, "number": "X"}}\')).* '
    "FROM labeling_lot t WHERE id = {}"
)


def told() -> list[str]:
    return list(Alarm.objects.filter(kind=Alarm.Kind.TRAIL_BROKEN).order_by("pk").values_list("subject", flat=True))


@pytest.mark.requirement("AUD-6")
def test_a_sound_trail_raises_nothing_and_that_it_was_verified_stands_in_it(site: Site) -> None:  # noqa: F811
    assert watch_trail() == []
    newest, whole = TrailWalk.objects.get(kind="newest"), TrailWalk.objects.get(kind="whole")
    assert newest.block == whole.block == Block.objects.count()
    assert whole.ended_at is not None
    assert whole.rows == Operation.objects.exclude(action="audit.verify").count() + Change.objects.count()
    op = Operation.objects.get(action="audit.verify")
    assert (op.actor.username, op.source) == ("system", "task")
    assert "as it was sealed, and the tables say the same" in op.reason
    watch_trail()
    assert Operation.objects.filter(action="audit.verify").count() == 1  # once a day
    TrailWalk.objects.filter(kind="whole").update(ended_at=Now() - timedelta(days=2))
    watch_trail()
    assert Operation.objects.filter(action="audit.verify").count() == 2


@pytest.mark.requirement("P11-10a")
def test_an_edited_change_raises_one_alarm_that_names_the_row(site: Site) -> None:  # noqa: F811
    row = changes_of(middle_block())[0]
    site.attack('UPDATE audit_change SET new_row = new_row || \'{"material": "water"}\' WHERE id = %s', row)
    [alarm, *_] = watch_trail()
    assert (alarm.kind, alarm.severity, alarm.subject) == ("trail_broken", "critical", f"audit_change {row}")
    assert f"audit_change {row} was edited after block" in alarm.text
    before = told()
    TrailWalk.objects.update(ended_at=None, block=0, hash="", until={})
    assert watch_trail() == []
    acknowledge_alarm(actor=site.who.quality, alarm_id=alarm.pk, comment="The administrator is being asked.")
    TrailWalk.objects.update(ended_at=None, block=0, hash="", until={})
    assert watch_trail() == []  # for a day it is known
    assert told() == before
    state = state_of_installation()
    assert state["status"] == "degraded"
    assert Rest("operator").get("health/details/").data["trail"]["verified_block"] == Block.objects.count()


@pytest.mark.requirement("P11-10a")
def test_what_stays_unsealed_too_long_raises_an_alarm(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: F811
    site.work()
    assert watch_trail() == []
    assert seals.oldest_unsealed() is not None
    newest = Operation.objects.latest("pk").pk
    site.attack("UPDATE audit_operation SET at = at - interval '11 minutes' WHERE id = %s", newest - 1)
    site.attack("UPDATE audit_operation SET at = at - interval '11 minutes' WHERE id = %s", newest)
    monkeypatch.setattr(seals, "SEALED_WITHIN", timedelta(0))
    [alarm] = watch_trail()
    assert alarm.subject == "audit trail: not sealed"
    assert "is not sealed yet" in alarm.text


@pytest.mark.requirement("P11-10a")
def test_a_cut_tail_is_noticed_by_the_anchor_and_by_the_place_of_the_watch(site: Site) -> None:  # noqa: F811
    watch_trail()
    site.work()
    site.seal()
    watch_trail()
    newest = Block.objects.latest("number")
    site.attack("DELETE FROM audit_block WHERE number = %s", newest.number)
    [alarm] = watch_trail()
    assert "the end of the trail was cut off" in alarm.text
    assert alarm.subject == f"block {newest.number}"


@pytest.mark.requirement("P11-10a")
def test_without_an_anchor_the_place_of_the_watch_tells_that_the_tail_was_cut(site: Site, settings: Any) -> None:  # noqa: F811
    settings.AUDIT_ANCHOR_FILE = ""
    watch_trail()
    site.attack("DELETE FROM audit_block WHERE number = %s", Block.objects.latest("number").number)
    assert watch_trail() != []
    assert told() == [f"block {Block.objects.latest('number').number + 1}"]


@pytest.mark.requirement("P11-10a")
def test_an_anchor_that_contradicts_is_an_alarm(site: Site) -> None:  # noqa: F811
    lines = site.anchor.read_text().splitlines()
    said = json.loads(lines[0])
    lines[0] = json.dumps({**said, "hash": "0" * 64})
    site.anchor.write_text("\n".join(lines) + "\n")
    [alarm] = watch_trail()
    assert alarm.subject == "block 1"
    assert "not the one that was written down outside" in alarm.text
    site.anchor.write_text("nonsense\n")
    site.work()
    assert [alarm.subject for alarm in watch_trail()] == ["audit trail: cannot be verified"]


@pytest.mark.requirement("P11-10a")
def test_the_whole_trail_is_walked_in_portions_that_keep_their_place(
    site: Site,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(seals, "ROWS_AT_ONCE", 1)
    places = []
    for _ in range(Block.objects.count()):
        watch_trail()
        places.append(TrailWalk.objects.get(kind="whole").block)
    assert places == list(range(1, Block.objects.count() + 1))
    assert TrailWalk.objects.get(kind="whole").ended_at is not None
    TrailWalk.objects.filter(kind="whole").update(ended_at=None, claimed_at=Now(), block=1)
    watch_trail()  # somebody else is upon it
    assert TrailWalk.objects.get(kind="whole").block == 1


@pytest.mark.requirement("P11-10c")
@pytest.mark.parametrize(
    ("attack", "sentence"),
    [
        ("UPDATE labeling_lot SET material = 'water' WHERE id = {}", "is not what the trail says: material differs"),
        ("DELETE FROM labeling_lot WHERE id = {}", "is gone, and the trail does not say that it was deleted"),
        (
            INSERTED,
            "stands in its table, and the trail does not know it",
        ),
    ],
)
def test_a_row_that_was_written_around_the_trail_is_named(
    site: Site,  # noqa: F811
    attack: str,
    sentence: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    lot = Lot.objects.order_by("pk").first()
    assert lot is not None
    assert list(verify_tables()) == []
    site.attack(attack.format(lot.pk))
    [found] = verify_tables()
    assert found.what is What.NOT_THE_TRAIL
    assert found.table == "labeling_lot"
    assert sentence in found.sentence
    with pytest.raises(SystemExit):
        call_command("verify_audit")
    assert found.sentence in capsys.readouterr().out
    [alarm] = watch_trail()
    assert sentence in alarm.text


@pytest.mark.requirement("AUD-4")
def test_a_trigger_that_is_switched_off_is_named(site: Site) -> None:  # noqa: F811
    site.attack("ALTER TABLE labeling_lot DISABLE TRIGGER labeling_lot_audit_update")
    [found] = verify_tables()
    assert found.sentence == "The trigger labeling_lot_audit_update of labeling_lot is switched off."
    site.attack("ALTER TABLE labeling_lot ENABLE TRIGGER labeling_lot_audit_update")
    site.attack("UPDATE accounts_user SET roles = '{quality}' WHERE username = 'system'")
    [found] = verify_tables()
    assert "accounts_user" in found.sentence
