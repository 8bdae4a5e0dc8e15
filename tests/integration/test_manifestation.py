"""What a signature says of itself, and that it says so everywhere (21 CFR 11.50, draft Annex 11 13.6)."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.conf import settings
from django.db import connection
from django.test import Client
from django.urls import reverse

from labeling.models import Batch
from labeling.services.trail_export import Export, Format, export_trail
from lims.accounts.roles import Role
from lims.oversight.trail import wanted_of
from lims.records.models import Document
from lims.signatures.manifestation import signature_in_trail, signature_row
from lims.signatures.models import Signature
from lims.signatures.signing import is_intact
from lims.signatures.templatetags.signatures import account
from tests import factories
from tests.factories import People, credential
from tests.integration.rest import Rest, sign_in

SHOWN = ("full_name", "username", "role", "meaning", "meaning_text", "at", "at_site", "time_zone", "software_version")


def whole(row: dict[str, Any]) -> bool:
    """Whether nothing of what SIG-1 asks for is missing or says another instant."""
    utc, site = datetime.fromisoformat(row["at"]), datetime.fromisoformat(row["at_site"])
    zone = ZoneInfo(row["time_zone"])
    return all(row[name] for name in SHOWN) and utc == site and site.utcoffset() == utc.astimezone(zone).utcoffset()


@pytest.mark.requirement("SIG-1")
@pytest.mark.requirement("P11-50a")
@pytest.mark.requirement("P11-70")
@pytest.mark.requirement("P11-10k")
def test_the_version_and_the_zone_are_kept_and_signed_for(ready: Batch) -> None:
    signature = Signature.objects.order_by("-pk")[0]
    assert (signature.software_version, signature.time_zone) == (settings.VERSION, settings.TIME_ZONE)
    assert is_intact(signature)
    for name in ("software_version", "time_zone", "role", "reason", "covers"):
        told = getattr(signature, name)
        setattr(signature, name, "another")
        assert is_intact(signature) is False
        setattr(signature, name, told)


@pytest.mark.requirement("SIG-1")
def test_a_row_from_before_says_that_it_does_not_know(ready: Batch) -> None:
    signature = Signature.objects.order_by("-pk")[0]
    signature.software_version = signature.time_zone = signature.statement_sha256 = ""
    row = signature_row(signature)
    assert (row["at_site"], row["time_zone"], row["software_version"], row["intact"]) == (None, "", "", None)
    assert datetime.fromisoformat(row["at"]).utcoffset() == datetime.now(UTC).utcoffset()


@pytest.mark.requirement("SIG-1")
@pytest.mark.requirement("A11D-13.6")
def test_rest_shows_every_signature_whole(laboratory: People, ready: Batch) -> None:
    rest = Rest("reviewer")
    batch = rest.get(f"batches/{ready.number}/").data
    assert len(batch["signatures"]) > 5
    assert all(whole(row) and row["intact"] for row in batch["signatures"])
    fields = [f["entry"] for step in batch["steps"] for f in step["fields"]]
    assert all(whole(entry["verification"]) for entry in fields if entry["verified_by"])
    assert any(entry["verified_by"] for entry in fields)
    assert all(whole(test["review"]) for test in batch["tests"] if test["reviewed_by"])
    assert whole(batch["audit_review"]["signature"])
    assert whole(rest.get("lots/").data["results"][0]["decision"])
    version = rest.get("protocols/zr89-oxine-kit/versions/1/").data
    assert [row["meaning"] for row in version["signatures"]] == ["reviewed", "approved", "made_effective"]
    assert all(whole(row) and row["holds"] for row in version["signatures"])
    signed = [s for act in rest.get(f"batches/{ready.number}/history/").data["results"] for s in act["signatures"]]
    assert len(signed) == len(batch["signatures"])
    assert all(whole(row) for row in signed)


def words_of(signature: Signature) -> list[str]:
    site = signature.at.astimezone(ZoneInfo(signature.time_zone))
    return [
        *(signature.full_name, f"({account({'username': signature.username, 'role': signature.role})}"),
        *(f"{site:%H:%M:%S %Z}", f"({signature.time_zone})", f"{signature.at.astimezone(UTC):%H:%M:%S} UTC"),
        f"version {signature.software_version}",
    ]


def text_of(answer: Any) -> str:
    plain = re.sub(r"<[^>]+>", "", answer.content.decode())
    return re.sub(r"\s+", " ", plain).replace("&nbsp;", " ")


@pytest.mark.requirement("SIG-1")
@pytest.mark.requirement("A11D-13.6")
@pytest.mark.requirement("P11-50a")
@pytest.mark.requirement("P11-50b")
def test_pages_show_every_signature_whole(laboratory: People, ready: Batch, client: Client) -> None:
    factories.release_batch(actor=laboratory.releaser, number=ready.number, credential=credential("releaser"))
    client.post("/sign-in/", sign_in("reviewer"))
    history = text_of(client.get(f"/batches/{ready.number}/history/"))
    for signature in Signature.objects.filter(subject=ready.number):
        for words in words_of(signature):
            assert words in history
    release = text_of(client.get(f"/batches/{ready.number}/release/"))
    tests = text_of(client.get(f"/batches/{ready.number}/tests/"))
    work = text_of(client.get(f"/batches/{ready.number}/"))
    version = text_of(client.get(reverse("labeling:version", args=["protocols", "zr89-oxine-kit", 1])))
    pages = {"released": release, "reviewed": tests, "verified": work}
    for meaning, page in pages.items():
        signature = Signature.objects.filter(subject=ready.number, meaning=meaning).order_by("pk")[0]
        assert [words for words in words_of(signature) if words not in page] == []
    for signature in Signature.objects.filter(subject="zr89-oxine-kit"):
        assert [words for words in words_of(signature) if words not in version] == []


@pytest.mark.requirement("SIG-1")
@pytest.mark.requirement("P11-50a")
@pytest.mark.requirement("P11-50b")
def test_the_printed_record_and_the_export_show_it_too(laboratory: People, ready: Batch) -> None:
    factories.release_batch(actor=laboratory.releaser, number=ready.number, credential=credential("releaser"))
    frozen = Document.objects.get(subject=ready.number).context
    assert all(whole(row) for row in frozen["batch"]["signatures"])
    assert frozen["batch"]["signatures"][-1]["meaning"] == "released"
    from django.template.loader import render_to_string

    printed = render_to_string("records/parts/disposition.html", frozen)
    assert all(
        words in printed
        for words in (settings.TIME_ZONE, "UTC", f"</span> {settings.VERSION}", "username and role releaser")
    )
    exported = {
        form: export_trail(actor=laboratory.quality, wanted=wanted_of({"subject": ready.number}), form=form)
        for form in Format
    }
    rows = json.loads("".join(_text(exported[Format.JSON])))["operations"]
    assert all(whole(s) for act in rows for s in act["signatures"])
    assert "I release this batch for use.” " in "".join(_text(exported[Format.CSV]))


def _text(export: Export) -> list[str]:
    return list(export.parts)


@pytest.mark.requirement("SIG-1")
def test_a_trail_from_before_the_columns_reads_on(ready: Batch) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT new_row FROM audit_change WHERE table_name = 'signatures_signature' LIMIT 1")
        row = json.loads(cursor.fetchone()[0])
    for name in ("software_version", "time_zone", "statement_sha256"):
        del row[name]
    assert signature_in_trail(row)["at_site"] is None
    assert Role(signature_in_trail(row)["role"])
