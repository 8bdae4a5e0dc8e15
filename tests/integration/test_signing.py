"""What a signature takes: all factors at first and for what matters most, the password within an unbroken sequence."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.db import IntegrityError, transaction
from django.test import Client
from rest_framework.response import Response

from labeling.models import Batch, Lot
from labeling.selectors.exceptions import Exceptional, exceptions
from lims.accounts.factors import confirmed_factor, new_recovery_codes
from lims.accounts.models import Acceptance, AccessEvent, IdentityCheck
from lims.accounts.statement import VERSION
from lims.oversight.trail import Wanted
from lims.people import services
from lims.signatures.models import Signature
from tests import factories
from tests.factories import PASSWORD, People, fresh_code
from tests.integration.rest import Rest, sign_in


class Bench:
    """A workstation where somebody is signed in, and a run of lots that wait for a signature each."""

    def __init__(self, who: People, role: str = "quality") -> None:
        self.who, self.role, self.rest = who, role, Rest(role)

    def sign(self, *, by: str = "", otp: str = "", decision: str = "accept") -> Response:
        lot = factories.lot(self.who, f"L-{Lot.objects.count()}", "oxalate", accepted=False)
        signer = by or self.role
        signature = {"username": signer, "password": PASSWORD.format(signer), "otp": otp}
        body: dict[str, Any] = {"signature": signature}
        if decision == "reject":
            body["reason"] = "broken seal"
        return self.rest.post(f"lots/{lot.pk}/{decision}/", body)

    def outcome(self, **how: str) -> str:
        answer = self.sign(**how)
        return "signed" if answer.status_code == 200 else str(answer.data["code"])

    def fully(self, by: str = "") -> str:
        return self.outcome(by=by, otp=fresh_code(by or self.role))


@pytest.fixture
def bench(laboratory: People) -> Bench:
    return Bench(laboratory)


def after(**how: float) -> time_machine.travel:
    return time_machine.travel(datetime.now(UTC) + timedelta(**how), tick=False)


@pytest.mark.requirement("SIG-3")
@pytest.mark.requirement("P11-200a1")
@pytest.mark.requirement("A11D-13.3")
def test_the_first_signature_takes_all_factors_and_the_next_ones_the_password(bench: Bench) -> None:
    assert bench.outcome() == "otp_required"
    assert bench.fully() == "signed"
    assert bench.outcome() == "signed"
    factors = list(Signature.objects.order_by("-pk").values_list("factors", flat=True)[:2])
    assert factors == ["username+password", "username+password+totp"]


@pytest.mark.requirement("SIG-3")
@pytest.mark.requirement("P11-200a1")
@pytest.mark.requirement("P11-300d")
def test_a_refused_signing_begins_no_sequence_uses_its_code_and_is_an_exception(bench: Bench) -> None:
    factories.another("both", "operator", "quality")
    rest = Rest("both")
    asked = {"username": "both", "password": PASSWORD.format("both"), "otp": fresh_code("both")}

    def accept(pk: int) -> str:
        answer = rest.post(f"lots/{pk}/accept/", {"signature": asked})
        return str(answer.data.get("code", answer.status_code))

    mine = rest.post("lots/", {"number": "L-MINE", "material": "oxalate", "expires_at": "2099-01-01T00:00:00Z"})
    others = factories.lot(bench.who, "L-OTHERS", "oxalate", accepted=False)
    assert accept(mine.data["id"]) == "segregation_of_duties"
    assert accept(others.pk) == "otp_used"
    asked["otp"] = ""
    assert accept(others.pk) == "otp_required"
    asked["otp"] = fresh_code("both")
    assert accept(others.pk) == "200"
    assert bench.fully(by="operator") == "permission_refused"
    assert bench.outcome(by="operator") == "otp_required"

    told = [row["sentence"] for row in exceptions(Wanted(), kinds=[Exceptional.REFUSED_SIGNING]).rows]
    assert told == [
        "operator: signing refused for lot: accept (neither code nor key)",
        "operator: signing refused for lot: accept (the role may not)",
        "both: signing refused for lot: accept (neither code nor key)",
        "both: signing refused for lot: accept (a one-time code that was used)",
        "both: signing refused for lot: accept L-MINE (it was their own work)",
    ]


@pytest.mark.requirement("SIG-3")
def test_ten_minutes_without_a_signature_break_the_sequence(bench: Bench) -> None:
    start = datetime.now(UTC)
    with time_machine.travel(start, tick=False):
        assert bench.fully() == "signed"
    for minutes in (9, 18):
        with time_machine.travel(start + timedelta(minutes=minutes), tick=False):
            assert bench.outcome() == "signed"
    with time_machine.travel(start + timedelta(minutes=28, seconds=1), tick=False):
        assert bench.outcome() == "otp_required"


@pytest.mark.requirement("SIG-3")
def test_another_address_token_or_role_breaks_the_sequence(bench: Bench) -> None:
    assert bench.fully() == "signed"
    bench.rest.client.defaults["REMOTE_ADDR"] = "192.0.2.7"
    assert bench.outcome() == "otp_required"
    del bench.rest.client.defaults["REMOTE_ADDR"]
    assert bench.outcome() == "signed"
    assert Bench(bench.who).outcome() == "otp_required"
    services.change_roles(
        actor=bench.who.administrator, username="quality", roles=["quality", "reviewer"], reason="holiday"
    )
    assert bench.outcome() == "otp_required"


@pytest.mark.requirement("SIG-3")
def test_a_new_sign_in_on_the_pages_breaks_the_sequence(laboratory: People, client: Client) -> None:
    def accept(number: str, otp: str = "") -> int:
        lot = factories.lot(laboratory, number, "oxalate", accepted=False)
        given = {"username": "quality", "password": PASSWORD.format("quality"), "otp": otp, "decision": "accept"}
        return client.post(f"/stock/{lot.pk}/decide/", given).status_code

    client.post("/sign-in/", sign_in("quality"))
    assert accept("P-1") == 403
    assert accept("P-2", fresh_code("quality")) == 302
    assert accept("P-3") == 302
    client.post("/sign-out/")
    client.post("/sign-in/", sign_in("quality"))
    assert accept("P-4") == 403


@pytest.mark.requirement("SIG-3")
def test_the_form_says_whether_it_takes_a_code_and_shows_no_code_again(laboratory: People, client: Client) -> None:
    lots = [factories.lot(laboratory, number, "oxalate", accepted=False) for number in ("F-1", "F-2")]
    client.post("/sign-in/", sign_in("operator"))
    given = {"username": "operator", "password": PASSWORD.format("operator"), "otp": fresh_code("operator")}
    batch = factories.recorded(laboratory, factories.campaign()["synthesis"])
    refused = client.post(f"/batches/{batch.number}/steps/product/verify/", {**given, "seen": "0" * 64})
    page = refused.content.decode()
    assert refused.status_code == 403
    assert "may not verify entries and steps as the second person. A verifier may." in page
    assert 'value="operator"' in page
    assert given["otp"] not in page
    assert given["password"] not in page
    client.post("/sign-out/")

    client.post("/sign-in/", sign_in("quality"))
    first, within = "The first signature after signing in", "Within your unbroken sequence of signatures"
    page = client.get(f"/stock/{lots[0].pk}/").content.decode()
    assert first in page
    assert "A rejection always takes the code or key." in page
    given = {"username": "quality", "password": PASSWORD.format("quality"), "otp": fresh_code("quality")}
    assert client.post(f"/stock/{lots[0].pk}/decide/", {**given, "decision": "accept"}).status_code == 302
    page = client.get(f"/stock/{lots[1].pk}/").content.decode()
    assert within in page
    assert first not in page


@pytest.mark.requirement("SIG-5")
def test_a_second_person_signs_at_the_same_seat_and_breaks_nothing(bench: Bench) -> None:
    factories.another("quality-2", "quality")
    assert bench.fully() == "signed"
    assert bench.outcome(by="quality-2") == "otp_required"
    assert bench.fully(by="quality-2") == "signed"
    assert bench.outcome(by="quality-2") == "signed"
    assert bench.outcome() == "signed"
    assert bench.rest.get("me/").data["username"] == "quality"
    assert Signature.objects.order_by("-pk")[1].username == "quality-2"


@pytest.mark.requirement("SIG-3")
def test_rejecting_and_approving_take_all_factors_within_a_sequence_too(bench: Bench) -> None:
    assert bench.fully() == "signed"
    assert bench.outcome(decision="reject") == "otp_required"
    assert bench.outcome(decision="reject", otp=fresh_code("quality")) == "signed"
    for act in ("approve", "make-effective"):
        signature = {"username": "quality", "password": PASSWORD.format("quality")}
        answer = bench.rest.post(f"protocols/zr89-oxine-kit/versions/1/{act}/", {"signature": signature})
        assert answer.data["code"] == "otp_required"


@pytest.mark.requirement("SIG-3")
def test_a_release_takes_all_factors(laboratory: People, ready: Batch) -> None:
    rest = Rest("releaser")
    body = {"decision": "release", "signature": {"username": "releaser", "password": PASSWORD.format("releaser")}}
    assert rest.post(f"batches/{ready.number}/disposition/", body).data["code"] == "otp_required"
    assert rest.signed(f"batches/{ready.number}/disposition/", {"decision": "release"}).status_code == 200


@pytest.mark.requirement("SIG-4")
def test_a_used_a_wrong_and_a_recovery_code_do_not_sign(bench: Bench) -> None:
    code = fresh_code("quality")
    assert bench.outcome(otp=code) == "signed"
    assert bench.outcome(otp=code) == "otp_used"
    assert bench.outcome(otp="000000") == "otp_wrong"
    factor = confirmed_factor(bench.who.quality.user)
    assert factor is not None
    assert bench.outcome(otp=new_recovery_codes(factor)[0]) == "recovery_code_cannot_sign"
    refused = AccessEvent.objects.filter(kind=AccessEvent.Kind.SIGNING_REFUSED).order_by("pk")
    assert [event.why for event in refused] == ["otp_used", "otp_wrong", "recovery_code_cannot_sign"]
    assert {event.purpose for event in refused} == {"lot.accept"}


@pytest.mark.requirement("P11-10j")
@pytest.mark.requirement("P11-100b")
@pytest.mark.requirement("P11-300c")
def test_nobody_signs_before_their_identity_is_checked_and_the_statement_accepted(bench: Bench) -> None:
    enrolled = services.enroll(
        actor=bench.who.administrator,
        username="nadia",
        full_name="Nadia Novak",
        roles=["quality"],
        password="a-first-password-of-hers",
        identity="Passport seen.",
    )
    [check] = IdentityCheck.objects.filter(user=enrolled)
    assert (check.checked_by.username, check.how) == ("administrator", "Passport seen.")
    # She changes the password and sets up her authenticator.
    from lims.accounts.actors import Actor
    from lims.accounts.attestation import Credential
    from lims.accounts.factors import make_factor
    from lims.people import own

    own.change_password(actor=Actor(enrolled), old="a-first-password-of-hers", new=PASSWORD.format("nadia"))
    make_factor(enrolled, factories.totp_secret("nadia"), confirmed=True)
    assert bench.fully(by="nadia") == "statement_not_accepted"
    own.accept_statement(
        actor=Actor(enrolled), credential=Credential("nadia", PASSWORD.format("nadia"), fresh_code("nadia"))
    )
    assert Acceptance.objects.get(user=enrolled).version == VERSION
    assert bench.fully(by="nadia") == "signed"

    services.revoke_factor(actor=bench.who.administrator, username="nadia", reason="lost")
    make_factor(enrolled, factories.totp_secret("nadia"), confirmed=True)
    assert bench.fully(by="nadia") == "identity_not_checked"
    services.record_identity_check(actor=bench.who.administrator, username="nadia", how="Seen in person.")
    assert bench.fully(by="nadia") == "signed"


@pytest.mark.requirement("P11-10j")
def test_a_new_version_of_the_statement_asks_again(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    from lims.accounts import statement

    monkeypatch.setattr(statement, "VERSION", VERSION + 1)
    assert bench.fully() == "statement_not_accepted"


def test_identity_checks_and_acceptances_are_append_only(who: People) -> None:
    for rows in (IdentityCheck.objects.all(), Acceptance.objects.all()):
        assert rows.exists()
        with pytest.raises(Exception, match=r"permission denied|append-only"), transaction.atomic():
            rows.delete()
    with pytest.raises(IntegrityError, match="outside an audited operation"), transaction.atomic():
        Acceptance.objects.create(user=who.operator.user, version=9, sha256="x", factors="none")


def test_the_last_administrator_stays_and_nobody_administers_themselves(who: People) -> None:
    rest = Rest("administrator")
    assert rest.post("people/administrator/deactivate/", {"reason": "x"}).data["code"] == "own_account"
    assert rest.post("people/operator/roles/", {"roles": ["emperor"], "reason": "x"}).data["code"] == "unknown_role"
    given = rest.post("people/operator/roles/", {"roles": ["operator", "analyst"], "reason": "second training"})
    assert given.data["roles"] == ["operator", "analyst"]
    assert given.data["history"][0]["reason"] == "second training"
    assert rest.post("people/system/deactivate/", {"reason": "x"}).status_code == 404


@pytest.mark.parametrize("username", ["two words", "a/b", "new", "../x", "naïve"])
def test_a_username_is_one_plain_word(who: People, username: str) -> None:
    answer = Rest("administrator").post(
        "people/",
        {
            "username": username,
            "full_name": "Some Body",
            "roles": ["operator"],
            "password": "a-first-password-of-hers",
            "identity": "seen",
        },
    )
    assert (answer.status_code, answer.data["code"]) == (422, "bad_username")


def test_no_permission_of_an_integration_signs(who: People) -> None:
    from lims.accounts.roles import Permission, permissions_of

    assert permissions_of(who.integration.user) == {
        *(Permission.VIEW, Permission.RECEIVE_LOT, Permission.KEEP_EQUIPMENT, Permission.TEST)
    }
