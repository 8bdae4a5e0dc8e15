"""Files that swell, loop or only pretend to be records, and a signature under a strange name."""

from __future__ import annotations

import io
import time
import zipfile
import zlib
from typing import Any, cast

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from tests.integration.attack.scene import Scene, signature
from tests.integration.attack.test_injection import LESS_THAN_A_SECOND, MARKUP
from tests.integration.rest import Rest


def pdf_bomb() -> bytes:
    """A page whose content unpacks to 200 MB."""
    packer = zlib.compressobj(9)
    packed = b"".join(packer.compress(b"\x00" * 1_000_000) for _ in range(200)) + packer.flush()
    objects = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/Contents 4 0 R>>",
        b"<</Length %d/Filter/FlateDecode>>stream\n" % len(packed) + packed + b"\nendstream",
    ]
    body, places = b"%PDF-1.7\n", []
    for number, content in enumerate(objects, 1):
        places.append(len(body))
        body += b"%d 0 obj" % number + content + b"endobj\n"
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    return (
        body
        + b"xref\n0 5\n0000000000 65535 f \n"
        + table
        + b"trailer<</Root 1 0 R/Size 5>>\nstartxref\n%d\n%%%%EOF" % len(body)
    )


def zip_bomb() -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("../../etc/passwd", b"\x00" * 50_000_000)
    return packed.getvalue()


LOOP = (
    b"%PDF-1.7\n1 0 obj<</Type/Catalog/Pages 1 0 R/AcroForm 1 0 R/Fields[1 0 R]/Kids[1 0 R]/FT/Sig/T(x)>>endobj\n"
    b"xref\n0 2\n0000000000 65535 f \n0000000009 00000 n \n"
    b"trailer<</Root 1 0 R/Size 2/Prev 110>>\nstartxref\n110\n%%EOF"
)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        *(("record.pdf", content) for content in (b"%PDF-1.7", b"MZ\x90", b"<html>", pdf_bomb(), zip_bomb(), LOOP)),
        *(
            (name, b"%PDF-1.7 x")
            for name in ("../../../etc/passwd", "..\\x.pdf", "a\r\nb.pdf", "x" * 3000, "\u202efdp.exe")
        ),
    ],
)
def test_no_uploaded_file_is_believed_or_kept(site: Scene, name: str, content: bytes) -> None:
    rest, begun = Rest("operator"), time.process_time()
    sent = rest.client.post(
        "/api/v1/documents/verify/", {"file": SimpleUploadedFile(name, content)}, format="multipart"
    )
    assert (sent.status_code, sent.data["valid"], sent.data["known"]) == (200, False, False)
    page = Client()
    page.force_login(site.who.operator.user)
    shown = page.post("/records/", {"file": SimpleUploadedFile(name, content, "application/pdf")})
    assert shown.status_code in {200, 422}
    assert "etc/passwd" not in shown.content.decode()
    imported = page.post("/protocols/import/", {"document": "", "file": SimpleUploadedFile(name, content)})
    assert imported.status_code == 422
    assert time.process_time() - begun < 5 * LESS_THAN_A_SECOND


def test_a_file_larger_than_any_record_is_refused_before_it_is_read(site: Scene) -> None:
    client = Rest("operator").client
    answer = cast("Any", client).generic(
        "POST", "/api/v1/documents/verify/", b"x" * 26_300_000, content_type="application/pdf"
    )
    assert (answer.status_code, answer["Content-Type"]) == (413, "application/problem+json")


def test_a_signature_of_a_strange_name_is_an_attempt_and_no_more(site: Scene) -> None:
    rest = Rest("operator")
    for name in (MARKUP, "a\nb", "' OR 1=1 --", "OPERATOR "):
        answer = rest.post("me/statement/", {"signature": {**signature("operator"), "username": name[:150]}})
        assert answer.status_code in {201, 403, 409}  # 409: it was accepted before
    assert Rest("quality").get("access/", kind="signing_refused").status_code == 200
