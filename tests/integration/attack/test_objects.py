"""Rows of another batch under this one's address, and fields that nobody may set."""

from __future__ import annotations

from typing import Any

import pytest

from labeling.models import Batch, Deviation, Entry, Verification
from lims.accounts.models import User
from lims.audit.models import Operation
from qc.models import Investigation, Review, TestResult
from tests.browser import small_batch
from tests.integration.attack.scene import Scene, Visitor
from tests.integration.rest import Rest

NOT_THERE = 9_999_999
TOO_LONG = "9" * 30


NESTED = [
    ("operator", "entries/{}/correct/", "entry_id", {"value": "1", "unit": "mL", "reason": "x"}, False),
    ("verifier", "entries/{}/verify/", "entry_id", {}, True),
    ("reviewer", "deviations/{}/assess/", "deviation_id", {"assessment": "none"}, True),
    ("reviewer", "test-results/{}/review/", "result_id", {}, True),
    ("quality", "test-results/{}/investigation/", "result_id", {"cause": "x"}, True),
]
NESTED_PAGES = [
    ("operator", "entries/", "entry_id", {"step": "product", "field": "volume", "value": "1", "unit": "mL"}, False),
    ("verifier", "entries/{}/verify/", "entry_id", {}, True),
    ("reviewer", "deviations/{}/", "deviation_id", {"assessment": "none", "severity": "minor"}, True),
    ("reviewer", "tests/{}/review/", "result_id", {}, True),
    ("quality", "tests/{}/investigation/", "result_id", {"cause": "x"}, True),
]


@pytest.mark.requirement("P11-10d")
@pytest.mark.parametrize(("role", "route", "name", "body", "signed"), NESTED)
def test_a_row_of_another_batch_is_not_found_under_this_one(
    site: Scene, role: str, route: str, name: str, body: dict[str, Any], signed: bool
) -> None:
    other = small_batch.in_progress(site.who)
    rest, before = Rest(role), counted()
    for number, pk in ((other.number, site.named[name]), (other.number, NOT_THERE), (site.working.number, TOO_LONG)):
        path = f"batches/{number}/{route.format(pk)}"
        answer = rest.signed(path, body) if signed else rest.post(path, body)
        assert (answer.status_code, answer.data["code"]) == (404, "not_found"), (path, answer.data)
    assert counted() == before


@pytest.mark.parametrize(("role", "route", "name", "body", "signed"), NESTED_PAGES)
def test_nor_on_the_pages(site: Scene, role: str, route: str, name: str, body: dict[str, Any], signed: bool) -> None:
    other = small_batch.in_progress(site.who)
    before = counted()
    sends = {**body, "seen": str(site.named[name]), "reason_code": "other", "reason": "x"} | body
    path = f"/batches/{other.number}/{route.format(site.named[name])}"
    answer = Visitor(role, site.who).post(path, sends, signed_by=role if signed else "")
    assert answer.status_code == 404, answer.status_code
    assert counted() == before


def counted() -> list[int]:
    return [
        model._default_manager.count() for model in (Entry, Verification, Deviation, TestResult, Review, Investigation)
    ]


RESERVED: dict[str, Any] = {
    "id": 1,
    "status": "released",
    "recorded_by": "releaser",
    "recorded_at": "2020-01-01T00:00:00+00:00",
    "verdict": "pass",
    "operation": 1,
    "is_active": True,
    "released": True,
    "__proto__": {},
}


@pytest.mark.parametrize("name", RESERVED)
def test_a_field_that_nobody_may_set_is_refused_by_name(site: Scene, name: str) -> None:
    number, extra = site.working.number, {name: RESERVED[name]}
    attempts: list[tuple[str, str, dict[str, Any]]] = [
        ("operator", "batches/", {"protocol": "small"}),
        ("operator", "equipment/", {"code": "BAL-9", "kind": "balance"}),
        ("operator", f"batches/{number}/hold/", {"reason": "x"}),
        ("operator", f"batches/{number}/entries/", {"step": "product", "field": "volume", "value": "1"}),
        ("analyst", f"batches/{site.waiting.number}/test-results/", {"test": "purity", "value": "98"}),
        ("administrator", "people/operator/roles/", {"roles": ["operator"], "reason": "x"}),
        ("administrator", "people/operator/check-identity/", {"how": "passport"}),
    ]
    operations = Operation.objects.count()
    rests = {role: Rest(role) for role in {role for role, _, _ in attempts}}
    for role, path, body in attempts:
        answer = rests[role].post(path, {**body, **extra})
        assert (answer.status_code, answer.data["code"]) == (400, "malformed"), (path, answer.data)
        assert name in {error["field"] for error in answer.data["errors"]}
    assert Operation.objects.count() == operations


def test_a_form_sets_what_it_shows_and_nothing_else(site: Scene) -> None:
    operator = Visitor("operator", site.who)
    extra = {"status": "released", "planned_by": str(site.who.releaser.user.pk), "number": "S-0-0", "is_active": ""}
    assert operator.post("/batches/new/", {"protocol": "small", **extra}).status_code == 302
    made = Batch.objects.latest("pk")
    assert (made.status, made.planned_by_id) == ("planned", site.who.operator.user.pk)
    assert made.number != "S-0-0"
    change = {
        "old": "a-long-password-for-operator",
        "new": "another-long-one-of-hers",
        "again": "another-long-one-of-hers",
    }
    assert operator.post("/account/password/", {**change, "roles": "administrator", "username": "x"}).status_code == 302
    kept = User.objects.get(pk=site.who.operator.user.pk)
    assert (kept.username, kept.roles, kept.is_active) == ("operator", ["operator"], True)


def test_nobody_grants_themselves_a_role(site: Scene) -> None:
    rest = Rest("administrator")
    mine = rest.post("people/administrator/roles/", {"roles": ["administrator", "releaser"], "reason": "x"})
    assert mine.status_code in {403, 409}
    system = rest.post("people/operator/roles/", {"roles": ["system"], "reason": "x"})
    assert system.status_code in {409, 422}
