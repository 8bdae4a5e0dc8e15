"""Training over REST and on the pages: what is told, offered and asked for."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from labeling.domain.training import State
from labeling.models import Batch, ProtocolVersion
from labeling.selectors.clock import database_now
from labeling.selectors.training import trainings_expiring
from lims.accounts.roles import Permission, Role, permissions_of
from tests import factories
from tests.factories import PASSWORD, People, fresh_code
from tests.integration.rest import Rest, sign_in
from tests.integration.training.trained import KIT, expired, train


def test_what_expires_comes_first(laboratory: People) -> None:
    train(laboratory, "verifier", tasks=["verify"], valid_until=database_now() + timedelta(days=20))
    train(laboratory, "operator", tasks=["make"], **expired())
    train(laboratory, "analyst", tasks=["make"], **expired())  # not their task
    soon = [(cell.person.username, cell.state) for cell in trainings_expiring(timedelta(days=30))]
    assert soon == [("operator", State.EXPIRED), ("verifier", State.CURRENT)]
    assert [cell.person.username for cell in trainings_expiring(timedelta(days=10))] == ["operator"]


@pytest.mark.requirement("P11-10i")
def test_training_over_rest(laboratory: People) -> None:
    rest = Rest("quality")
    body: dict[str, Any] = {
        "people": ["operator", "verifier"],
        "protocol": KIT,
        "version": 1,
        "tasks": ["make"],
        "way": "assessment",
        "valid_until": (database_now() + timedelta(days=365)).isoformat(),
    }
    answer = rest.signed("training/", body)
    assert answer.status_code == 201, answer.data
    first, _ = answer.data["results"]
    assert (first["person"]["username"], first["state"]) == ("operator", "current")
    assert first["trained_by"]["username"] == "quality"
    assert rest.get(f"training/{first['id']}/").data == first
    found = rest.get("training/", person="operator", protocol=KIT, task="make", current="true").data["results"]
    assert [row["way"] for row in found] == ["assessment", "demonstration"]

    assert rest.signed(f"training/{first['id']}/withdraw/").data["code"] == "reason_missing"
    gone = rest.signed(f"training/{first['id']}/withdraw/", {"reason": "mixed up"})
    assert (gone.data["state"], gone.data["withdrawn"]["reason"]) == ("withdrawn", "mixed up")
    assert rest.get("training/", person="operator", protocol=KIT, task="make", current="true").data["results"] == []
    refused = Rest("operator").post("batches/", {"protocol": KIT})
    assert (refused.status_code, refused.data["code"]) == (403, "training_withdrawn")
    assert refused.data["detail"].startswith(
        "The training of Operator Test to make batches of zr89-oxine-kit version 1"
    )

    assert rest.signed("training/", {**body, "valid_until": "2027-01-01"}).status_code == 422
    assert rest.signed("training/", {**body, "trained_by": "x"}).status_code == 400
    assert Rest("operator").signed("training/", body).status_code == 403
    assert Rest("administrator").get("training/").status_code == 403
    assert rest.get("training/999999/").status_code == 404


def signed_in(client: Client, username: str) -> Client:
    assert client.post("/sign-in/", sign_in(username)).status_code == 302
    return client


@pytest.mark.requirement("P11-10i")
def test_what_training_does_not_cover_is_not_offered_and_said_in_words(
    laboratory: People, batch: Batch, client: Client
) -> None:
    train(laboratory, "operator", **expired())
    page = signed_in(client, "operator")
    work = page.get(f"/batches/{batch.number}/").content.decode()
    assert "The training of Operator Test to make batches of" in work
    assert "Sign the completion" not in work
    assert "Correct</summary>" not in work
    plan = page.get("/batches/new/").content.decode()
    assert "zr89-oxine-kit version 1 (supervised run) expired at" in plan
    assert f'value="{KIT}"' not in plan
    refused = page.post("/batches/new/", {"protocol": KIT})
    assert refused.status_code == 422


@pytest.mark.requirement("P11-10i")
def test_an_approved_version_says_on_its_page_which_training_is_missing(
    who: People, approved: ProtocolVersion, client: Client
) -> None:
    page = signed_in(client, "quality")
    shown = page.get(f"/protocols/{KIT}/1/").content.decode()
    assert "Nobody is trained to make batches of zr89-oxine-kit version 1." in shown
    assert "make_effective/" not in shown
    body = {"username": "quality", "password": PASSWORD.format("quality"), "otp": fresh_code("quality")}
    assert page.post(f"/protocols/{KIT}/1/make_effective/", body).status_code == 409


def test_the_matrix_costs_the_same_however_many_are_trained(laboratory: People, client: Client) -> None:
    page, counts = signed_in(client, "inspector"), []
    page.get("/")  # notes the session as used
    for turn in range(2):
        with CaptureQueriesContext(connection) as queries:
            assert page.get("/training/").status_code == 200
        counts.append(len(queries))
        factories.another(f"operator-{turn}", "operator")
        train(laboratory, "operator", f"operator-{turn}")
    assert counts[0] == counts[1]


@pytest.mark.requirement("P11-10g")
def test_radiation_safety_watches_alarms_and_an_integration_watches_nothing() -> None:
    class Holder:
        is_active = True

        def __init__(self, role: Role) -> None:
            self.role_names = [role.value]

    watching = {role for role in Role if Permission.WATCH in permissions_of(Holder(role))}
    assert Role.RADIATION_SAFETY in watching
    assert not {Role.INTEGRATION, Role.SYSTEM} & watching
    trainers = {role for role in Role if Permission.TRAIN in permissions_of(Holder(role))}
    assert trainers == {Role.REVIEWER, Role.QUALITY}
    forbidden = {Permission.MAKE_BATCH, Permission.TEST, Permission.RELEASE_BATCH, Permission.APPROVE_DOCUMENT}
    assert not forbidden & permissions_of(Holder(Role.RADIATION_SAFETY))
