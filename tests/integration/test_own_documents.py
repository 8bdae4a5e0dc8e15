"""Whoever wrote a version neither reviews nor approves it: what they sign is that they wrote it."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from labeling.models import ProtocolVersion
from labeling.services.versions import approve_version, import_protocol, make_version_effective, submit_version
from lims.errors import SegregationOfDuties
from tests import factories
from tests.factories import ROOT, People, credential
from tests.integration.rest import Rest

KIT = (ROOT / "library/protocols/zr89-oxine-kit.yaml").read_text(encoding="utf-8")


@pytest.fixture
def written(laboratory: People) -> dict[str, Any]:
    """A second version of the kit synthesis, written by the reviewer."""
    text = KIT.replace('min: "5", max: "400"', 'min: "5", max: "300"', 1)
    version, added = import_protocol(actor=laboratory.reviewer, text=text)
    assert added
    return {"model": ProtocolVersion, "code": version.code, "number": version.number}


def page_of(who: People, role: str) -> str:
    client = Client()
    client.force_login(getattr(who, role).user)
    return client.get("/protocols/zr89-oxine-kit/2/").content.decode()


@pytest.mark.requirement("QMS-10")
def test_an_author_submits_what_they_wrote_and_another_person_checks_it(
    laboratory: People, written: dict[str, Any]
) -> None:
    page = page_of(laboratory, "reviewer")
    assert "I wrote this and submit it; another person has to check it." in page
    assert "You wrote this draft" in page
    asked = {"act": "protocol.submit", "subject": written["code"], "about": "2"}
    assert Rest("reviewer").get("signing/", **asked).data["meaning"] == "prepared"
    submit_version(actor=laboratory.reviewer, credential=credential("reviewer"), **written)
    row = Rest("inspector").get("protocols/zr89-oxine-kit/versions/2/").data
    assert [(s["username"], s["meaning"]) for s in row["signatures"]] == [("reviewer", "prepared")]
    assert "I reviewed this." not in page_of(laboratory, "quality")
    client = Client()
    client.force_login(laboratory.quality.user)
    assert "check and approve it, its author submitted it." in client.get("/").content.decode()
    approve_version(actor=laboratory.quality, credential=credential("quality"), **written)
    make_version_effective(actor=laboratory.quality, credential=credential("quality"), **written)


@pytest.mark.requirement("QMS-10")
def test_an_author_does_not_approve_and_somebody_elses_draft_is_reviewed(
    laboratory: People, written: dict[str, Any]
) -> None:
    colleague = factories.another("colleague", "reviewer", "quality")
    submit_version(actor=colleague, credential=credential("colleague"), **written)
    assert ProtocolVersion.objects.get(code=written["code"], number=2).review_signature.meaning == "reviewed"  # type: ignore[union-attr]
    with pytest.raises(SegregationOfDuties, match="drafted or reviewed by you"):
        approve_version(actor=colleague, credential=credential("colleague"), **written)
    author = factories.another("author", "reviewer", "quality")
    own, _ = import_protocol(actor=author, text=KIT.replace('min: "5", max: "400"', 'min: "5", max: "200"', 1))
    target = {**written, "number": own.number}
    submit_version(actor=laboratory.reviewer, credential=credential("reviewer"), **target)
    with pytest.raises(SegregationOfDuties, match="drafted or reviewed by you"):
        approve_version(actor=author, credential=credential("author"), **target)
