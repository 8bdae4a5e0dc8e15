"""From any lot to every dose and back, over the batches between."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from labeling.models import Batch, Lot
from labeling.selectors.genealogy import made_from, made_into, used_in
from labeling.services.planning import plan_batch, start_batch
from labeling.services.recording import Reading, correct_entry, record_entry
from labeling.services.where_used import where_used_csv
from labeling.views.drawing import draw
from tests.factories import LATE, People, campaign, lot, released
from tests.integration.rest import Rest

pytestmark = [pytest.mark.requirement("PET-40"), pytest.mark.requirement("CELL-2")]
IDENTITY = "COI-302-1"


def lineage(who: People) -> tuple[Batch, Batch]:
    """A released synthesis, and a labeling for one person that is being made from it."""
    synthesis = released(who)
    labeling = begun(who)
    use(who, labeling, "receive_cells", "cell_lot", "CELLS-302-1")
    use(who, labeling, "dispense", "oxine_batch", synthesis.number)
    return synthesis, labeling


def begun(who: People) -> Batch:
    plan = campaign()["labelings"][0]
    batch = plan_batch(actor=who.operator, protocol=plan["protocol"], identity=plan["identity"])
    return start_batch(actor=who.operator, number=batch.number, started_at=None)


def use(who: People, batch: Batch, step: str, field: str, value: str) -> int:
    reading = Reading(value=value, reason=LATE)
    return record_entry(actor=who.operator, number=batch.number, step=step, field=field, reading=reading).pk


def test_a_lot_leads_to_the_dose_and_the_dose_back_to_the_lot(laboratory: People) -> None:
    synthesis, labeling = lineage(laboratory)
    oxalate = Lot.objects.get(number="ZR89-302")
    into = used_in(oxalate)
    assert [member.number for member in into.others("batch")] == sorted([synthesis.number, labeling.number])
    assert [(dose.number, dose.identity) for dose in into.doses] == [(labeling.number, IDENTITY)]
    out_of = made_from(labeling)
    assert {member.number for member in out_of.others("lot")} == {"ZR89-302", "KIT-302", "FIL-302", "CELLS-302-1"}
    assert [member.number for member in out_of.others("batch")] == [synthesis.number]
    assert [member.number for member in made_into(synthesis).others("batch")] == [labeling.number]
    assert made_into(labeling).edges == ()


def test_a_lot_that_was_corrected_away_was_not_used(laboratory: People) -> None:
    lot(laboratory, "PBS-9", "pbs")
    labeling = begun(laboratory)
    entry = use(laboratory, labeling, "incubate", "pbs_lot", "PBS-302")
    reading = Reading(value="PBS-9", reason="misread")
    correct_entry(actor=laboratory.operator, number=labeling.number, entry_id=entry, reading=reading)
    assert used_in(Lot.objects.get(number="PBS-302")).edges == ()
    assert [m.number for m in used_in(Lot.objects.get(number="PBS-9")).others("batch")] == [labeling.number]


def test_a_genealogy_takes_three_queries_and_shows_everywhere(laboratory: People, client: Client) -> None:
    synthesis, labeling = lineage(laboratory)
    oxalate = Lot.objects.get(number="ZR89-302")
    with CaptureQueriesContext(connection) as asked:
        made_from(labeling)
    assert len(asked) == 3
    lines = where_used_csv(used_in(oxalate)).splitlines()
    assert len(lines) == 3
    assert any(labeling.number in line and IDENTITY in line and synthesis.number in line for line in lines)
    drawing = draw(made_from(synthesis), made_into(synthesis))
    assert drawing is not None
    across = {box.member.number: box.x for box in drawing.boxes}
    assert across["ZR89-302"] < across[synthesis.number] < across[labeling.number]
    client.force_login(laboratory.operator.user)
    for path in (f"/stock/{oxalate.pk}/genealogy/", f"/batches/{synthesis.number}/genealogy/"):
        answer = client.get(path)
        assert answer.status_code == 200
        assert labeling.number in answer.content.decode()
    export = client.get(f"/stock/{oxalate.pk}/where-used/")
    assert export["Content-Disposition"].startswith("attachment")
    operator = Rest("operator")
    row = operator.get(f"lots/{oxalate.pk}/genealogy/").data["used_in"]
    assert row["doses"] == [labeling.number]
    assert {"from": "ZR89-302", "into": synthesis.number} in row["edges"]
    row = operator.get(f"batches/{labeling.number}/genealogy/").data
    assert {"from": synthesis.number, "into": labeling.number} in row["made_from"]["edges"]
    assert row["made_into"]["batches"] == []
