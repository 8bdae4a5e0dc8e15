"""Every change after the first entry asks why, from a closed list and in words; nothing is filled in beforehand."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from labeling.models import Batch, Entry
from lims.audit.models import Operation
from lims.audit.reasons import OTHER, REASONS, ReasonFor, choices_of, reason_text
from lims.errors import InvalidInput
from tests import factories
from tests.factories import People
from tests.integration.rest import Rest


@pytest.fixture
def batch(laboratory: People) -> Batch:
    return factories.recorded(laboratory, factories.campaign()["synthesis"])


def temperature(batch: Batch) -> Entry:
    return Entry.objects.get(batch=batch, step="react", field="temperature", corrected_by=None)


@pytest.mark.requirement("AUD-5")
def test_each_kind_of_change_has_a_short_list_that_ends_with_other() -> None:
    assert set(REASONS) == set(ReasonFor)
    for change, listed in REASONS.items():
        assert list(listed)[-1] == OTHER
        assert 3 <= len(listed) <= 8
        assert choices_of(change)[0] == ("", "Choose"), "nothing is chosen beforehand"


@pytest.mark.requirement("AUD-5")
def test_a_reason_is_the_list_and_the_words() -> None:
    assert reason_text(ReasonFor.CORRECTION, "misread", " digits swapped ") == "Misread: digits swapped"
    assert reason_text(ReasonFor.CORRECTION, "misread", "") == "Misread"
    assert reason_text(ReasonFor.CORRECTION, "", "digits swapped") == "digits swapped"
    assert reason_text(ReasonFor.CORRECTION, OTHER, "a fly on the scale") == "a fly on the scale"
    for code, words in ((OTHER, " "), ("no_such", "words")):
        with pytest.raises(InvalidInput):
            reason_text(ReasonFor.CORRECTION, code, words)


@pytest.mark.requirement("AUD-5")
@pytest.mark.parametrize(
    ("given", "status", "kept"),
    [
        ({"reason_code": "misread", "reason": "digits swapped"}, 201, "Misread: digits swapped"),
        ({"reason_code": "misread"}, 201, "Misread"),
        ({"reason": "digits swapped"}, 201, "digits swapped"),
        ({"reason_code": "other"}, 422, ""),
        ({"reason_code": "hands_bound"}, 422, ""),
        ({}, 422, ""),
    ],
)
def test_a_correction_over_rest_asks_why(
    laboratory: People, batch: Batch, given: dict[str, str], status: int, kept: str
) -> None:
    entry = temperature(batch)
    rest = Rest("operator")
    body = {"value": "21.5", "unit": "degC", **given}
    answer = rest.post(f"batches/{batch.number}/entries/{entry.pk}/correct/", body)
    assert answer.status_code == status, answer.data
    if kept:
        assert answer.data["entry"]["reason"] == kept
        assert Operation.objects.get(action="entry.correct").reason == kept
    else:
        assert temperature(batch) == entry


@pytest.mark.requirement("AUD-5")
def test_a_correction_on_the_page_asks_for_both(laboratory: People, batch: Batch) -> None:
    entry = temperature(batch)
    client = Client()
    client.force_login(laboratory.operator.user)
    page = f"/batches/{batch.number}/"
    assert "Kind of reason" in client.get(page).content.decode()
    typed: dict[str, Any] = {"step": "react", "field": "temperature", "seen": entry.pk, "value": "21.5", "unit": "degC"}
    assert client.post(f"{page}entries/", {**typed, "reason": "swapped"}).status_code == 422
    assert client.post(f"{page}entries/", {**typed, "reason_code": "misread"}).status_code == 422
    answer = client.post(f"{page}entries/", {**typed, "reason_code": "misread", "reason": "swapped"})
    assert answer.status_code == 302, answer.content.decode()
    assert temperature(batch).reason == "Misread: swapped"


@pytest.mark.requirement("AUD-5")
def test_a_first_entry_in_time_needs_no_reason(laboratory: People) -> None:
    rest = Rest("operator")
    planned = rest.post("batches/", {"protocol": "zr89-oxine-kit"})
    number = planned.data["number"]
    assert rest.post(f"batches/{number}/start/").status_code == 200
    answer = rest.post(
        f"batches/{number}/entries/", {"step": "react", "field": "temperature", "value": "21", "unit": "degC"}
    )
    assert answer.status_code == 201, answer.data
    assert answer.data["entry"]["reason"] == ""


def test_the_lists_are_told_over_rest(who: People) -> None:
    listed = Rest("operator").get("audit/reasons/").data
    assert listed["correction"]["misread"] == "Misread"
    assert set(listed) == set(ReasonFor)
