"""Turn the frozen context of a document into tagged PDF/A-3a: the same bytes from the same context on every machine."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit
from urllib.request import url2pathname

from django.conf import settings
from django.template.loader import render_to_string
from weasyprint import CSS, HTML, Attachment
from weasyprint.text.fonts import FontConfiguration
from weasyprint.urls import FatalURLFetchingError, URLFetcher, URLFetcherResponse


class CannotTypeset(Exception):
    """A record asks for something that it may not have; printing it without would leave something out."""


class Printable(Protocol):
    """What is printed: the frozen part of a `Document`."""

    number: str
    title: str
    template: str
    context: Any
    attachments: Any


@dataclass(frozen=True, slots=True)
class Enclosure:
    """One file inside the PDF; the printed page names its hash."""

    name: str
    description: str
    content: bytes

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.content).hexdigest()

    @property
    def size(self) -> int:
        return len(self.content)


class OwnFiles(URLFetcher):
    """Style sheets, fonts and images of the project itself: no network, and no other file of the machine.

    Anything else ends the rendering. A record with a picture missing must not be sealed.
    """

    def fetch(self, url: str, headers: Any = None) -> URLFetcherResponse:
        parts = urlsplit(url)
        path = Path(url2pathname(parts.path)).resolve()
        if parts.scheme != "file" or parts.netloc or not any(path.is_relative_to(own) for own in own_directories()):
            raise FatalURLFetchingError(f"A printed record may not fetch {url}.")
        try:
            return URLFetcherResponse(url, path.read_bytes())
        except OSError as error:
            raise FatalURLFetchingError(f"A printed record needs {path.name}: {error.strerror}.") from error


def own_directories() -> tuple[Path, Path]:
    return (settings.BASE_DIR / "templates" / "records", settings.BASE_DIR / "static")


def typeset(document: Printable, *, seal_fingerprint: str) -> bytes:
    """The pages, unsealed, with the frozen data attached. The page names the certificate that will seal it."""
    printed_at = datetime.fromisoformat(document.context["printed"]["at"])
    enclosures = enclosed(document)
    page = render_to_string(
        document.template,
        {**document.context, "document": document, "enclosures": enclosures, "seal_fingerprint": seal_fingerprint},
    )
    style, fonts = _style(Path(document.template).with_suffix(".css").name)
    html = HTML(string=page, base_url=str(own_directories()[0]) + "/", url_fetcher=OwnFiles())
    try:
        pdf = html.write_pdf(
            stylesheets=[style],
            font_config=fonts,
            pdf_variant="pdf/a-3a",  # tagged: a screen reader finds headings, tables and their headers,
            pdf_identifier=hashlib.sha256(document.number.encode()).digest()[:16],
            attachments=[_attachment(enclosure, printed_at) for enclosure in enclosures],
        )
    except FatalURLFetchingError as error:  # not an Exception to WeasyPrint, which would print on without the file
        raise CannotTypeset(str(error)) from error
    assert isinstance(pdf, bytes)
    return pdf


def enclosed(document: Printable) -> Sequence[Enclosure]:
    """The frozen context as JSON, then whatever else was asked for."""
    data = json.dumps(document.context, ensure_ascii=False, sort_keys=True, indent=1).encode()
    own = Enclosure(f"{document.number.replace('/', '-')}.json", "The data of this record, complete", data)
    return [
        own,
        *(Enclosure(str(x["name"]), str(x["description"]), str(x["text"]).encode()) for x in document.attachments),
    ]


def _attachment(enclosure: Enclosure, at: datetime) -> Attachment:
    return Attachment(
        string=enclosure.content,
        name=enclosure.name,
        description=enclosure.description,
        created=at,
        modified=at,
        relationship="Data",
    )


@lru_cache(maxsize=4)
def _style(name: str) -> tuple[CSS, FontConfiguration]:
    """Parsed once a process: fonts and style sheet cost more than a page."""
    fonts = FontConfiguration()
    return CSS(filename=own_directories()[0] / name, font_config=fonts, url_fetcher=OwnFiles()), fonts
