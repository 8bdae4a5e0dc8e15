"""Who has access is reviewed periodically by somebody of quality, who signs for the accounts they were shown."""

from __future__ import annotations

import csv
from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, ProgrammingError, transaction
from django.test import Client
from django.utils import timezone

from lims.accounts.roles import Permission, Role, roles_with
from lims.accounts.segregation import conflicts_of
from lims.audit.models import Change, Operation
from lims.audit.operations import operation
from lims.errors import InvalidInput, PermissionRefused, SegregationOfDuties, Stale
from lims.oversight.models import Alarm
from lims.oversight.services import acknowledge_alarm
from lims.oversight.state import state_of_installation
from lims.oversight.watch import watch_access_review
from lims.people.access_review import find_review, next_due, present_document, review_access, review_row
from lims.people.holders import account_rows, as_csv
from lims.people.models import AccessReview
from lims.people.services import change_roles, deactivate
from lims.signatures.models import Signature
from tests import factories
from tests.factories import People, credential
from tests.integration.rest import Rest

CONCLUSION = "All accounts are needed with these roles."


def reviewed(who: People, role: str = "quality", **changed: str) -> AccessReview:
    given = {"conclusion": CONCLUSION, "seen": present_document()["sha256"], **changed}
    return review_access(actor=getattr(who, role), credential=credential(role), **given)


def row_of(username: str, *, days: float = 0) -> dict[str, Any]:
    """As the list has it, or will have it in some days."""
    rows = account_rows(now=timezone.now() + timedelta(days=days))
    return next(row for row in rows if row["username"] == username)


@pytest.fixture
def overdue(settings: Any) -> None:
    settings.ACCESS_REVIEW_DAYS = 0


@pytest.mark.requirement("P11-300b")
@pytest.mark.requirement("A11D-11.10-11")
def test_quality_signs_for_the_accounts_it_was_shown(who: People) -> None:
    review = reviewed(who)
    signature = Signature.objects.get(access_review=review)
    assert (signature.username, signature.role, signature.meaning) == ("quality", "quality", "access_reviewed")
    assert signature.reason == CONCLUSION
    change = Change.objects.get(table_name="people_accessreview")
    assert (change.operation.action, change.operation.subject) == ("person.review_access", "user access")
    document = present_document()
    assert document["newest"]["list_intact"] is True
    assert document["newest"]["accounts"] == len(Role) - 1
    assert document["changed_since"] == []
    assert not document["overdue"]


@pytest.mark.requirement("A11D-11.10-11")
@pytest.mark.requirement("A11-12")
def test_what_changes_afterwards_is_shown_beside_the_review(who: People) -> None:
    reviewed(who)
    change_roles(actor=who.administrator, username="operator", roles=["operator", "verifier"], reason="Second shift.")
    deactivate(actor=who.administrator, username="analyst", reason="Left.")
    factories.another("newcomer", "operator")
    changed = {row["username"]: (row["before"], row["now"]) for row in present_document()["changed_since"]}
    assert changed == {
        "analyst": ("Analyst Test; analyst; active; second factor", "Analyst Test; analyst; closed; second factor"),
        "newcomer": ("", "Newcomer Test; operator; active; second factor"),
        "operator": (
            "Operator Test; operator; active; second factor",
            "Operator Test; operator, verifier; active; second factor",
        ),
    }


@pytest.mark.requirement("A11D-11.10-11")
def test_a_sign_in_undoes_no_review(who: People) -> None:
    reviewed(who)
    Rest("operator")
    assert present_document()["changed_since"] == []


@pytest.mark.requirement("A11D-11.10-11")
def test_what_changed_while_the_list_was_read_is_not_signed(who: People) -> None:
    seen = present_document()["sha256"]
    change_roles(actor=who.administrator, username="operator", roles=["verifier"], reason="Another job.")
    with pytest.raises(Stale, match="changed while you looked"):
        reviewed(who, seen=seen)
    assert not AccessReview.objects.exists()


@pytest.mark.requirement("A11D-11.10-11")
@pytest.mark.parametrize("role", [role.value for role in Role if role not in {Role.SYSTEM, Role.QUALITY}])
def test_nobody_but_quality_signs_it(who: People, role: str) -> None:
    with pytest.raises(PermissionRefused):
        reviewed(who, role)
    assert roles_with(Permission.REVIEW_ACCESS) == (Role.QUALITY,)


@pytest.mark.requirement("A11D-11.10-11")
def test_whoever_administers_accounts_does_not_review_them(who: People) -> None:
    both = factories.another("both", "quality", "administrator")
    with pytest.raises(SegregationOfDuties, match="You administer accounts"):
        review_access(
            actor=both, credential=credential("both"), conclusion=CONCLUSION, seen=present_document()["sha256"]
        )


@pytest.mark.requirement("P11-300b")
def test_a_review_without_a_conclusion_is_none(who: People) -> None:
    with pytest.raises(InvalidInput, match="Say what you conclude"):
        reviewed(who, conclusion="  ")
    review = reviewed(who)
    with (
        pytest.raises(IntegrityError, match="access_review_concludes"),
        operation(actor=who.quality, action="attack"),
    ):
        AccessReview.objects.create(listed=[], conclusion=" ", signature=review.signature)


@pytest.mark.requirement("P11-300b")
def test_a_review_is_never_changed_or_deleted(who: People) -> None:
    reviewed(who)
    for attack in (lambda: AccessReview.objects.update(listed=[]), lambda: AccessReview.objects.all().delete()):
        with pytest.raises(ProgrammingError, match="permission denied"), transaction.atomic():
            attack()


@pytest.mark.requirement("P11-300b")
def test_a_list_that_is_not_the_signed_one_is_told(who: People) -> None:
    review = find_review(reviewed(who).pk)
    review.listed[0]["roles"] = ["releaser"]
    assert review_row(review)["list_intact"] is False


@pytest.mark.requirement("A11D-11.10-11")
def test_accounts_that_nobody_uses_are_marked(who: People) -> None:
    assert row_of("operator")["use"] == "never used"
    Rest("operator", "read")
    row = row_of("operator")
    assert row["use"] == "in use"
    assert [token["scopes"] for token in row["tokens"]] == [["read"]]
    assert row_of("operator", days=89)["use"] == "in use"
    assert row_of("operator", days=91)["use"] == "long unused"
    deactivate(actor=who.administrator, username="operator", reason="Left.")
    closed = row_of("operator", days=91)
    assert (closed["state"], closed["use"], closed["tokens"]) == ("closed", "", [])


@pytest.mark.requirement("A11D-11.10-11")
@pytest.mark.parametrize(
    ("roles", "told"),
    [
        (["administrator"], []),
        (["administrator", "inspector"], []),
        (["operator", "verifier"], []),
        (["administrator", "operator"], ["Administers accounts and works on records as operator."]),
        (["operator", "releaser"], ["Makes batches and releases batches."]),
        (["operator", "quality"], ["Makes batches and assesses critical deviations."]),
    ],
)
def test_conflicts_of_duties_are_named(who: People, roles: list[str], told: list[str]) -> None:
    somebody = factories.another("somebody", *roles)
    assert conflicts_of(somebody.user) == told
    assert row_of("somebody")["conflicts"] == told


@pytest.mark.requirement("P11-300b")
def test_an_overdue_review_raises_one_alarm(who: People, overdue: None) -> None:
    for _ in range(2):
        watch_access_review()
    alarm = Alarm.objects.get(kind=Alarm.Kind.ACCESS_REVIEW)
    assert "there has been none yet" in alarm.text
    assert alarm.text in state_of_installation()["accounts"]["faults"]
    acknowledge_alarm(actor=who.quality, alarm_id=alarm.pk, comment="We do it tomorrow.")
    watch_access_review()
    assert Alarm.objects.filter(kind=Alarm.Kind.ACCESS_REVIEW).count() == 1
    reviewed(who)
    watch_access_review()
    assert Alarm.objects.filter(kind=Alarm.Kind.ACCESS_REVIEW).count() == 2, "the next one is missed anew"


@pytest.mark.requirement("P11-300b")
def test_a_review_lasts_half_a_year(who: People) -> None:
    watch_access_review()
    review = find_review(reviewed(who).pk)
    due = next_due()
    assert due.at == review.signature.at + timedelta(days=180)
    assert not due.overdue
    assert state_of_installation()["accounts"]["faults"] == []
    assert not Alarm.objects.filter(kind=Alarm.Kind.ACCESS_REVIEW).exists()


@pytest.mark.requirement("A11D-11.10-11")
def test_the_list_asks_no_more_for_more_people(who: People, django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(3):
        account_rows(now=timezone.now())
    for number in range(5):
        factories.another(f"person_{number}", "operator")
        Rest(f"person_{number}")
    with django_assert_num_queries(3):
        assert len(account_rows(now=timezone.now())) == len(Role) - 1 + 5


@pytest.mark.requirement("A11-12")
def test_the_list_is_a_file_for_a_spreadsheet(who: People) -> None:
    Rest("operator", "read", "record")
    rows = [*account_rows(now=timezone.now()), {**row_of("analyst"), "username": "formula", "full_name": "=1+1"}]
    lines = {row["username"]: row for row in csv.DictReader(as_csv(rows).removeprefix("\ufeff").splitlines())}
    assert lines["operator"]["state"] == "active"
    assert lines["operator"]["tokens"].startswith("read, record, used ")
    assert lines["formula"]["full_name"] == "'=1+1"


@pytest.mark.requirement("A11D-11.10-11")
def test_the_review_over_rest(who: People) -> None:
    quality = Rest("quality")
    now = quality.get("access/accounts/")
    assert now.status_code == 200
    body = {"conclusion": CONCLUSION, "seen": now.data["sha256"]}
    made = quality.signed("access/reviews/", body)
    assert made.status_code == 201, made.data
    listed = quality.get("access/reviews/").data["results"]
    assert [row["id"] for row in listed] == [made.data["id"]]
    one = Rest("inspector").get(f"access/reviews/{made.data['id']}/").data
    assert {row["username"] for row in one["listed"]} >= {"operator", "administrator"}
    refused = Rest("administrator").signed("access/reviews/", body)
    assert refused.status_code == 403
    assert quality.get("access/reviews/999999/").status_code == 404
    assert Operation.objects.filter(action="person.review_access").count() == 1


@pytest.mark.requirement("A11D-11.10-11")
def test_only_who_may_sign_finds_the_form(who: People) -> None:
    for role, may in (("quality", True), ("administrator", False), ("inspector", False)):
        client = Client()
        client.force_login(getattr(who, role).user)
        page = client.get("/access/review/")
        assert page.status_code == 200
        assert ("Sign: access reviewed" in page.content.decode()) is may
