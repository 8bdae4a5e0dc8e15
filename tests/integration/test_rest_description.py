"""The REST interface describes itself: each route with its own name, each filter, and nothing that is not there."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from drf_spectacular.generators import SchemaGenerator

from tests.factories import People
from tests.integration.attack.routes import REST
from tests.integration.rest import Rest

# What rest.md promises to other systems, with the methods that it names.
PROMISED = """
GET nuclides/ · GET nuclides/{} · GET protocols/ · POST protocols/ · GET protocols/{} · GET protocols/{}/versions/{}
POST protocols/{}/versions/{}/submit · POST protocols/{}/versions/{}/approve
POST protocols/{}/versions/{}/make-effective
POST protocols/{}/versions/{}/retire · GET specifications/ · POST specifications/ · GET specifications/{}/versions/{}
POST specifications/{}/versions/{}/submit · POST specifications/{}/versions/{}/approve
POST specifications/{}/versions/{}/make-effective · POST specifications/{}/versions/{}/retire
GET lots/ · POST lots/ · GET lots/{} · POST lots/{}/accept · POST lots/{}/reject · GET equipment/ · POST equipment/
GET equipment/{} · POST equipment/{}/checks · POST equipment/{}/calibrations · GET batches/ · POST batches/
GET batches/{} · POST batches/{}/start · POST batches/{}/complete · POST batches/{}/hold · POST batches/{}/entries
POST batches/{}/entries/{}/correct · POST batches/{}/entries/{}/verify · POST batches/{}/timers
GET batches/{}/test-results · POST batches/{}/test-results · POST batches/{}/test-results/{}/review
POST batches/{}/test-results/{}/investigation · GET batches/{}/disposition · POST batches/{}/disposition
GET batches/{}/documents · GET documents/{}/content · POST documents/verify · GET batches/{}/history
GET containers/ · POST containers/ · GET containers/{} · GET containers/{}/activity
GET audit/operations · POST formulas/{} · GET health
"""


@pytest.fixture(scope="module")
def described() -> Mapping[str, Any]:
    made: Mapping[str, Any] = SchemaGenerator().get_schema(request=None, public=True)
    return made


def plain(method: str, path: str) -> str:
    short = re.sub(r"<\w+:\w+>|\{\w+\}|\{\}", "{}", path.removeprefix("/api/v1/"))
    return f"{method.upper()} {short.rstrip('/')}"


def test_every_promised_route_is_described(described: Mapping[str, Any]) -> None:
    known = {plain(method, path) for path, methods in described["paths"].items() for method in methods}
    promised = {line.strip().rstrip("/") for line in re.split(r" · |\n", PROMISED) if line.strip()}
    assert promised <= known, promised - known


def test_every_route_is_described_and_no_other(described: Mapping[str, Any]) -> None:
    known = {plain(method, path) for path, methods in described["paths"].items() for method in methods}
    declared = {plain("get", path) for path, route in REST.items() if route.opens is not None and path != "schema/"}
    declared |= {plain("post", path) for path, route in REST.items() if route.acts is not None}
    declared |= {plain("delete", path) for path, route in REST.items() if route.ends is not None}
    assert known == declared, known ^ declared


def test_every_operation_has_a_name_of_its_own_and_says_who_may(described: Mapping[str, Any]) -> None:
    operations = [operation for methods in described["paths"].values() for operation in methods.values()]
    names = [operation["operationId"] for operation in operations]
    assert len(names) == len(set(names))
    public = {o["operationId"] for o in operations if not o.get("security") or {} in o["security"]}
    assert public == {"post_tokens", "get_health"}
    assert {"token", "cookieAuth"} == set(described["components"]["securitySchemes"])
    filters = [p["name"] for p in described["paths"]["/api/v1/batches/"]["get"]["parameters"]]
    assert set(filters) == {"status", "protocol", "product", "identity", "lot", "from", "to"}


def test_the_description_and_its_page_are_served(who: People, client: Client) -> None:
    answer = Rest("operator").get("schema/")
    assert (answer.status_code, answer.data["openapi"][:3]) == (200, "3.1")
    client.force_login(who.operator.user)
    page = client.get("/api/v1/docs/")
    html = page.content.decode()
    assert page.status_code == 200
    assert not re.search(r"https?://|<script(?![^>]*src=)|style=", html.replace("http://testserver", ""))
    for path in ("batches/{number}/disposition/", "DispositionInput", "reason_code"):
        assert path in html


@pytest.mark.parametrize("path", sorted(p for p, r in REST.items() if r.opens is not None and "<" not in p))
def test_an_unknown_parameter_of_a_list_is_refused_by_name(who: People, path: str) -> None:
    if path in {"schema/", "me/", "health/", "tokens/"}:  # they read none
        return
    asked = {role: Rest(role).get(path, colour="blue") for role in ("quality", "administrator")}
    answer = next(a for a in asked.values() if a.status_code != 403)
    assert (answer.status_code, answer.data["code"]) == (400, "malformed")
    assert answer.data["errors"][0]["field"] == "colour"
    assert "colour" in answer.data["detail"]


def test_the_documentation_names_every_resource_and_no_other(described: Mapping[str, Any]) -> None:
    text = (Path(__file__).parents[2] / "docs" / "rest.md").read_text(encoding="utf-8")
    named = {word for path in re.findall(r"`([\w{}/-]+/)`", text) for word in re.findall(r"[\w-]+(?=/)", path)}
    parts = {part for path in described["paths"] for part in path.removeprefix("/api/v1/").split("/")}
    static = {part for part in parts if part and not part.startswith("{")}
    assert static - named == set()
    assert named - static <= {"api", "v1", "docs", "schema"}
