"""Security keys in the place of the one-time code: enrollment, signing in, signing, and what is refused."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.db import IntegrityError, InternalError, ProgrammingError, connection, transaction
from django.test import Client

from labeling.models import Lot
from lims.accounts.access import FAILURES, is_locked
from lims.accounts.factors import make_factor
from lims.accounts.models import AccessEvent, KeyChallenge, Secret, SecurityKey, User
from lims.audit.models import Change, Operation
from lims.people import services
from lims.signatures.models import Signature
from tests import factories
from tests.authenticator import Authenticator
from tests.factories import PASSWORD, People, fresh_code
from tests.integration.rest import sign_in

WHY = {"reason": "Lost in the clean room."}


class Seat:
    """A browser, and who is signed in there with a code."""

    def __init__(self, username: str = "") -> None:
        self.client = Client()
        self.username = username
        if username:
            assert self.client.post("/sign-in/", sign_in(username)).status_code == 302

    def asked(self, username: str = "") -> dict[str, Any]:
        answer = self.client.post("/sign-in/key/", {"username": username or self.username})
        assert answer.status_code == 200
        options: dict[str, Any] = answer.json()
        return options

    def begin(self, name: str = "Blue", **changed: str) -> Any:
        given = {"name": name, "password": PASSWORD.format(self.username), "otp": fresh_code(self.username)}
        return self.client.post("/account/keys/", given | changed)

    def add(self, key: Authenticator, name: str = "Blue", **how: str) -> SecurityKey | None:
        options = json.loads(self.begin(name).context["options"])
        self.client.post("/account/keys/new/", {"name": name, "key": key.create(options, **how)})
        return SecurityKey.objects.filter(credential=key.name).first()

    def confirm(self, key: Authenticator, row: SecurityKey) -> None:
        options = json.loads(self.client.get(f"/account/keys/{row.pk}/confirm/").context["options"])
        self.client.post(f"/account/keys/{row.pk}/confirm/", {"key": key.get(options)})

    def sign(self, who: People, *, by: str = "", key: str = "", otp: str = "", decision: str = "reject") -> str:
        """Decide about a lot on its page: `signed`, or why not, as the access log has it."""
        signer = by or self.username
        lot = factories.lot(who, f"L-{Lot.objects.count()}", "oxalate", accepted=False)
        given = {"username": signer, "password": PASSWORD.format(signer), "otp": otp, "key": key}
        answer = self.client.post(f"/stock/{lot.pk}/decide/", {**given, **WHY, "decision": decision})
        if answer.status_code == 302:
            return "signed"
        assert answer.status_code == 403
        return AccessEvent.objects.latest("pk").why

    def enter(self, username: str, key: str) -> int:
        given = {"username": username, "password": PASSWORD.format(username), "otp": "", "key": key}
        return self.client.post("/sign-in/", given).status_code


def with_key(username: str, key: Authenticator | None = None) -> tuple[Seat, Authenticator]:
    seat, key = Seat(username), key or Authenticator()
    row = seat.add(key)
    assert row is not None
    seat.confirm(key, row)
    assert SecurityKey.objects.filter(pk=row.pk).exclude(confirmed_at=None).exists()
    return seat, key


def last_refusal() -> tuple[str, str]:
    event = AccessEvent.objects.latest("pk")
    return event.kind, event.why


@pytest.mark.requirement("P11-300e")
@pytest.mark.requirement("P11-200b")
def test_a_key_is_added_with_all_factors_and_counts_once_it_has_answered(who: People) -> None:
    seat, key = Seat("quality"), Authenticator()
    assert seat.begin(password="not the password").status_code == 403
    assert seat.begin(otp="").status_code == 403
    row = seat.add(key)
    assert row is not None
    assert row.confirmed_at is None
    assert seat.sign(who, key=key.get(seat.asked())) == "key_wrong"
    seat.confirm(key, row)
    assert seat.sign(who, key=key.get(seat.asked())) == "signed"
    acts = Operation.objects.filter(subject="quality", action__endswith="_key").order_by("pk")
    assert [act.action for act in acts] == ["person.add_key", "person.confirm_key"]
    assert {c.operation.action for c in Change.objects.filter(table_name="accounts_securitykey")} == {
        "person.add_key",
        "person.confirm_key",
    }


@pytest.mark.requirement("P11-300c")
@pytest.mark.requirement("P11-300e")
def test_a_key_is_not_added_before_the_identity_was_checked(who: People) -> None:
    services.revoke_factor(actor=who.administrator, username="quality", reason="lost")
    make_factor(User.objects.get(username="quality"), factories.totp_secret("quality"), confirmed=True)
    seat = Seat("quality")
    assert seat.begin().status_code == 403
    assert last_refusal() == ("signing_refused", "identity_not_checked")


@pytest.mark.requirement("A11D-11.6")
def test_a_key_signs_in_beside_the_password_and_never_alone(who: People) -> None:
    _, key = with_key("quality")
    door = Seat()
    answer = key.get(door.asked("quality"))
    wrong = {"username": "quality", "password": "not the password", "key": answer}
    assert door.client.post("/sign-in/", wrong).status_code == 422
    assert door.client.post("/sign-in/", {"username": "quality", "key": answer}).status_code == 422
    assert door.enter("quality", answer) == 302
    assert door.client.get("/").status_code == 200
    again = Seat()
    assert again.enter("quality", answer) == 422
    assert last_refusal() == ("sign_in_refused", "key_used")


@pytest.mark.requirement("P11-200b")
@pytest.mark.requirement("SIG-3")
def test_a_key_signs_and_the_signature_says_so(who: People) -> None:
    seat, key = with_key("quality")
    assert seat.sign(who, key=key.get(seat.asked())) == "signed"
    assert Signature.objects.latest("pk").factors == "username+password+security_key"
    assert seat.sign(who) == "otp_required"


@pytest.mark.requirement("P11-200b")
def test_the_second_person_signs_with_their_key_where_the_first_one_sits(who: People) -> None:
    _, key = with_key("quality")
    seat = Seat("operator")
    assert seat.sign(who, by="quality", key=key.get(seat.asked("quality"))) == "signed"
    assert seat.sign(who, by="quality", key=key.get(seat.asked("operator"))) == "key_used"


@pytest.mark.requirement("P11-200b")
@pytest.mark.requirement("P11-300d")
def test_an_answer_is_good_once_there_and_for_two_minutes(who: People) -> None:
    seat, key = with_key("quality")
    answer = key.get(seat.asked())
    elsewhere = Seat("quality")
    assert elsewhere.sign(who, key=answer) == "key_used"
    answer = key.get(seat.asked())
    assert seat.sign(who, key=answer) == "signed"
    assert seat.sign(who, key=answer) == "key_used"
    assert last_refusal() == ("signing_refused", "key_used")
    late = key.get(seat.asked())
    with time_machine.travel(datetime.now(UTC) + timedelta(minutes=3), tick=False):
        assert seat.sign(who, key=late) == "key_used"
    door = Seat()
    at_the_door = key.get(door.asked("quality"))
    assert door.client.post("/sign-in/", sign_in("quality")).status_code == 302
    assert door.sign(who, by="quality", key=at_the_door) == "key_used"
    assert not is_locked(User.objects.get(username="quality"))


@pytest.mark.requirement("P11-200b")
@pytest.mark.requirement("P11-300d")
@pytest.mark.parametrize(
    "cheat",
    ["origin", "host", "absent", "unregistered", "of another", "signature", "deep", "unkeepable", "nonsense"],
)
def test_what_is_not_an_answer_of_the_key_is_refused_and_counted(who: People, cheat: str) -> None:
    seat, key = with_key("quality")
    asked = seat.asked()
    match cheat:
        case "origin":
            answer = key.get(asked, origin="https://oxinate.example.net")
        case "host":
            answer = replace(key, host="example.net").get(asked)
        case "absent":
            answer = replace(key, flags=0).get(asked)
        case "unregistered":
            answer = Authenticator().get(asked)
        case "of another":
            answer = with_key("reviewer")[1].get(asked)
        case "signature":
            answer = replace(Authenticator(), credential=key.credential, count=9).get(asked)
        case "deep":
            answer = "[" * 20_000
        case "unkeepable":
            answer = key.get(asked).replace(f'"{key.name}"', '"\\u0000"')
        case _:
            answer = '{"id": "x", "response": []}'
    signatures = Signature.objects.count()
    assert seat.sign(who, key=answer) == "key_wrong"
    assert Signature.objects.count() == signatures
    assert Secret.objects.get(user__username="quality").failures == 1


@pytest.mark.requirement("P11-300d")
def test_five_wrong_answers_lock_the_account(who: People) -> None:
    seat, _ = with_key("quality")
    for _ in range(FAILURES):
        assert seat.sign(who, key=Authenticator().get(seat.asked())) == "key_wrong"
    assert is_locked(User.objects.get(username="quality"))


@pytest.mark.requirement("P11-300d")
def test_a_key_that_counts_back_locks_the_account(who: People) -> None:
    seat, key = with_key("quality")
    copy = replace(key, count=1)
    assert seat.sign(who, key=key.get(seat.asked())) == "signed"
    seat.sign(who, key=copy.get(seat.asked()))
    events = AccessEvent.objects.filter(user__username="quality").order_by("-pk")
    assert {event.why or event.kind for event in events[:2]} == {"key_counted_back", "locked"}
    assert is_locked(User.objects.get(username="quality"))


@pytest.mark.requirement("P11-300d")
def test_a_new_key_that_counts_back_locks_the_account_too(who: People) -> None:
    seat, key = Seat("quality"), Authenticator(count=7)
    row = seat.add(key)
    assert row is not None
    seat.confirm(replace(key, count=3), row)
    assert is_locked(User.objects.get(username="quality"))
    seat.confirm(key, row)  # a locked account adds nothing
    assert not SecurityKey.objects.exclude(confirmed_at=None).exists()
    assert {event.why for event in AccessEvent.objects.filter(purpose="person.confirm_key")} == {"key_counted_back"}


def test_a_key_that_does_not_count_is_taken_each_time(who: People) -> None:
    seat, key = with_key("quality", Authenticator(count=0, counts=False))
    for _ in range(2):
        assert seat.sign(who, key=key.get(seat.asked())) == "signed"


@pytest.mark.requirement("P11-300c")
def test_a_revoked_key_fails_at_once_and_ends_every_session(who: People) -> None:
    seat, key = with_key("quality")
    elsewhere = Seat("quality")
    row = SecurityKey.objects.get(credential=key.name)
    waiting = key.get(seat.asked())
    assert seat.client.post(f"/account/keys/{row.pk}/revoke/", {"reason": ""}).status_code == 302
    assert SecurityKey.objects.filter(pk=row.pk, revoked_at=None).exists()
    seat.client.post(f"/account/keys/{row.pk}/revoke/", WHY)
    assert elsewhere.client.get("/account/").status_code == 302
    assert seat.sign(who, key=waiting) == "key_used"  # asked in the session that has ended
    assert seat.sign(who, key=key.get(seat.asked())) == "key_wrong"
    door = Seat()
    assert door.enter("quality", key.get(door.asked("quality"))) in {401, 422}
    assert Operation.objects.get(action="person.revoke_key").reason == WHY["reason"]
    assert seat.add(key, "Again") is not None  # the same row: a revoked key never comes back
    assert SecurityKey.objects.filter(revoked_at=None).count() == 0


@pytest.mark.requirement("P11-300c")
@pytest.mark.parametrize("act", ["revoke-keys", "revoke-factor"])
def test_an_administrator_sees_and_revokes_the_keys_of_a_person(who: People, act: str) -> None:
    seat, key = with_key("quality")
    office = Seat("administrator")
    assert "Blue" in office.client.get("/people/quality/").content.decode()
    assert office.client.post(f"/people/quality/{act}/", {"reason": ""}).status_code == 422
    assert office.client.post(f"/people/quality/{act}/", WHY).status_code == 302
    assert seat.client.get("/account/").status_code == 302
    door = Seat("operator")
    assert door.sign(who, by="quality", key=key.get(door.asked("quality"))) == "identity_not_checked"
    services.record_identity_check(actor=who.administrator, username="quality", how="passport seen")
    missing = "factor_missing" if act == "revoke-factor" else "key_wrong"
    assert door.sign(who, by="quality", key=key.get(door.asked("quality"))) == missing


def test_a_key_is_nobody_elses_to_confirm_or_revoke(who: People) -> None:
    seat, _ = with_key("quality")
    row = SecurityKey.objects.get()
    other = Seat("operator").client
    assert other.get(f"/account/keys/{row.pk}/confirm/").status_code == 302
    assert other.post(f"/account/keys/{row.pk}/revoke/", WHY).status_code == 302
    assert SecurityKey.objects.filter(revoked_at=None).count() == 1
    given = sign_in("operator") | {"name": "Red"}
    refused = seat.client.post("/account/keys/", given)  # the factors of somebody else
    assert refused.status_code == 403


def test_a_registration_takes_the_challenge_of_its_own_beginning(who: People) -> None:
    seat = Seat("quality")
    assert seat.add(Authenticator(), origin="https://example.net") is None
    assert seat.add(Authenticator(host="example.net")) is None
    options = json.loads(seat.begin().context["options"])
    answer = Authenticator().create(options)
    Seat("reviewer").client.post("/account/keys/new/", {"name": "Blue", "key": answer})
    seat.client.post("/account/keys/new/", {"name": "Blue", "key": answer})
    signing = Authenticator()
    seat.client.post("/account/keys/new/", {"name": "Blue", "key": signing.create(seat.asked())})
    assert SecurityKey.objects.count() == 0
    assert KeyChallenge.objects.count() == 0


def test_a_name_without_a_key_is_answered_like_one_with_a_key(who: People) -> None:
    with_key("quality")
    door = Seat()
    assert door.client.post("/sign-in/key/", {"username": "\x00"}).status_code == 200
    known, none, unknown = door.asked("quality"), door.asked("operator"), door.asked("nobody at all")
    assert known.keys() == none.keys() == unknown.keys()
    assert [len(options["allowCredentials"]) for options in (known, none, unknown)] == [1, 1, 1]
    assert door.asked("operator")["allowCredentials"] == none["allowCredentials"]
    assert known["userVerification"] == "discouraged"
    assert known["rpId"] == "localhost"


def test_a_key_is_written_inside_an_operation_alone_and_never_deleted(who: People) -> None:
    with_key("quality")
    for statement in (
        "UPDATE accounts_securitykey SET revoked_at = NULL",
        "UPDATE accounts_securitykey SET confirmed_at = now()",
        "DELETE FROM accounts_securitykey",
        "UPDATE accounts_securitykeyuse SET sign_count = sign_count - 1",
        "UPDATE accounts_securitykeyuse SET key_id = key_id + 1",
        "DELETE FROM accounts_securitykeyuse",
        "TRUNCATE accounts_securitykeyuse",
    ):
        refused = (IntegrityError, InternalError, ProgrammingError)
        with pytest.raises(refused), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement)
