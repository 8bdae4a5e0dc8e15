"""Protocols on pages and over REST: read, compared, edited, tried, and printed as a master record."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import pytest
from django.test import Client
from pypdf import PdfReader

from labeling.models import ProtocolVersion
from labeling.services.versions import import_protocol, submit_version
from lims.records.models import Document
from lims.records.rendering import render_document
from tests.factories import ROOT, People, credential
from tests.integration.rest import Rest

KIT = (ROOT / "library/protocols/zr89-oxine-kit.yaml").read_text(encoding="utf-8")
CHANGED = KIT.replace('min: "5", max: "400"', 'min: "5", max: "300"', 1)


def page_of(who: People, role: str) -> Client:
    client = Client()
    client.force_login(getattr(who, role).user)
    return client


@pytest.fixture
def second(laboratory: People) -> ProtocolVersion:
    """A second version of the kit synthesis, with one limit changed."""
    version, added = import_protocol(actor=laboratory.operator, text=CHANGED)
    assert added
    return version


def test_a_version_page_says_what_each_number_stands_on(laboratory: People) -> None:
    text = page_of(laboratory, "operator").get("/protocols/zr89-oxine-kit/1/").content.decode()
    assert "17 of 17 numbers rest on no source." in text
    assert text.count("default, to be set by the site") > 10
    for said in (
        "Product activity",
        "checked by a second person",
        "critical",
        "radiochemical-yield",
        "dose calibrator",
    ):
        assert said in text
    specification = page_of(laboratory, "operator").get("/specifications/zr89-oxine/1/").content.decode()
    assert "known before release" in specification


@pytest.mark.requirement("SIG-12")
def test_who_approves_is_shown_what_changed(laboratory: People, second: ProtocolVersion) -> None:
    submit_version(
        model=ProtocolVersion,
        actor=laboratory.reviewer,
        code=second.code,
        number=second.number,
        credential=credential("reviewer"),
    )
    text = page_of(laboratory, "quality").get("/protocols/zr89-oxine-kit/2/").content.decode()
    assert "What changed since version 1" in text
    assert "against version 1: steps · " in text
    assert "/protocols/zr89-oxine-kit/compare/?from=1&amp;to=2" in text


def test_two_versions_are_compared_on_a_page_and_over_rest(laboratory: People, second: ProtocolVersion) -> None:
    client = page_of(laboratory, "inspector")
    text = client.get("/protocols/zr89-oxine-kit/compare/?from=1&to=2").content.decode()
    assert "1 thing is said differently" in text
    assert 'title="changed"' in text
    assert (
        "It is one and the same text." in client.get("/protocols/zr89-oxine-kit/compare/?from=1&to=1").content.decode()
    )
    for wrong in (
        "/protocols/nothing/compare/",
        "/protocols/zr89-oxine-kit/compare/?from=9",
        "/protocols/zr89-oxine-kit/compare/?to=x",
    ):
        assert client.get(wrong).status_code == 404
    rest = Rest("inspector")
    rows = rest.get("protocols/zr89-oxine-kit/compare/", **{"from": "1", "to": "2"}).data["differences"]
    assert [(row["change"], row["before"], row["after"]) for row in rows] == [("changed", "400", "300")]
    assert rest.get("protocols/zr89-oxine-kit/compare/").status_code == 422


def test_the_editor_checks_shows_and_saves(laboratory: People) -> None:
    client = page_of(laboratory, "operator")
    place = "/protocols/zr89-oxine-kit/edit/?from=1"
    assert "Begun from version 1" in client.get(place).content.decode()
    faulty = KIT.replace("type: volume", "type: volumes", 1)
    checked = client.post("/protocols/check/", {"document": faulty.replace("\n", "\r\n")}).content.decode()
    line = next(n for n, text in enumerate(faulty.splitlines(), start=1) if "volumes" in text)
    assert f'data-lines="{line} ' in checked
    assert f"Line {line}" in client.post(place, {"document": faulty, "act": "check"}).content.decode()
    assert "The document is in order." in client.post("/protocols/check/", {"document": CHANGED}).content.decode()
    refused = client.post(place, {"document": faulty, "act": "save"})
    assert refused.status_code == 422
    assert "volumes" in refused.content.decode()
    saved = client.post(place, {"document": CHANGED.replace("\n", "\r\n"), "act": "save"})
    assert saved["Location"] == "/protocols/zr89-oxine-kit/2/"
    version = ProtocolVersion.objects.get(code="zr89-oxine-kit", number=2)
    assert (version.text, version.status) == (CHANGED, "draft")
    again = client.post(place, {"document": CHANGED, "act": "save"}, follow=True)
    assert "has this very text already" in again.content.decode()
    assert page_of(laboratory, "inspector").post("/protocols/check/", {"document": KIT}).status_code == 403
    assert client.get("/protocols/new/").status_code == 200
    assert client.get("/specifications/zr89-oxine/edit/").status_code == 200


def test_a_dry_run_keeps_nothing(laboratory: People) -> None:
    rest = Rest("inspector")
    place = "protocols/zr89-oxine-kit/versions/1/dry-run/"
    answer = rest.post(place)
    assert answer.status_code == 200
    assert all(result["value"] for result in answer.data["results"])
    entries = answer.data["entries"]
    again = rest.post(place, {"entries": entries})
    assert [r["value"] for r in again.data["results"]] == [r["value"] for r in answer.data["results"]]
    entries[0]["value"] = "3,2"
    refused = rest.post(place, {"entries": entries})
    assert refused.data["refused"][0]["field"] == f"{entries[0]['step']}.{entries[0]['field']}"
    assert rest.post(place, {"entries": [{"step": "x"}]}).status_code == 400
    client = page_of(laboratory, "inspector")
    text = client.get("/protocols/zr89-oxine-kit/1/dry-run/").content.decode()
    assert "How it was calculated" in text
    assert "beyond a limit" not in text
    prefix = f"{entries[0]['step']}.{entries[0]['field']}"
    posted = client.post(
        "/protocols/zr89-oxine-kit/1/dry-run/", {f"{prefix}-value": "1.2.3", f"{prefix}-at": "2026-03-03T08:00"}
    )
    assert "A batch would refuse" in posted.content.decode()


def test_a_dry_run_says_which_results_lie_beyond_limits_of_protocol_and_specification(laboratory: People) -> None:
    rest = Rest("inspector")
    place = "protocols/t-cell-labeling/versions/1/dry-run/"
    entries = rest.post(place).data["entries"]
    assert rest.post(place, {"entries": entries}).data["beyond_limits"] == []
    for entry in entries:
        if entry["field"] == "total_after":
            entry["value"] = "9e7"
    told = rest.post(place, {"entries": entries}).data
    assert told["specification"] == "labeled-t-cells version 1"
    assert told["beyond_limits"] == ["viability"]
    test = next(row for row in told["results"] if row["key"] == "viability")["tests"][0]
    assert (test["key"], test["min"], test["verdict"]) == ("viability", "80", "fail")
    typed = {f"{e['step']}.{e['field']}-{name}": e[name] for e in entries for name in ("value", "unit")}
    typed |= {f"{e['step']}.{e['field']}-at": e["at"][:16] for e in entries}
    text = page_of(laboratory, "inspector").post("/protocols/t-cell-labeling/1/dry-run/", typed).content.decode()
    assert "1 of 5 results lies beyond a limit." in text
    assert "in labeled-t-cells version 1" in text


def test_the_master_record_is_printed_sealed_and_shown(
    laboratory: People, second: ProtocolVersion, settings: Any, tmp_path: Any
) -> None:
    settings.SEAL_DIR = tmp_path / "seal"
    answer = Rest("operator").post("protocols/zr89-oxine-kit/versions/2/master-record/")
    assert answer.status_code == 201, answer.data
    client = page_of(laboratory, "quality")
    assert client.post("/protocols/zr89-oxine-kit/1/master-record/").status_code == 302
    assert page_of(laboratory, "inspector").post("/protocols/zr89-oxine-kit/1/master-record/").status_code == 403
    texts = {}
    for document in Document.objects.filter(kind="master_record"):
        assert render_document(document.pk), document.error
        document.refresh_from_db()
        pages = PdfReader(BytesIO(document.content)).pages
        texts[document.subject] = " ".join(page.extract_text() for page in pages)
    first, draft = texts["zr89-oxine-kit/1"], texts["zr89-oxine-kit/2"]
    for said in (
        "I approve this for use.",
        "I make this effective.",
        "Quality Test",
        "17 of 17 numbers rest on no source",
    ):
        assert said in first
    assert "Nobody has signed this version." in draft
    assert "What changed since version 1" in draft
    assert "M-" in client.get("/protocols/zr89-oxine-kit/1/").content.decode()
    records = client.get("/records/").content.decode()
    assert "/protocols/zr89-oxine-kit/1/" in records


def test_the_version_page_costs_the_same_queries_whatever_was_printed(
    laboratory: People, django_assert_max_num_queries: Any
) -> None:
    client = page_of(laboratory, "operator")
    for _ in range(2):
        client.post("/protocols/zr89-oxine-kit/1/master-record/")
        with django_assert_max_num_queries(16):
            assert client.get("/protocols/zr89-oxine-kit/1/").status_code == 200
