"""What a password may not be, and what a refused one tells whoever guesses."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median

import pytest
from django.core.checks import run_checks
from django.core.exceptions import ImproperlyConfigured
from django.test import Client, override_settings

from lims.accounts import access
from lims.accounts.models import AccessEvent, EarlierPassword, User
from lims.accounts.passwords import REMEMBERED, times_leaked
from lims.errors import InvalidInput
from lims.oversight.models import Alarm
from lims.oversight.state import state_of_installation
from lims.oversight.watch import watch_accounts
from lims.people import own, services
from lims.people.demo import refuse_demo_accounts
from tests.factories import PASSWORD, People
from tests.integration.rest import Rest

LEAKED = ["correct-horse-battery", "an-owl-in-the-attic!", "zirconium-is-element-40"]


def sha1(text: str) -> str:
    return hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest().upper()


@pytest.fixture(params=["\n", "\r\n"])
def breached(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A list in the download format, 3000 hashes long."""
    hashes = {sha1(f"filler {n}"): n + 1 for n in range(3000)} | {sha1(word): 7 for word in LEAKED}
    path = tmp_path / "pwned.txt"
    path.write_bytes("".join(f"{h}:{n}{request.param}" for h, n in sorted(hashes.items())).encode())
    return path


@pytest.mark.requirement("SIG-9")
def test_each_hash_of_the_list_is_found_and_no_other(breached: Path) -> None:
    assert [times_leaked(breached, word) for word in LEAKED] == [7, 7, 7]
    assert all(times_leaked(breached, f"filler {n}") == n + 1 for n in range(3000))
    assert not any(times_leaked(breached, f"fresh {n}") for n in range(500))


@pytest.mark.requirement("SIG-9")
def test_a_list_of_another_form_is_named(tmp_path: Path) -> None:
    other = tmp_path / "rockyou.txt"
    other.write_text("password\n123456\n")
    with pytest.raises(ImproperlyConfigured, match="LIMS_BREACHED_PASSWORDS_FILE does not hold"):
        times_leaked(other, "x")
    with pytest.raises(ImproperlyConfigured, match="cannot be read"):
        times_leaked(tmp_path / "nothing", "x")
    (tmp_path / "empty").touch()
    assert times_leaked(tmp_path / "empty", "x") == 0


@pytest.mark.requirement("SIG-9")
@pytest.mark.requirement("A11D-11.5")
def test_a_leaked_password_is_refused_in_a_sentence(who: People, breached: Path) -> None:
    with override_settings(BREACHED_PASSWORDS_FILE=str(breached)), pytest.raises(InvalidInput) as refusal:
        own.change_password(actor=who.operator, old=PASSWORD.format("operator"), new=LEAKED[0])
    assert "leaked elsewhere" in refusal.value.message
    assert refusal.value.details["field"] == "new"


@pytest.mark.requirement("SIG-9")
def test_the_last_five_passwords_are_not_chosen_again(who: People) -> None:
    present = first = PASSWORD.format("operator")
    for number in range(REMEMBERED - 1):
        new = f"quite-a-long-one-of-hers-{number}"
        own.change_password(actor=who.operator, old=present, new=new)
        present = new
        with pytest.raises(InvalidInput) as refusal:
            own.change_password(actor=who.operator, old=present, new=first)
        assert "one of the last 5" in refusal.value.message
    with pytest.raises(InvalidInput):  # nor does an administrator set one of them
        services.reset_password(actor=who.administrator, username="operator", password=first, reason="forgotten")
    own.change_password(actor=who.operator, old=present, new="the-fifth-that-pushes-it-out")
    own.change_password(actor=who.operator, old="the-fifth-that-pushes-it-out", new=first)
    assert EarlierPassword.objects.filter(user=who.operator.user).count() == REMEMBERED


def refused(client: Client, username: str, password: str) -> tuple[int, str, str]:
    given = {"username": username, "password": password}
    answer = client.post("/api/v1/tokens/", given, content_type="application/json")
    return answer.status_code, answer.json()["code"], answer.json()["detail"]


@pytest.mark.requirement("A11D-11.7")
@pytest.mark.requirement("P11-300d")
def test_a_refusal_does_not_tell_whether_an_account_exists_or_is_locked(who: People, client: Client) -> None:
    for _ in range(access.FAILURES):
        access.failed(who.analyst.user, address="")
    services.deactivate(actor=who.administrator, username="inspector", reason="left")
    answers = {
        refused(client, "nobody-of-this-name", "wrong"),
        refused(client, "operator", "wrong"),
        refused(client, "analyst", "wrong"),
        refused(client, "analyst", PASSWORD.format("analyst")),
        refused(client, "inspector", PASSWORD.format("inspector")),
    }
    assert len(answers) == 1
    pages = {
        client.post("/sign-in/", {"username": name, "password": "wrong", "otp": "000000"})
        .context["form"]
        .errors.as_json()
        for name in ("operator", "analyst", "nobody")
    }
    assert len(pages) == 1
    whys = AccessEvent.objects.filter(username="analyst").exclude(kind="locked").values_list("why", flat=True)
    assert set(whys) == {"locked"}


@pytest.mark.requirement("A11D-11.7")
def test_signing_tells_no_more(who: People) -> None:
    for _ in range(access.FAILURES):
        access.failed(who.analyst.user, address="")
    rest = Rest("operator")
    signature = {"username": "nobody", "password": "wrong"}
    said = {
        str(rest.post("me/statement/", {"signature": {**signature, "username": name}}).data)
        for name in ("nobody", "verifier", "analyst")
    }
    assert len(said) == 1


@pytest.fixture
def slow_hash() -> Iterator[None]:
    """Argon2, as production has it: with the quick hash of the tests there is nothing to measure."""
    argon2 = ["django.contrib.auth.hashers.Argon2PasswordHasher"]
    with override_settings(PASSWORD_HASHERS=[*argon2, "django.contrib.auth.hashers.MD5PasswordHasher"]):
        yield


@pytest.mark.requirement("A11D-11.7")
def test_an_unknown_a_locked_and_a_known_name_cost_the_same_hash(who: People, client: Client, slow_hash: None) -> None:
    for name in ("operator", "analyst"):
        User.objects.get(username=name).set_password(PASSWORD.format(name))
    for _ in range(access.FAILURES):
        access.failed(who.analyst.user, address="")

    def cost(username: str) -> float:
        spent = []
        for _ in range(3):
            before = time.process_time()
            refused(client, username, "wrong")
            spent.append(time.process_time() - before)
        return median(spent)

    known, locked, unknown = cost("operator"), cost("analyst"), cost("nobody-of-this-name")
    # Without the hash an answer takes a few milliseconds, with it more than ten times that.
    assert 0.5 < locked / known < 2
    assert 0.5 < unknown / known < 2


@pytest.mark.requirement("P11-300d")
def test_production_does_not_start_with_demo_accounts(who: People) -> None:
    assert state_of_installation()["accounts"]["faults"] == []
    refuse_demo_accounts()
    with override_settings(PRODUCTION=True):
        with pytest.raises(ImproperlyConfigured, match="open demo accounts"):
            refuse_demo_accounts()
        checked = run_checks(tags=["database"], include_deployment_checks=True, databases=["default"])
        [found] = [message for message in checked if message.id == "people.E001"]
        assert "operator" in found.msg
        assert state_of_installation()["status"] == "degraded"
        watch_accounts()
        watch_accounts()
        assert Alarm.objects.filter(kind=Alarm.Kind.DEMO_ACCOUNTS).count() == 1
