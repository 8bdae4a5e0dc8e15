"""People whose role has nothing to do there, closed accounts, and names; every address is tried in `attack`."""

from __future__ import annotations

import pytest

from labeling.models import Batch
from lims.accounts.models import Token
from lims.people.services import deactivate
from tests import factories
from tests.factories import People
from tests.integration.rest import Rest, sign_in


@pytest.mark.requirement("DI-4")
def test_an_administrator_sees_no_batch_and_decides_about_none(laboratory: People, ready: Batch) -> None:
    rest = Rest("administrator")
    assert rest.get("batches/").status_code == 403
    assert rest.get(f"batches/{ready.number}/").status_code == 403
    assert rest.signed(f"batches/{ready.number}/disposition/", {"decision": "release"}).status_code == 403


@pytest.mark.requirement("P11-10g")
def test_an_inspector_reads_everything_and_changes_nothing(laboratory: People, ready: Batch) -> None:
    rest = Rest("inspector")
    for path in ("batches/", f"batches/{ready.number}/", "lots/", "equipment/", "protocols/", "audit/operations/"):
        assert rest.get(path).status_code == 200, path
    assert rest.post("batches/", {"protocol": "zr89-oxine-kit"}).status_code == 403
    assert rest.post("equipment/", {"code": "X", "kind": "balance"}).status_code == 403
    assert rest.post(f"batches/{ready.number}/hold/", {"reason": "curious"}).status_code == 403
    assert rest.signed(f"batches/{ready.number}/disposition/", {"decision": "reject", "reason": "x"}).status_code == 403


@pytest.mark.requirement("P11-100a")
def test_a_closed_account_is_refused_at_once(laboratory: People) -> None:
    rest = Rest("operator")
    deactivate(actor=laboratory.administrator, username="operator", reason="left the department")
    assert rest.get("batches/").status_code == 401
    assert rest.client.post("/api/v1/tokens/", sign_in("operator")).status_code == 401


def test_a_token_is_kept_as_its_digest_alone(laboratory: People) -> None:
    rest = Rest("operator")
    text = rest.token
    assert not Token.objects.filter(sha256=text).exists()
    assert Token.objects.filter(user=laboratory.operator.user).count() == 1


@pytest.mark.requirement("P11-300a")
def test_a_username_is_unique_in_any_case_of_letters(who: People) -> None:
    from lims.errors import Conflict
    from lims.people.services import enroll

    with pytest.raises(Conflict, match="never reused"):
        enroll(
            actor=who.administrator,
            username="OPERATOR",
            full_name="Somebody Else",
            roles=["operator"],
            password="another-long-password",
            identity="passport",
        )


def test_lists_cost_the_same_number_of_queries_whatever_their_length(laboratory: People, ready: Batch) -> None:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    rest = Rest("inspector")
    counts = []
    for turn in range(2):
        for path in ("batches/", "lots/", "equipment/", "protocols/", "audit/operations/"):
            with CaptureQueriesContext(connection) as queries:
                assert rest.get(path).status_code == 200
            counts.append((path, len(queries)))
        factories.completed(laboratory)
        factories.lot(laboratory, f"MORE-{turn}", "oxalate")
        factories.instrument(laboratory, f"DC-{turn + 7}", "dose_calibrator")
    assert counts[:5] == counts[5:]
