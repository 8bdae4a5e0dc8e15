"""Make the ZIP of an inspection package: frozen texts, stored files, and a sealed manifest that names all of them.

The stored files are named by the row that holds them and by their hash, as they were when the package was asked for; a
row whose bytes have another hash ends the packing.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from io import BytesIO
from typing import TypedDict
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from django.apps import apps
from django.template.loader import render_to_string

from lims.records.models import Document
from lims.records.seal import Seal
from lims.records.typesetting import Enclosure

README, MANIFEST, MANIFEST_SEAL = "README.txt", "manifest.json", "manifest.json.p7s"


class Stored(TypedDict):
    """A file that travels in a package: the append-only row whose `content` it is, and the hash of that."""

    name: str
    description: str
    model: str
    key: int | str
    sha256: str


class CannotPack(Exception):
    """A stored file is not what it was; a package without it would leave something out."""


def packed(document: Document, seal: Seal) -> bytes:
    """The same document gives the same files, whenever it is packed; only the instant of the seal differs."""
    files = [*_texts(document), *map(_fetched, document.context["files"])]
    readme = render_to_string(
        document.template,
        {**document.context, "document": document, "files": files, "seal_fingerprint": seal.fingerprint},
    )
    files.insert(0, Enclosure(README, "What each file is, and how to verify them", readme.encode()))
    manifest = json.dumps(_manifest(document, files), ensure_ascii=False, indent=1).encode()
    ends = [
        Enclosure(MANIFEST, "The hash, size and description of each file", manifest),
        Enclosure(MANIFEST_SEAL, "The seal of the site over the manifest", seal.detached(manifest)),
    ]
    return _zipped([*files, *ends], at=datetime.fromisoformat(document.context["printed"]["at"]))


def _texts(document: Document) -> Iterator[Enclosure]:
    for attached in document.attachments:
        yield Enclosure(attached["name"], attached["description"], attached["text"].encode())


def _fetched(stored: Stored) -> Enclosure:
    row = apps.get_model(stored["model"])._default_manager.get(pk=stored["key"])
    enclosure = Enclosure(stored["name"], stored["description"], bytes(row.content))
    if enclosure.sha256 != stored["sha256"]:
        raise CannotPack(f"{stored['name']} has the SHA-256 {enclosure.sha256}, not {stored['sha256']} as recorded.")
    return enclosure


def _manifest(document: Document, files: Sequence[Enclosure]) -> dict[str, object]:
    told = document.context
    return {
        "package": document.number,
        "batch": document.subject,
        "asked_for_at": told["printed"]["at"],
        "asked_for_by": told["asked_for_by"],
        "site": told["printed"]["site"],
        "time_zone": told["printed"]["zone"],
        "software_version": told["printed"]["version"],
        "files": [
            {"name": file.name, "description": file.description, "size": file.size, "sha256": file.sha256}
            for file in files
        ],
    }


def _zipped(files: Sequence[Enclosure], *, at: datetime) -> bytes:
    names = [file.name for file in files]
    if len(set(names)) != len(names):
        raise CannotPack(f"Two files of the package have one name: {', '.join(sorted(names))}.")
    made = BytesIO()
    with ZipFile(made, "w", ZIP_DEFLATED) as zipped:
        for file in files:
            entry = ZipInfo(file.name, date_time=at.astimezone(UTC).timetuple()[:6])
            entry.compress_type, entry.external_attr = ZIP_DEFLATED, 0o644 << 16
            zipped.writestr(entry, file.content)
    return made.getvalue()
