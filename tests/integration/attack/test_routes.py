"""Every address of the site, as each role and as nobody, compared with one table of expectations (`routes.py`)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import pytest
from django.http import HttpResponse

from lims.accounts.roles import Permission, may, roles_with
from lims.accounts.scopes import PERMISSIONS, Scope
from tests.factories import People
from tests.integration.attack.routes import EXPECTED, Open, Route, Who
from tests.integration.attack.scene import ROLES, Scene, Visitor, all_routes, is_rest, pk_of, token_of, undone


def address(site: Scene, route: str) -> str:
    site.named["pk"] = pk_of(site, route)
    return site.path(route)


def granted(people: People, role: str, who: Who) -> bool:
    return who in set(Open) or may(getattr(people, role).user, Permission(who))


def test_every_address_is_declared_and_nothing_else() -> None:
    found = list(all_routes())
    assert sorted(found) == sorted(EXPECTED), set(found) ^ set(EXPECTED)


@pytest.mark.requirement("P11-10d")
def test_nobody_is_sent_to_the_sign_in_or_refused(site: Scene) -> None:
    nobody, wrong = Visitor(), []
    for route, expected in EXPECTED.items():
        path = address(site, route)
        attempts = [("GET", expected.opens, nobody.get(path)), ("POST", expected.acts, nobody.post(path, {}))]
        for method in ("put", "patch", "delete"):  # DELETE too: nobody signs anybody out
            client = nobody.rest if is_rest(path) else nobody.page
            attempts.append((method.upper(), None, getattr(client, method)(path)))
        for method, who, answer in attempts:
            if who is Open.EVERYBODY:
                continue
            if not turned_away(path, answer):
                wrong.append(f"{method} {path}: {answer.status_code}")
    assert not wrong, "\n".join(wrong)


def turned_away(path: str, answer: HttpResponse) -> bool:
    if is_rest(path):
        return answer.status_code == 401 or (answer.status_code == 405 and path.endswith(("/tokens/", "/health/")))
    return (answer.status_code == 302 and "/sign-in/" in answer["Location"]) or answer.status_code == 405


@pytest.mark.requirement("P11-10d")
@pytest.mark.requirement("P11-10g")
@pytest.mark.requirement("A11D-11.10-11")
@pytest.mark.parametrize("role", ROLES)
def test_each_role_opens_and_does_what_the_table_says(site: Scene, role: str) -> None:
    visitor, wrong = Visitor(role, site.who), []
    site.named["token_id"] = token_of(role)
    for route, expected in EXPECTED.items():
        path = address(site, route)
        # The last one is the content of a record that is not sealed yet: 404 to those who may know.
        if path.endswith(("/sign-out/", "/tokens/")) or re.fullmatch(r"/records/\d+/content/", path):
            continue
        for method, who, answer in tried(visitor, path, expected, site.named):
            allowed = who is not None and granted(site.who, role, who)
            if not as_expected(answer, exists=who is not None, allowed=allowed):
                wrong.append(f"{role} {method} {path}: {answer.status_code}, expected {who}")
    assert not wrong, "\n".join(wrong)


def tried(
    visitor: Visitor, path: str, expected: Route, named: Mapping[str, Any]
) -> list[tuple[str, Who | None, HttpResponse]]:
    with undone():
        opened = visitor.get(path)
    with undone():
        signer = visitor.role if expected.signed else ""
        sends = {k: v.format_map(named) if isinstance(v, str) else v for k, v in expected.sends.items()}
        acted = visitor.post(path, sends, signed_by=signer)
    answers = [("GET", expected.opens, opened), ("POST", expected.acts, acted)]
    if expected.ends is not None:
        with undone():
            answers.append(("DELETE", expected.ends, visitor.delete(path)))
    return answers


@pytest.mark.requirement("P11-10d")
@pytest.mark.parametrize("scope", Scope)
def test_a_limited_token_does_nothing_outside_its_scope(site: Scene, scope: Scope) -> None:
    """By whoever could, were the token not limited."""
    visitors: dict[str, Visitor] = {role: Visitor(role, scopes=(scope,)) for role in ROLES}
    wrong = []
    for route, expected in EXPECTED.items():
        path = address(site, route)
        if not is_rest(path):  # a page takes no token
            continue
        for who in {who for who in (expected.opens, expected.acts) if isinstance(who, Permission)}:
            role, left = roles_with(who)[0], who in PERMISSIONS[scope]
            for method, needed, answer in tried(visitors[role], path, expected, site.named):
                if needed is who and not as_expected(answer, exists=True, allowed=left):
                    wrong.append(f"{scope} {role} {method} {path}: {answer.status_code}, left {left}")
    assert not wrong, "\n".join(wrong)


def as_expected(answer: HttpResponse, *, exists: bool, allowed: bool) -> bool:
    if answer.status_code >= 500:
        return False
    if not exists:
        return answer.status_code in {403, 405}
    return (answer.status_code not in {401, 403, 404, 405}) if allowed else answer.status_code == 403


@pytest.mark.requirement("DI-4")
def test_an_administrator_signs_nothing_even_with_the_name_of_another(site: Scene) -> None:
    administrator = Visitor("administrator", site.who)
    for route, expected in EXPECTED.items():
        if not expected.signed or expected.acts in set(Open):
            continue
        with undone():
            answer = administrator.post(address(site, route), dict(expected.sends), signed_by="releaser")
        assert answer.status_code == 403, route


@pytest.mark.requirement("P11-10d")
def test_no_other_method_does_anything(site: Scene) -> None:
    operator = Visitor("operator", site.who)
    for route in EXPECTED:
        path = address(site, route)
        client = operator.rest if is_rest(path) else operator.page
        for method in ("put", "patch", "trace", *([] if EXPECTED[route].ends else ["delete"])):
            status = getattr(client, method)(path).status_code
            assert status in {302, 403, 405}, (method, path, status)
