"""Forged, replayed, fixed, redirected and hurried requests; what every answer carries, and what none tells."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.conf import settings
from django.test import Client, RequestFactory

from labeling.models import Batch
from lims.accounts.models import AccessEvent, SigningSequence, Token
from lims.addresses import address_of
from lims.audit.models import Operation
from lims.people.services import deactivate
from tests.factories import fresh_code
from tests.integration.attack.routes import EXPECTED
from tests.integration.attack.scene import Scene, is_rest, pk_of, signature
from tests.integration.rest import Rest, sign_in

HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}


def signed_in(username: str, **options: Any) -> Client:
    client = Client(**options)
    assert client.post("/sign-in/", sign_in(username)).status_code == 302
    return client


# --- Forged ---------------------------------------------------------------------------------------------------------
@pytest.mark.requirement("P11-10d")
def test_every_form_needs_the_secret_of_its_page(site: Scene) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(site.who.operator.user)
    posts = {route: expected for route, expected in EXPECTED.items() if expected.acts is not None}
    operations = Operation.objects.count()
    for route in posts:
        site.named["pk"] = pk_of(site, route)
        path = site.path(route)
        if path == "/api/v1/tokens/":  # it takes no session
            continue
        answer = client.post(path, {}, content_type="application/json" if is_rest(path) else "text/plain")
        assert answer.status_code == 403, path
    assert Operation.objects.count() == operations


def test_a_page_elsewhere_cannot_send_with_the_session(site: Scene) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(site.who.operator.user)
    page = client.get("/batches/new/").content.decode()
    token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page)
    assert token is not None
    form = {"protocol": "x", "csrfmiddlewaretoken": token[1]}
    assert client.post("/batches/new/", form).status_code == 422
    elsewhere = client.post("/batches/new/", form, headers={"Origin": "https://elsewhere.example"})
    assert elsewhere.status_code == 403


# --- Replayed -------------------------------------------------------------------------------------------------------
def test_a_key_names_one_request_of_one_person(site: Scene) -> None:
    operator, analyst = Rest("operator"), Rest("analyst")
    first = operator.post("equipment/", {"code": "BAL-7", "kind": "balance"}, key="k")
    again = operator.post("equipment/", {"code": "BAL-7", "kind": "balance"}, key="k")
    assert (first.status_code, again.status_code, again["Idempotency-Replayed"]) == (201, 201, "true")
    other_body = operator.post("equipment/", {"code": "BAL-8", "kind": "balance"}, key="k")
    assert (other_body.status_code, other_body.data["code"]) == (422, "idempotency_key_reused")
    other_path = operator.post("batches/", {"code": "BAL-7", "kind": "balance"}, key="k")
    assert (other_path.status_code, other_path.data["code"]) == (422, "idempotency_key_reused")
    other_person = analyst.post("equipment/", {"code": "BAL-7", "kind": "balance"}, key="k")
    assert other_person.status_code == 409  # a request of its own, not the first one's answer
    assert "Idempotency-Replayed" not in other_person


@pytest.mark.requirement("P11-200a1")
def test_a_signature_that_was_overheard_signs_nothing_more(site: Scene) -> None:
    rest, path = Rest("releaser"), f"batches/{site.waiting.number}/disposition/"
    overheard = {"decision": "reject", "reason": "a test", "signature": signature("releaser")}
    assert rest.post(path, overheard).status_code == 200
    again = rest.post(path, overheard)
    assert (again.status_code, again.data["code"]) == (403, "otp_used")
    elsewhere = rest.post(f"batches/{site.working.number}/disposition/", overheard)
    assert (elsewhere.status_code, elsewhere.data["code"]) == (403, "otp_used")


# --- Sessions and tokens --------------------------------------------------------------------------------------------
def test_a_session_that_was_planted_is_not_the_one_that_signs_in(site: Scene) -> None:
    client = Client()
    client.get("/sign-in/")
    client.cookies["oxinate_session"] = "planted0planted0planted0planted0"
    client.post("/sign-in/", sign_in("operator"))
    assert client.cookies["oxinate_session"].value != "planted0planted0planted0planted0"
    first = client.cookies["oxinate_session"].value
    client.post("/sign-in/", sign_in("verifier"))
    assert client.cookies["oxinate_session"].value != first


def test_a_session_ends_with_its_sign_out_and_with_its_account(site: Scene) -> None:
    client, kept = signed_in("operator"), Client()
    kept.cookies["oxinate_session"] = client.cookies["oxinate_session"].value
    assert kept.get("/batches/").status_code == 200
    client.post("/sign-out/")
    assert kept.get("/batches/").status_code == 302
    client, rest = signed_in("operator"), Rest("operator")
    deactivate(actor=site.who.administrator, username="operator", reason="left the department")
    assert client.get("/batches/").status_code == 302
    assert client.get("/api/v1/batches/").status_code == 401
    assert rest.get("batches/").status_code == 401


def test_a_token_ends_and_nothing_near_it_opens(site: Scene) -> None:
    rest = Rest("operator")
    for forged in ("", rest.token[:-1], f"{rest.token}x", rest.token.swapcase(), f"' OR 1=1 --{rest.token}", "\xe9"):
        rest.client.credentials(HTTP_AUTHORIZATION=f"Bearer {forged}")
        assert rest.get("batches/").status_code == 401, forged
    rest.client.credentials(HTTP_AUTHORIZATION=f"Bearer {rest.token}")
    assert rest.get("batches/").status_code == 200
    end = Token.objects.filter(user=site.who.operator.user).latest("pk").expires_at
    with time_machine.travel(end + timedelta(seconds=1), tick=False):
        assert rest.get("batches/").status_code == 401


@pytest.mark.requirement("A11D-11.8")
def test_what_nobody_used_opens_nothing_even_at_an_earlier_hour(site: Scene, settings: Any) -> None:
    start = datetime.now(UTC)
    with time_machine.travel(start, tick=False):
        rest, page = Rest("operator"), signed_in("operator")
    late = start + timedelta(minutes=settings.IDLE_MINUTES, seconds=1)
    for moment in (late, late - timedelta(minutes=2)):
        with time_machine.travel(moment, tick=False):
            assert rest.get("batches/").status_code == 401
            assert page.get("/batches/").status_code == 302
            assert page.get("/api/v1/batches/").status_code == 401


@pytest.mark.requirement("A11D-13.3")
@pytest.mark.requirement("A11D-11.3")
@pytest.mark.requirement("P11-200b")
def test_neither_session_nor_token_signs(site: Scene) -> None:
    for given in ({}, {"username": "releaser"}, {"username": "releaser", "password": ""}):
        answer = Rest("releaser").post(
            f"batches/{site.waiting.number}/disposition/", {"decision": "reject", "reason": "x", "signature": given}
        )
        assert answer.status_code == 400
    page = signed_in("releaser").post(f"/batches/{site.waiting.number}/release/", {"decision": "reject", "reason": "x"})
    assert page.status_code == 422
    assert Batch.objects.get(pk=site.waiting.pk).status == "quarantine"


# --- Places ---------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "wanted",
    [
        *("https://evil.example/", "//evil.example/", "///evil.example", "/\\evil.example", "http:evil.example"),
        *("javascript:alert(1)", "\thttps://evil.example", "https:///evil.example", "/%0d%0aSet-Cookie:x=1"),
    ],
)
def test_signing_in_leads_to_this_site_alone(site: Scene, wanted: str) -> None:
    answer = Client().post("/sign-in/", {**sign_in("operator"), "next": wanted})
    assert answer.status_code == 302
    assert re.fullmatch(r"/(?![/\\]).*", answer["Location"])
    assert "\n" not in answer["Location"]
    came = Client().post("/batches/new/", {}, headers={"Referer": f"http://testserver/{wanted.lstrip('/')}"})
    assert came["Location"].startswith("/sign-in/?next=")


@pytest.mark.parametrize("host", ["evil.example", "testserver.evil.example", "testserver:80:80", "a b", "[::1"])
def test_another_host_is_refused(site: Scene, host: str) -> None:
    for path in ("/sign-in/", "/api/v1/health/"):
        answer = Client().get(path, headers={"Host": host})
        assert answer.status_code == 400
        assert host not in answer.content.decode()


@pytest.mark.parametrize(
    ("behind", "forwarded", "address"),
    [
        (False, "10.9.8.7", "127.0.0.1"),
        (True, "10.9.8.7", "10.9.8.7"),
        (True, "1.1.1.1, 10.9.8.7", "10.9.8.7"),
        (True, "<script>, 2001:db8::1%eth0", "2001:db8::1"),
        (True, "10.9.8.7, <script>", "127.0.0.1"),
        (True, "", "127.0.0.1"),
    ],
)
def test_the_trail_shows_the_address_that_our_proxy_saw(
    settings: Any, behind: bool, forwarded: str, address: str
) -> None:
    settings.BEHIND_PROXY = behind
    assert address_of(RequestFactory().get("/", headers={"X-Forwarded-For": forwarded})) == address


# --- Too fast -------------------------------------------------------------------------------------------------------
@pytest.fixture
def within_a_minute() -> Iterator[None]:
    """The clock of the server stands still: however slow the machine is, all requests fall into one minute."""
    with time_machine.travel(datetime.now(UTC), tick=False):
        yield


@pytest.mark.requirement("P11-300d")
@pytest.mark.usefixtures("within_a_minute")
def test_guessing_is_slow_however_the_guesser_calls_itself(site: Scene) -> None:
    client = Client()
    for turn in range(60):
        headers = {"X-Forwarded-For": f"10.0.0.{turn}"}
        client.post("/api/v1/tokens/", {"username": f"u{turn}"}, content_type="application/json", headers=headers)
    answer = client.post("/api/v1/tokens/", {}, content_type="application/json", headers={"X-Forwarded-For": "1.1.1.1"})
    assert (answer.status_code, answer["Content-Type"]) == (429, "application/problem+json")
    assert answer.json()["code"] == "too_fast"
    assert 0 < int(answer["Retry-After"]) <= 60
    page = client.post("/sign-in/", {})
    assert (page.status_code, page.content.count(b"Too fast")) == (429, 2)
    with time_machine.travel(datetime.now(UTC) + timedelta(seconds=61), tick=False):
        assert client.post("/sign-in/", {}).status_code != 429


@pytest.mark.usefixtures("within_a_minute")
@pytest.mark.parametrize("path", ["documents/verify/", "audit/exports/", "protocols/", "formulas/activity-at/"])
def test_what_is_expensive_is_counted(site: Scene, path: str) -> None:
    client = Client()
    statuses = {client.post(f"/api/v1/{path}", {}, content_type="application/json").status_code for _ in range(601)}
    assert statuses == {401, 429}


@pytest.mark.usefixtures("within_a_minute")
def test_signing_is_counted_for_each_seat(site: Scene) -> None:
    rest, other = Rest("operator"), Rest("verifier")
    wrong = {"signature": {"username": "nobody", "password": "x", "otp": ""}}
    statuses = [rest.post("me/statement/", wrong).status_code for _ in range(121)]
    assert (statuses[0], statuses[-1]) == (403, 429)
    assert "Retry-After" in rest.post("me/statement/", wrong)
    assert other.post("me/statement/", wrong).status_code == 403
    assert not SigningSequence.objects.filter(user=site.who.operator.user).exists()


# --- Answers --------------------------------------------------------------------------------------------------------
def test_every_answer_carries_the_headers(site: Scene, settings: Any) -> None:
    client, rest = signed_in("operator", raise_request_exception=False), Client()
    answers = [
        *(client.get(path) for path in ("/", "/nowhere/", "/people/", "/api/v1/docs/", "/static/lims.css", "/\x00")),
        *(client.get(path) for path in ("/api/v1/batches/", "/api/v1/nowhere/", "/api/v1/people/")),
        *(rest.get(path) for path in ("/sign-in/", "/batches/", "/api/v1/batches/", "/api/v1/health/")),
        client.get("/", headers={"Host": "evil.example"}),
        client.post("/api/v1/documents/verify/", b"%PDF", content_type="application/pdf", CONTENT_LENGTH="99999999"),
        Client(enforce_csrf_checks=True).post("/sign-in/", {}),
    ]
    assert {200, 302, 400, 401, 403, 404, 413} <= {answer.status_code for answer in answers}
    for answer in answers:
        for name, value in HEADERS.items():
            assert answer.headers.get(name) == value, (answer.status_code, name)
        policy = answer["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert not re.search(r"unsafe|\*|data:|https?:", policy)
        assert not {"Server", "X-Powered-By"} & set(answer.headers)


def test_the_worksheet_alone_compiles_webassembly_and_nothing_else_is_loosened(site: Scene) -> None:
    client, reads_codes = signed_in("operator"), []
    for route, expected in EXPECTED.items():
        site.named["pk"] = pk_of(site, route)
        path = site.path(route)
        if expected.opens is None or is_rest(path):
            continue
        stated = dict(part.split(" ", 1) for part in client.get(path)["Content-Security-Policy"].split("; "))
        if stated["script-src"] != "'self'":
            assert stated["script-src"] == "'self' 'wasm-unsafe-eval'"
            reads_codes.append(route)
        assert stated | {"script-src": "'self'"} == settings.CONTENT_SECURITY_POLICY
    assert reads_codes == ["batches/<str:number>/"]


def test_no_page_has_a_script_or_a_style_of_its_own(site: Scene) -> None:
    """The policy would not run them; here the page that tries is named."""
    client = signed_in("operator")
    for route, expected in EXPECTED.items():
        site.named["pk"] = pk_of(site, route)
        path = site.path(route)
        if expected.opens is None or is_rest(path):
            continue
        html = client.get(path, follow=True).content.decode(errors="replace")
        found = re.search(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son\w+=\"|javascript:", html)
        assert found is None, (path, found)


def test_the_cookies_stay_with_this_site(site: Scene) -> None:
    client = signed_in("operator")
    session, csrf = client.cookies["oxinate_session"], client.cookies["csrftoken"]
    assert session["httponly"]
    assert (session["samesite"], csrf["samesite"]) == ("Lax", "Lax")
    assert not session["domain"]


def test_an_error_tells_nothing_about_the_inside(site: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    from labeling.api import stock
    from labeling.views import stock as pages

    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("secret inside /srv/oxinate")

    monkeypatch.setattr(stock, "lots", fail)
    monkeypatch.setattr(pages, "first_to_expire", fail)
    client = signed_in("operator", raise_request_exception=False)
    for path in ("/api/v1/lots/", "/stock/"):
        answer = client.get(path)
        assert answer.status_code == 500
        assert not re.search("secret|RuntimeError|Traceback|\\.py", answer.content.decode())


def test_an_unknown_name_and_a_wrong_password_are_told_alike(site: Scene) -> None:
    given = [{"username": name, "password": "wrong", "otp": fresh_code("operator")} for name in ("operator", "nobody")]
    answers = [Client().post("/api/v1/tokens/", body, content_type="application/json").json() for body in given]
    assert answers[0] == answers[1]
    assert AccessEvent.objects.filter(kind="sign_in_refused").count() == 2
