"""Credentials that are written around the program are noted, and their content stays out of the trail."""

from __future__ import annotations

import pytest
from django.conf import settings
from django.db import IntegrityError, ProgrammingError, transaction
from django.test import Client

from lims.accounts.models import AccessEvent, Secret
from lims.audit.models import Change
from tests.factories import People
from tests.integration.test_ways_around import sql

PASSWORD = "$argon2id$v=19$m=102400,t=2,p=8$c2FsdA$written-by-hand"


def noted() -> list[tuple[str, str, str]]:
    rows = AccessEvent.objects.filter(kind=AccessEvent.Kind.CREDENTIAL_WRITTEN).order_by("pk")
    return list(rows.values_list("username", "purpose", "why"))


@pytest.mark.requirement("AUD-6")
@pytest.mark.parametrize(
    ("statement", "purpose", "why"),
    [
        (f"UPDATE accounts_secret SET encoded = '{PASSWORD}' WHERE user_id = {{}}", "secret: encoded", "update"),
        ("UPDATE accounts_secret SET checks_void_to = 0 - 1 WHERE user_id = {}", "secret: checks_void_to", "update"),
        ("UPDATE accounts_secret SET must_change = true WHERE user_id = {}", "secret: must_change", "update"),
        ("UPDATE accounts_secret SET generation = generation - 1 WHERE user_id = {}", "secret: generation", "update"),
        ("UPDATE accounts_factor SET sealed = 'another' WHERE user_id = {}", "factor: sealed", "update"),
        ("UPDATE accounts_factor SET recovery = '{{abc}}' WHERE user_id = {}", "factor: recovery", "update"),
        ("DELETE FROM accounts_factor WHERE user_id = {}", "factor: confirmed_at, recovery, sealed", "delete"),
        ("DELETE FROM accounts_secret WHERE user_id = {}", "secret: changed_at", "delete"),
    ],
)
def test_a_credential_written_around_the_program_stands_in_the_access_log(
    who: People, statement: str, purpose: str, why: str
) -> None:
    before = len(noted())
    sql(statement.format(who.quality.user.pk))
    [(username, said, how)] = noted()[before:]
    assert (username, how) == ("quality", why)
    assert said.startswith(purpose)
    with pytest.raises(ProgrammingError, match="permission denied"), transaction.atomic():
        sql("DELETE FROM accounts_accessevent")


@pytest.mark.requirement("AUD-6")
def test_what_a_sign_in_counts_is_no_line_of_its_own(who: People) -> None:
    from lims.accounts import access

    before = len(noted())
    access.failed(who.operator.user, address="10.0.0.1")
    assert len(noted()) == before


@pytest.mark.requirement("P11-300d")
def test_a_token_that_nobody_was_issued_is_refused(who: People) -> None:
    forged = (
        "INSERT INTO accounts_token (user_id, sha256, created_at, expires_at) "
        f"VALUES ({who.quality.user.pk}, repeat('0', 64), now(), now() + interval '1 day')"
    )
    with pytest.raises(IntegrityError, match="says it was issued"), transaction.atomic():
        sql(forged)


@pytest.mark.requirement("AUD-6")
def test_inside_an_operation_the_trail_keeps_a_fingerprint_of_a_password_and_never_the_hash(who: People) -> None:
    from lims.people.services import reset_password

    reset_password(
        actor=who.administrator, username="operator", password="quite-another-long-one", reason="It was forgotten."
    )
    encoded = Secret.objects.get(user=who.operator.user).encoded
    changes = Change.objects.filter(operation__action="person.reset_password", table_name="accounts_secret")
    rows = [row for change in changes for row in (change.old_row, change.new_row) if row]
    assert rows
    assert all(row["encoded"].startswith("fingerprint ") for row in rows)
    assert len({row["encoded"] for row in rows}) == 2
    assert not Change.objects.filter(new_row__icontains=encoded[-20:]).exists()


@pytest.mark.requirement("P11-10d")
def test_a_session_put_into_the_table_by_hand_opens_nothing(who: People) -> None:
    sql(
        "INSERT INTO django_session (session_key, session_data, expire_date) "
        f"VALUES ('forged', '{{\"_auth_user_id\": \"{who.quality.user.pk}\"}}', now() + interval '1 day')"
    )
    client = Client()
    client.cookies[settings.SESSION_COOKIE_NAME] = "forged"
    answer = client.get("/audit/")
    assert answer.status_code == 302
    assert "sign-in" in answer["Location"]
