"""Values that want to be more than values: markup, templates, formulas of a spreadsheet, SQL, YAML, headers, files."""

from __future__ import annotations

import csv
import io
import logging
import sys
import time
from typing import Any, cast
from urllib.parse import quote

import pytest
from django.template.loader import render_to_string
from django.test import Client

from labeling.domain.documents import read_document
from labeling.domain.expressions import parse_expression
from labeling.domain.protocol_reading import parse_protocol
from lims.errors import InvalidInput
from lims.logs import OneLine
from lims.people.services import enroll
from tests.integration import sample_record
from tests.integration.attack.routes import EXPECTED
from tests.integration.attack.scene import Scene, is_rest, pk_of
from tests.integration.rest import Rest

MARKUP = "<script>alert(1)</script>{{ 7*7 }}{% debug %}\"'><img src=x onerror=alert(2)>"
LESS_THAN_A_SECOND = 1.0


# --- Markup and templates -------------------------------------------------------------------------------------------
@pytest.mark.requirement("P11-10e")
def test_what_was_typed_is_text_wherever_it_is_shown(site: Scene) -> None:
    poisoned(site)
    client = Client()
    client.force_login(site.who.quality.user)
    shown = 0
    for route, expected in EXPECTED.items():
        site.named["pk"] = pk_of(site, route)
        path = site.path(route)
        if expected.opens is None or is_rest(path):
            continue
        answer = client.get(path, follow=True)
        if answer["Content-Type"].startswith("text/csv"):
            assert answer["Content-Disposition"].startswith("attachment"), path  # saved, never shown by a browser
            continue
        html = answer.content.decode(errors="replace")
        assert "<script>alert" not in html, path
        assert "<img src=x" not in html, path
        assert "}}49" not in html, path
        shown += "&lt;script&gt;alert(1)" in html
    assert shown >= 8, "the values have to be on the pages for this to prove anything"


def poisoned(site: Scene) -> None:
    """The same text in every field that takes one."""
    operator, quality, reviewer = Rest("operator"), Rest("quality"), Rest("reviewer")
    short = MARKUP[:60]
    sent = [
        operator.post("lots/", {**lot_body(), "name": MARKUP, "identity": short}),
        operator.post("equipment/", {"code": "BAL-9", "kind": "balance", "name": MARKUP, "serial": short}),
        operator.post("equipment/DC-1/checks/", {"outcome": "fail", "note": MARKUP}),
        operator.post(
            f"batches/{site.working.number}/entries/{site.named['entry_id']}/correct/",
            {"value": "11.6", "unit": "mL", "reason": MARKUP},
        ),
        reviewer.signed(
            f"batches/{site.working.number}/deviations/{site.named['deviation_id']}/assess/", {"assessment": MARKUP}
        ),
        quality.signed(
            f"batches/{site.waiting.number}/test-results/{site.named['result_id']}/investigation/", {"cause": MARKUP}
        ),
        Rest("releaser").post(f"batches/{site.waiting.number}/hold/", {"reason": MARKUP}),
        operator.post(f"alarms/{site.named['alarm_id']}/acknowledge/", {"comment": MARKUP}),
    ]
    assert [answer.status_code for answer in sent] == [201, 201, 201, 201, 201, 201, 200, 201]
    enroll(
        actor=site.who.administrator,
        username="mallory",
        full_name=MARKUP[:100],
        roles=["verifier"],
        password="a-long-password-for-her",
        identity=MARKUP,
    )
    Client().post("/sign-in/", {"username": MARKUP[:60], "password": "x", "otp": ""})


def lot_body() -> dict[str, Any]:
    return {"number": MARKUP[:40].replace("/", ""), "material": "kit", "expires_at": "2099-01-01T00:00:00+00:00"}


def test_a_printed_record_escapes_too(site: Scene) -> None:
    document = sample_record.requested()
    document.context["batch"]["product"] = MARKUP
    html = render_to_string("records/batch_record.html", {**document.context, "document": document, "enclosures": []})
    assert "<script>alert" not in html
    assert "&lt;script&gt;alert" in html


# --- Spreadsheets ---------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("text", ["=cmd|' /C calc'!A0", "+1+1", "-2+3", "@SUM(A1)", "\t=1", "\r=1", '=HYPERLINK("x")'])
def test_no_cell_of_the_exported_trail_is_a_formula(site: Scene, text: str) -> None:
    Rest("releaser").post(f"batches/{site.waiting.number}/hold/", {"reason": f"{text} because"})
    exported = Rest("quality").post("audit/exports/", {"format": "csv"})
    body = b"".join(exported.streaming_content).decode("utf-8-sig")  # type: ignore[attr-defined]
    cells = [cell for row in csv.reader(io.StringIO(body)) for cell in row]
    assert any(text.strip() in cell for cell in cells)
    assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@", "\t", "\r"))]


# --- SQL and cursors ------------------------------------------------------------------------------------------------
HOSTILE = ["' OR '1'='1", "1; DROP TABLE labeling_batch; --", "%' OR 1=1 --", "\\", "9" * 5000, "-1", "%", "é\u202e"]
HOSTILE += ["0001-01-01T00:00:00", "9999-12-31T23:59:59-23:59", "2026-01-01T00:00:00_0_1", "cD1hYmM="]


@pytest.mark.parametrize("text", HOSTILE)
def test_no_filter_and_no_cursor_is_taken_for_a_command(site: Scene, text: str) -> None:
    rest, page = Rest("quality"), Client()
    page.force_login(site.who.quality.user)
    names = ("status", "protocol", "identity", "lot", "from", "to", "number", "person", "action", "subject", "table")
    for path in ("batches", "lots", "audit/operations", "audit/exceptions", "access", "alarms", "people"):
        for name in (*names, "cursor", "page_size", "before", "kind", "username", "address"):
            answer = rest.get(f"{path}/", **{name: text})
            assert answer.status_code in {200, 400, 403, 404, 422}, (path, name, answer.status_code)
    for path in ("batches", "stock", "records", "audit", "access", "alarms", "release"):
        for name in ("number", "status", "before", "from", "to", "username", "at", "after"):
            status = page.get(f"/{path}/", {name: text}).status_code
            assert status in {200, 422}, (path, name, status)
    for path in (f"batches/{quote(text, safe='')}/", f"equipment/{quote(text, safe='')}/", f"lots/{'9' * 30}/"):
        assert rest.get(path).status_code in {400, 404}


def test_times_at_the_end_of_the_calendar_are_refused_with_a_sentence(site: Scene) -> None:
    page = Client()
    page.force_login(site.who.operator.user)
    for text in ("0001-01-01T00:00", "9999-12-31T23:59:59", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00"):
        assert page.post("/instruments/DC-1/checks/", {"outcome": "pass", "at": text}).status_code == 422, text
        answer = Rest("operator").post("equipment/DC-1/checks/", {"outcome": "pass", "at": text})
        assert answer.status_code in {400, 422}, text


# --- Protocols ------------------------------------------------------------------------------------------------------
BOMB = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "\n".join(
    f"{chr(98 + n)}: &{chr(98 + n)} [{','.join([f'*{chr(97 + n)}'] * 9)}]" for n in range(12)
)


@pytest.mark.parametrize(
    "text",
    [
        "!!python/object/apply:os.system ['id']",
        "!!python/name:os.system",
        "protocol: !include /etc/passwd",
        "protocol: x\nprotocol: y",
        BOMB,
        "&a [*a]",
        "[" * 50_000,
        "a: " * 20_000,
        "\x00",
        "? " * 5000,
        "protocol: x\n" * 4000,
        "%YAML 9.9\n--- x",
        "x" * 200_000,
    ],
)
def test_no_document_runs_or_swells(text: str) -> None:
    begun = time.process_time()
    with pytest.raises(InvalidInput) as refusal:
        parse_protocol(text)
    assert refusal.value.code == "document_invalid"
    assert time.process_time() - begun < LESS_THAN_A_SECOND


def test_an_alias_that_stays_small_is_allowed() -> None:
    assert read_document("a: &one [1, 2]\nb: *one\n")


@pytest.mark.parametrize(
    "text",
    [
        *("9**9**9", "2**(10**10)", "1e999**9", "(1).__class__", "a.b.__class__.__mro__", "__import__('os')"),
        *("[x for x in y]", "lambda: 0", "f'{7*7}'", "a if b else c", "a := 1", "x[0]", "max(*a)"),
        *("sum(" * 30 + "1" + ")" * 30, "-" * 400 + "1", "1+" * 240 + "1", "9" * 501),
        *("open('/etc/passwd')", "exp(1, 2, 3)", "True", "None", "'a'*10**9", "a@b", "1//0", "~1", "exec('1')"),
    ],
)
def test_no_expression_runs_or_lasts(text: str) -> None:
    begun = time.process_time()
    with pytest.raises(InvalidInput):
        parse_expression(text)
    assert time.process_time() - begun < LESS_THAN_A_SECOND


# --- Bodies ---------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "body",
    [
        b'{"protocol": ' + b"9" * 5000 + b"}",
        b'{"protocol": 1e999999}',
        b'{"protocol": -Infinity}',
        b'{"protocol": "x", "protocol": "y"}',
        b'{"a":' * 5000 + b"1" + b"}" * 5000,
        b'{"protocol": "' + b"x" * 3_000_000 + b'"}',
        b"\xff\xfe",
        b"null",
        b"[]",
        b'"x"',
    ],
)
def test_no_body_costs_more_than_a_sentence(site: Scene, body: bytes) -> None:
    rest, begun = Rest("operator"), time.process_time()
    answer = cast("Any", rest.client).generic("POST", "/api/v1/batches/", body, content_type="application/json")
    assert answer.status_code in {400, 409, 422}
    assert answer["Content-Type"] == "application/problem+json"
    assert time.process_time() - begun < LESS_THAN_A_SECOND


@pytest.mark.parametrize("kind", ["application/xml", "text/yaml", "application/x-www-form-urlencoded", "text/html"])
def test_another_kind_of_body_is_refused(site: Scene, kind: str) -> None:
    answer = cast("Any", Rest("operator").client).generic("POST", "/api/v1/batches/", b"<a/>", content_type=kind)
    assert answer.status_code == 415


# --- Headers and logs -----------------------------------------------------------------------------------------------
def test_no_line_of_the_log_is_forged() -> None:
    try:
        raise ValueError("broken\n2026-01-01 00:00:00 INFO lims: all is well\x1b[2J")
    except ValueError:
        caught = sys.exc_info()
    record = logging.LogRecord("x", 30, "f", 1, "User %s", ("a\r\n2026 INFO forged\u2028\x1b[31m",), caught)
    lines = OneLine("{levelname} {message}", style="{").format(record).splitlines()
    assert lines[0].startswith("WARNING User a\\x0d\\x0a2026 INFO forged")
    assert all(line.startswith("    | ") for line in lines[1:])
    assert "\x1b" not in "".join(lines)


@pytest.mark.parametrize("text", ["a\r\nSet-Cookie: x=1", "a\x00b", "a\u2028b", "\x1b[2J"])
def test_no_header_is_made_of_what_was_sent(site: Scene, text: str) -> None:
    client = Client()
    client.force_login(site.who.operator.user)
    answers = [
        client.get("/batches/", headers={"User-Agent": text, "X-Forwarded-For": text, "Referer": text}),
        client.post("/sign-in/", {"username": text, "password": "x", "otp": "", "next": f"/{text}"}),
        client.get("/sign-in/", {"next": f"/{text}"}),
        client.get("/batches/", {"number": text}),
        Client().get("/batches/", {"number": text}),
    ]
    for answer in answers:
        assert answer.status_code < 500
        assert "x=1" not in str(answer.cookies)
        assert not any(character in str(answer.headers.values()) for character in "\r\n\x00\x1b")
