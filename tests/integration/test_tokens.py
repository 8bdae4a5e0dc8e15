"""Tokens: what they are good for, and everything that ends them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.test import Client

from lims.accounts.models import AccessEvent, Token
from lims.accounts.roles import Permission
from lims.accounts.scopes import PERMISSIONS
from lims.people import own, services
from tests import factories
from tests.factories import PASSWORD, People
from tests.integration.rest import Rest, sign_in

PLAN = {"protocol": "zr89-oxine-kit"}


def test_every_permission_is_in_a_scope() -> None:
    left = set(Permission) - frozenset().union(*PERMISSIONS.values())
    assert not left, f"say in lims/accounts/scopes.py what {left} belongs to"


@pytest.mark.requirement("P11-10d")
def test_a_token_without_scopes_does_what_its_owner_may(laboratory: People) -> None:
    assert Rest("operator").post("batches/", PLAN).status_code == 201


@pytest.mark.requirement("P11-10d")
def test_a_scope_takes_away_and_never_gives(laboratory: People) -> None:
    reading, recording = Rest("operator", "read"), Rest("operator", "record")
    assert reading.get("batches/").status_code == 200
    refused = reading.post("batches/", PLAN)
    assert (refused.status_code, refused.data["code"]) == (403, "permission_refused")
    assert recording.post("batches/", PLAN).status_code == 201
    assert Rest("inspector", "record", "read").post("batches/", PLAN).status_code == 403
    assert Rest("administrator", "read").get("people/").status_code == 403
    assert Rest("administrator", "administer").get("people/").status_code == 200
    unknown = Rest("operator").client.post("/api/v1/tokens/", {**sign_in("operator"), "scopes": ["everything"]})
    assert (unknown.status_code, unknown.data["code"]) == (422, "unknown_scope")


@pytest.mark.requirement("P11-10d")
@pytest.mark.requirement("A11D-13.3")
def test_a_token_never_signs_and_a_scope_keeps_even_a_signer_out(laboratory: People) -> None:
    lot = factories.lot(laboratory, "L-9", "oxalate", accepted=False)
    place = f"lots/{lot.pk}/accept/"
    assert Rest("quality").post(place, {}).status_code == 400
    # Another person signs through somebody's token: no further than that token goes.
    assert Rest("operator", "read").signed(place, role="quality").status_code == 403
    assert Rest("operator", "sign").signed(place, role="quality").status_code == 200


def test_a_token_says_which_factors_it_was_given_for(who: People) -> None:
    rest = Rest("operator")
    [row] = rest.get("tokens/").data["results"]
    assert (row["factors"], row["scopes"], row["current"]) == (["password", "totp"], [], True)
    assert "token" not in row
    assert rest.token not in str(row)


@pytest.mark.requirement("P11-300c")
def test_signing_out_ends_a_token_at_once(who: People) -> None:
    rest, other, stranger = Rest("operator"), Rest("operator"), Rest("verifier")
    theirs = stranger.get("tokens/").data["results"][0]["id"]
    assert rest.client.delete(f"/api/v1/tokens/{theirs}/").status_code == 404
    another = next(row["id"] for row in rest.get("tokens/").data["results"] if not row["current"])
    assert rest.client.delete(f"/api/v1/tokens/{another}/").status_code == 204
    assert other.get("me/").status_code == 401
    assert rest.client.delete("/api/v1/tokens/current/").status_code == 204
    assert rest.get("me/").status_code == 401
    assert stranger.get("me/").status_code == 200
    assert AccessEvent.objects.filter(kind=AccessEvent.Kind.TOKEN_ENDED, username="operator").count() == 2


def test_nobody_lists_tokens_without_one(client: Client, who: People) -> None:
    assert client.get("/api/v1/tokens/").status_code == 401
    assert client.delete("/api/v1/tokens/current/").status_code in (401, 403)
    client.post("/sign-in/", sign_in("operator"))
    assert client.get("/api/v1/tokens/").json()["results"] == []
    assert client.delete("/api/v1/tokens/current/").status_code == 404


@pytest.mark.requirement("A11D-11.8")
def test_a_token_that_nobody_uses_ends_like_a_session(who: People) -> None:
    start = datetime.now(UTC)
    with time_machine.travel(start, tick=False):
        rest = Rest("operator")
    for minutes in (29, 58):
        with time_machine.travel(start + timedelta(minutes=minutes), tick=False):
            assert rest.get("me/").status_code == 200
    with time_machine.travel(start + timedelta(minutes=89), tick=False):
        assert rest.get("me/").status_code == 401
        assert rest.get("me/").status_code == 401
    events = AccessEvent.objects.filter(kind=AccessEvent.Kind.TIMED_OUT, username="operator")
    assert [event.why for event in events] == ["token"]
    assert rest.get("me/").status_code == 401  # going back in time revives nothing


@pytest.mark.requirement("P11-100a")
@pytest.mark.requirement("P11-300c")
@pytest.mark.parametrize("end", ["deactivate", "change", "reset", "factor"])
def test_tokens_die_at_once(who: People, end: str) -> None:
    rest, administrator = Rest("operator"), who.administrator
    assert rest.get("me/").status_code == 200
    if end == "deactivate":
        services.deactivate(actor=administrator, username="operator", reason="left")
    elif end == "change":
        own.change_password(actor=who.operator, old=PASSWORD.format("operator"), new="another-one-of-her-own")
    elif end == "reset":
        services.reset_password(
            actor=administrator, username="operator", password="a-first-password-of-hers", reason="forgotten"
        )
    else:
        services.revoke_factor(actor=administrator, username="operator", reason="telephone lost")
    assert rest.get("me/").status_code == 401
    assert not Token.objects.filter(user=who.operator.user, revoked_at=None).exists()


def test_the_account_page_lists_the_tokens_and_ends_one(who: People, client: Client) -> None:
    rest = Rest("operator")
    client.post("/sign-in/", sign_in("operator"))
    [row] = rest.get("tokens/").data["results"]
    assert "all that your roles may" in client.get("/account/").content.decode()
    assert client.post(f"/account/tokens/{row['id']}/end/", follow=True).status_code == 200
    assert rest.get("me/").status_code == 401
    assert "None is open" in client.get("/account/").content.decode()
    again = client.post(f"/account/tokens/{row['id']}/end/", follow=True)
    assert "no such token" in again.content.decode()
