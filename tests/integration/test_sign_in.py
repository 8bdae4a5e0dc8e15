"""Who gets in: password and one-time code, the lock that only an administrator opens, time-outs, and the log of it."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.db import connection
from django.test import Client
from pyotp import TOTP

from lims.accounts.factors import Answer, confirmed_factor, new_recovery_codes, use_code
from lims.accounts.models import AccessEvent, Factor, Secret
from lims.accounts.roles import Role
from lims.audit.models import Change, Operation
from lims.people import own, services
from tests.factories import PASSWORD, People, fresh_code, totp_secret
from tests.integration.rest import Rest, sign_in

Kind = AccessEvent.Kind


def enter(client: Client, username: str, **changed: str) -> int:
    return client.post("/sign-in/", {**sign_in(username), **changed}).status_code


def token(client: Client, **body: str) -> tuple[int, str]:
    answer = client.post("/api/v1/tokens/", body, content_type="application/json")
    return answer.status_code, answer.json().get("code", "")


@pytest.mark.requirement("A11D-11.6")
def test_the_password_alone_opens_nothing(who: People, client: Client) -> None:
    assert enter(client, "operator", otp="") == 422
    assert client.get("/").status_code == 302
    given = {"username": "operator", "password": PASSWORD.format("operator")}
    assert token(client, **given) == (401, "otp_required")
    assert token(client, **given, otp="000000") == (401, "otp_wrong")
    assert enter(client, "operator") == 302
    assert client.get("/").status_code == 200


@pytest.mark.requirement("P11-200a1")
def test_a_code_is_good_once(who: People, client: Client) -> None:
    given = sign_in("operator")
    assert token(client, **given)[0] == 201
    assert token(client, **given) == (401, "otp_used")
    with time_machine.travel(datetime.now(UTC) + timedelta(seconds=30), tick=False):
        later = TOTP(totp_secret("operator")).at(datetime.now(UTC))
        earlier = TOTP(totp_secret("operator")).at(datetime.now(UTC) - timedelta(seconds=30))
        assert token(client, **{**given, "otp": later})[0] == 201
        assert token(client, **{**given, "otp": earlier}) == (401, "otp_used")


@pytest.mark.django_db(transaction=True)
@pytest.mark.requirement("P11-200a1")
def test_of_two_requests_with_one_code_at_once_one_is_refused(who: People) -> None:
    factor = confirmed_factor(who.operator.user)
    assert factor is not None
    code, answers, gate = fresh_code("operator"), list[Answer](), threading.Barrier(4)

    def go() -> None:
        gate.wait()
        answers.append(use_code(factor, code))
        connection.close()

    threads = [threading.Thread(target=go) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == [Answer.USED, Answer.USED, Answer.USED, Answer.RIGHT]


@pytest.mark.requirement("A11D-11.7")
@pytest.mark.requirement("SIG-8")
@pytest.mark.requirement("P11-300d")
def test_five_failures_of_signing_in_and_signing_lock_and_no_time_unlocks(who: People, client: Client) -> None:
    rest = Rest("operator")
    for _ in range(3):
        assert enter(client, "operator", password="wrong") == 422
    for _ in range(2):
        answer = rest.signed("me/statement/", password="wrong")
        assert answer.data["code"] == "signature_refused"
    assert rest.signed("me/statement/").data["code"] == "signature_refused"
    assert token(client, **sign_in("operator")) == (401, "not_signed_in")
    why = AccessEvent.objects.order_by("-pk").values_list("why", flat=True)[:2]
    assert list(why) == ["locked", "locked"]
    with time_machine.travel(datetime.now(UTC) + timedelta(days=30), tick=False):
        assert token(client, **sign_in("operator")) == (401, "not_signed_in")
    assert AccessEvent.objects.filter(kind=Kind.LOCKED, username="operator").count() == 1

    administrator = Rest("administrator")
    assert administrator.post("people/operator/unlock/", {"reason": " "}).status_code == 422
    assert administrator.post("people/operator/unlock/", {"reason": "Called her; caps lock."}).status_code == 200
    assert Operation.objects.get(action="person.unlock").reason == "Called her; caps lock."
    assert token(client, **sign_in("operator"))[0] == 201
    assert Rest("quality").post("people/operator/unlock/", {"reason": "x"}).status_code == 403


@pytest.mark.requirement("A11D-11.8")
def test_an_idle_session_ends_on_the_server_and_comes_back_to_its_page(who: People, client: Client) -> None:
    enter(client, "operator")
    start = datetime.now(UTC)
    with time_machine.travel(start + timedelta(minutes=29), tick=False):
        assert client.get("/batches/").status_code == 200
    with time_machine.travel(start + timedelta(minutes=45), tick=False):  # a page that looks by itself does not count
        assert client.get("/batches/", headers={"X-Oxinate-Looks-Again": "1"}).status_code == 200
    with time_machine.travel(start + timedelta(minutes=60), tick=False):
        answer = client.post("/batches/new/", {}, headers={"Referer": "http://testserver/batches/new/?a=b"})
        assert answer["Location"] == "/sign-in/?next=/batches/new/%3Fa%3Db"
    assert AccessEvent.objects.filter(kind=Kind.TIMED_OUT, username="operator").count() == 1


@pytest.mark.requirement("A11D-11.4")
@pytest.mark.requirement("P11-200a2")
def test_a_password_of_an_administrator_has_to_be_changed_before_anything_else(who: People, client: Client) -> None:
    rest, first = Rest("operator"), "a-first-password-of-hers"
    services.reset_password(
        actor=who.administrator, username="operator", password=first, reason="She forgot it; seen in person."
    )
    assert rest.get("batches/").status_code == 401  # its tokens died with it
    assert token(client, **{**sign_in("operator"), "password": first}) == (401, "password_change_required")
    signing = {"signature": {**sign_in("operator"), "password": first}}
    refused = Rest("verifier").post("me/statement/", signing)
    assert refused.data["code"] == "password_change_required"

    assert enter(client, "operator", password=first) == 302
    for path in ("/", "/batches/", "/account/"):
        assert client.get(path)["Location"] == "/account/password/"
    assert client.get("/api/v1/batches/").json()["code"] == "password_change_required"
    change = {"old": first, "new": first, "again": first}
    assert client.post("/account/password/", change).status_code == 422
    chosen = "one-of-her-own-choice"
    assert client.post("/account/password/", {"old": first, "new": chosen, "again": chosen}).status_code == 302
    assert client.get("/batches/").status_code == 200


@pytest.mark.requirement("P11-300c")
@pytest.mark.requirement("P11-300e")
def test_a_revoked_factor_fails_at_once_and_a_new_one_needs_its_first_code(who: People, client: Client) -> None:
    rest = Rest("verifier")
    enter(client, "verifier")
    services.revoke_factor(actor=who.administrator, username="verifier", reason="Telephone lost.")
    assert rest.get("batches/").status_code == 401
    assert client.get("/batches/").status_code == 302
    assert token(client, **sign_in("verifier")) == (401, "factor_missing")
    enter(client, "verifier", otp="")
    assert client.get("/batches/")["Location"] == "/account/factor/"
    page = client.get("/account/factor/")
    assert b"<svg" in page.content
    assert client.post("/account/factor/", {"otp": "000000"}).status_code == 422
    assert client.get("/batches/").status_code == 302
    from lims.accounts.factors import secret_of

    code = TOTP(secret_of(Factor.objects.get(user__username="verifier"))).now()
    assert b"recovery codes" in client.post("/account/factor/", {"otp": code}).content
    assert client.get("/batches/").status_code == 200


@pytest.mark.requirement("P11-100a")
def test_closing_an_account_ends_its_sessions(who: People, client: Client) -> None:
    enter(client, "operator")
    assert client.get("/batches/").status_code == 200
    services.deactivate(actor=who.administrator, username="operator", reason="Left.")
    assert client.get("/batches/").status_code == 302


def test_changing_the_password_ends_the_other_sessions(who: People, client: Client) -> None:
    elsewhere, rest = Client(), Rest("operator")
    enter(client, "operator")
    enter(elsewhere, "operator")
    new = "another-one-of-her-own"
    change = {"old": PASSWORD.format("operator"), "new": new, "again": new}
    assert client.post("/account/password/", change).status_code == 302
    assert client.get("/batches/").status_code == 200
    assert elsewhere.get("/batches/").status_code == 302
    assert rest.get("batches/").status_code == 401


@pytest.mark.requirement("A11D-11.5")
@pytest.mark.requirement("SIG-9")
@pytest.mark.parametrize("weak", ["short", "q1w2e3r4t5y6", "operator-test", "493817265043"])
def test_weak_passwords_are_refused(who: People, weak: str) -> None:
    from lims.errors import InvalidInput

    with pytest.raises(InvalidInput) as refusal:
        own.change_password(actor=who.operator, old=PASSWORD.format("operator"), new=weak)
    assert refusal.value.code == "weak_password"


def test_a_recovery_code_opens_the_door_once(who: People, client: Client) -> None:
    factor = confirmed_factor(who.operator.user)
    assert factor is not None
    codes = new_recovery_codes(factor)
    assert token(client, **{**sign_in("operator"), "otp": codes[0]})[0] == 201
    assert token(client, **{**sign_in("operator"), "otp": codes[0].replace("-", " ")}) == (401, "otp_wrong")
    assert token(client, **{**sign_in("operator"), "otp": codes[1].upper()})[0] == 201


def test_no_secret_of_a_factor_lies_open_or_in_the_trail(who: People) -> None:
    factor = Factor.objects.get(user__username="operator")
    assert totp_secret("operator") not in factor.sealed
    for row in Change.objects.values_list("new_row", flat=True):
        assert totp_secret("operator") not in str(row)
        assert factor.sealed not in str(row)


@pytest.mark.requirement("A11D-11.9")
def test_the_access_log_is_searched_by_those_who_may(who: People, client: Client) -> None:
    enter(client, "operator", password="wrong")
    enter(client, "operator")
    client.post("/sign-out/")
    for role in ("administrator", "quality", "inspector"):
        rest = Rest(role)
        kinds = [row["kind"] for row in rest.get("access/", username="operator").data["results"]]
        # The tests turn one-time codes back by hand, which is kept as well.
        assert [kind for kind in kinds if kind != "credential_written"] == [
            "signed_out",
            "signed_in",
            "sign_in_refused",
        ]
        [refused] = rest.get("access/", kind="sign_in_refused").data["results"]
        assert (refused["username"], refused["why"]) == ("operator", "not_signed_in")
        assert rest.get("access/", **{"from": "2099-01-01T00:00:00+00:00"}).data["results"] == []
        assert rest.get("access/", **{"from": "yesterday"}).status_code == 422
    assert Rest("operator").get("access/").status_code == 403
    enter(client, "inspector")
    assert b"Sign-in refused" in client.get("/access/?username=oper").content


def test_an_administrator_lands_on_the_people(who: People, client: Client) -> None:
    enter(client, "administrator")
    assert client.get("/")["Location"] == "/people/"
    assert client.get("/people/").status_code == 200
    assert client.get("/people/operator/").status_code == 200
    assert Secret.objects.filter(failures__gt=0).count() == 0


@pytest.mark.requirement("P11-10d")
@pytest.mark.parametrize("role", [role for role in Role if role not in {Role.SYSTEM, Role.ADMINISTRATOR}])
def test_nobody_but_an_administrator_sees_or_keeps_people(who: People, client: Client, role: Role) -> None:
    enter(client, role)
    for path in ("/people/", "/people/new/", "/people/operator/"):
        assert client.get(path).status_code == 403
    assert client.post("/people/operator/roles/", {"roles": ["quality"], "reason": "x"}).status_code == 403
    rest = Rest(role)
    assert rest.get("people/").status_code == 403
    assert rest.post("people/operator/roles/", {"roles": ["quality"], "reason": "x"}).status_code == 403
    assert client.get("/account/").status_code == 200
