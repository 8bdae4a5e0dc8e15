"""From any lot to every dose and back, over the batches between."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.db import connection

from labeling.models import Batch, Lot
from labeling.selectors.genealogy import made_from, made_into, used_in
from labeling.services.recording import Reading, correct_entry
from labeling.services.where_used import where_used_csv
from labeling.views.drawing import draw
from tests.factories import LATE, People, campaign, completed, lot, record, released, shift, started
from tests.integration.rest import Rest

MARKS = [pytest.mark.requirement(code) for code in ("PET-40", "CELL-2")]
pytestmark = MARKS


def lineage(who: People) -> tuple[Batch, Batch]:
    """A released synthesis and a labeling for one person that is being made from it."""
    synthesis = released(who)
    plan = campaign()["labelings"][0]
    labeling = started(who, plan, shift())
    for row in plan["entries"]:
        if "lot" in row["field"] or row["value"] in stocked():
            record(who, labeling.number, row, shift())
    return synthesis, labeling


def stocked() -> set[str]:
    return {row["lot"] for row in campaign()["other_lots"]}


def test_a_lot_leads_to_the_dose_and_the_dose_back_to_the_lot(laboratory: People) -> None:
    raise NotImplementedError
