"""Labels: the code on each is read back from its picture, and what it reads is what a scan of that thing has to be."""

from __future__ import annotations

import io
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zxingcpp
from django.test import Client
from pypdf import PdfReader

from labeling.domain.labels import SHAPES, LabelKind, LabelSize
from labeling.models import Batch, Container, Lot
from labeling.selectors.clock import database_now
from labeling.selectors.containers import scanned_container
from labeling.selectors.history import history_of
from labeling.selectors.labels import label_of
from labeling.services.containers import open_container, transfer
from labeling.services.dispatch import Consignment, dispatch_batch
from labeling.services.labels import print_label
from labeling.services.scanning import record_scan
from lims.audit.models import Operation
from lims.errors import InvalidInput, NotFound, PermissionRefused
from lims.oversight.selectors import trail_of
from lims.records.models import Document
from lims.records.rendering import render_document
from lims.records.verification import verify_pdf
from tests import factories
from tests.factories import People, credential
from tests.integration.rest import Rest
from tests.integration.test_bench import OURS, cells
from tests.integration.test_handing_over import SENT

DOTS = 300  # an inch, as label printers print
Print = Callable[..., Document]


@pytest.fixture
def printing(laboratory: People) -> Print:
    def made(kind: LabelKind, key: object, size: LabelSize = LabelSize.VIAL, **more: Any) -> Document:
        asked = {"copies": 1, **more}
        document = print_label(actor=laboratory.operator, kind=kind, key=str(key), size=size, **asked)
        assert render_document(document.pk)
        return Document.objects.get(pk=document.pk)

    return made


def pictures(document: Document, folder: Path) -> list[np.ndarray[Any, Any]]:
    """The pages as a printer would put them on paper, in gray."""
    source = folder / "label.pdf"
    source.write_bytes(document.content)
    subprocess.run(["pdftoppm", "-gray", "-r", str(DOTS), source, folder / "page"], check=True)
    return [_gray(path.read_bytes()) for path in sorted(folder.glob("page*.pgm"))]


def _gray(pgm: bytes) -> np.ndarray[Any, Any]:
    """A portable graymap of one byte a dot."""
    kind, width, height, most = pgm.split(maxsplit=4)[:4]
    assert (kind, most) == (b"P5", b"255")
    size = int(width) * int(height)
    return np.frombuffer(pgm[-size:], dtype=np.uint8).reshape(int(height), int(width))


def codes(document: Document, folder: Path) -> list[str]:
    return [found.text for page in pictures(document, folder) for found in zxingcpp.read_barcodes(page)]


def words(document: Document) -> str:
    pages = PdfReader(io.BytesIO(document.content)).pages
    return "\n".join(page.extract_text() for page in pages)


def sent(who: People, batch: Batch, code: str) -> bool:
    consignment = Consignment(scanned=code, **SENT)
    return dispatch_batch(
        actor=who.operator, number=batch.number, consignment=consignment, credential=credential("operator")
    ).whole


@pytest.mark.requirement("LAB-4")
@pytest.mark.parametrize("size", LabelSize)
def test_the_code_of_every_size_reads_as_what_stands_beside_it(
    laboratory: People, printing: Print, tmp_path: Path, size: LabelSize
) -> None:
    lot = Lot.objects.get(number="CELLS-302-1")
    document = printing(LabelKind.LOT, lot.pk, size, copies=3)
    assert codes(document, tmp_path) == [lot.number] * 3
    assert words(document).split().count(lot.number) == 3
    assert words(document).count("Identity COI-302-1") == 3
    pages = PdfReader(io.BytesIO(document.content)).pages
    assert len(pages) == (1 if size is LabelSize.SHEET else 3)
    width, height = (float(side) / 72 * 25.4 for side in pages[0].mediabox[2:])
    assert (width, height) == pytest.approx(SHAPES[size].page, abs=0.1)
    assert verify_pdf(document.content).valid


@pytest.mark.requirement("LAB-4")
@pytest.mark.requirement("CELL-4")
def test_what_is_read_from_the_labels_of_a_batch_is_what_its_worksheet_waits_for(
    laboratory: People, printing: Print, tmp_path: Path
) -> None:
    made, number = factories.released(laboratory), cells(laboratory)
    vessel = Container.objects.get(batch=made, product=True)
    things: list[tuple[LabelKind, object, str, str]] = [
        (LabelKind.LOT, Lot.objects.get(number="CELLS-302-1").pk, "receive_cells", "cell_lot"),
        (LabelKind.BATCH, number, "receive_cells", "identity"),
        (LabelKind.INSTRUMENT, "CC-1", "receive_cells", "viable_before"),
        (LabelKind.CONTAINER, vessel.pk, "dispense", "oxine_batch"),
        (LabelKind.BATCH, made.number, "dispense", "oxine_batch"),
        (LabelKind.INSTRUMENT, "DC-1", "dispense", "dispensed"),
    ]
    for place, (kind, key, step, field) in enumerate(things):
        folder = tmp_path / str(place)
        folder.mkdir()
        [code] = codes(printing(kind, key, LabelSize.SYRINGE), folder)
        scan = record_scan(actor=laboratory.operator, number=number, code=code, step=step, field=field)
        assert (scan.outcome, scan.says) == ("matched", ""), f"{kind} {code}: {scan.says}"
    assert scanned_container(vessel.code)["container"] == vessel.pk


@pytest.mark.requirement("LAB-4")
@pytest.mark.requirement("PET-90")
def test_the_label_of_a_dose_is_what_the_handing_over_asks_for(
    laboratory: People, printing: Print, tmp_path: Path
) -> None:
    batch = factories.released(laboratory)
    open_container(actor=laboratory.operator, kind="syringe", nuclide="Zr-89", code="SYR-1")
    source, volume = Container.objects.get(batch=batch, product=True), {"value": "0.2", "unit": "mL"}
    transfer(actor=laboratory.operator, container_id=source.pk, to="SYR-1", volume=volume)
    document = printing(LabelKind.DOSE, Container.objects.get(code="SYR-1").pk, LabelSize.SYRINGE)
    [code] = codes(document, tmp_path)
    said = " ".join(words(document).split())
    for expected in ("[⁸⁹Zr]Zr", "MBq in 0.2 mL", "Released", "Exp.", "Caution", "Radioactive"):
        assert expected in said
    assert sent(laboratory, batch, code)


def test_the_code_of_cells_is_the_identity_and_not_the_batch(laboratory: People) -> None:
    number = cells(laboratory)
    label = label_of(LabelKind.BATCH, number, at=database_now())
    texts = [line.text for line in label.lines]
    assert (label.code, label.subject) == (OURS, number)
    assert f"Batch {number}" in texts
    assert "In progress: not released" in texts


def test_a_label_says_plainly_what_may_not_be_used(laboratory: People, printing: Print) -> None:
    waits = factories.lot(laboratory, "KIT-9", "kit", accepted=False)
    assert "In quarantine" in words(printing(LabelKind.LOT, waits.pk))
    assert "Radioactive" not in words(printing(LabelKind.LOT, waits.pk))
    bin_ = open_container(actor=laboratory.operator, kind="waste", nuclide="Zr-89", code="BIN-1")
    said = words(printing(LabelKind.CONTAINER, bin_.pk))
    assert all(expected in said for expected in ("BIN-1", "Waste bin", "⁸⁹Zr", "Radioactive"))


@pytest.mark.requirement("LAB-4")
def test_each_print_of_a_batch_stands_in_its_trail_and_a_second_says_why(laboratory: People, printing: Print) -> None:
    batch = factories.ready_to_decide(laboratory)
    printing(LabelKind.BATCH, batch.number, copies=2)
    assert trail_of(batch.number).reviewed  # a print leaves the record as it was
    with pytest.raises(InvalidInput, match="Say why more are needed"):
        printing(LabelKind.BATCH, batch.number)
    printing(LabelKind.BATCH, batch.number, size=LabelSize.SHEET, copies=24, reason="One was torn, the other is used.")
    told = [(act["sentence"], act["reason"]) for act in history_of(batch.number) if act["action"] == "label.print"]
    assert told == [
        (f"Operator Test printed 2 labels of batch {batch.number}, 50 × 25 mm", ""),
        (
            f"Operator Test printed 24 labels of batch {batch.number}, A4 sheet of 24",
            "One was torn, the other is used.",
        ),
    ]


def test_what_cannot_be_printed_says_why(laboratory: People, printing: Print) -> None:
    lot = Lot.objects.get(number="KIT-302")
    for copies in (0, 97):
        with pytest.raises(InvalidInput, match="1 to 96"):
            printing(LabelKind.LOT, lot.pk, copies=copies)
    bin_ = open_container(actor=laboratory.operator, kind="waste", nuclide="Zr-89", code="BIN-1")
    with pytest.raises(NotFound, match="holds no product of a batch"):
        printing(LabelKind.DOSE, bin_.pk)
    for key in ("0", "x", "9" * 12):
        with pytest.raises(NotFound):
            printing(LabelKind.LOT, key)
    asked: dict[str, Any] = {"kind": LabelKind.LOT, "key": str(lot.pk), "size": LabelSize.VIAL, "copies": 1}
    for role in ("verifier", "reviewer", "inspector", "administrator"):
        with pytest.raises(PermissionRefused, match="may not print labels"):
            print_label(actor=getattr(laboratory, role), **asked)
    assert not Operation.objects.filter(action="label.print").exists()


def test_labels_over_rest(laboratory: People) -> None:
    lot, rest = Lot.objects.get(number="KIT-302"), Rest("operator")
    assert rest.post(f"labels/lot/{lot.pk}/", {"size": "25x25", "copies": 2}).status_code == 201
    shown = rest.get(f"labels/lot/{lot.pk}/").data
    assert (shown["code"], shown["copies"], shown["prints"][0]["copies"]) == ("KIT-302", 2, 2)
    assert shown["prints"][0]["printed_by"]["username"] == "operator"
    assert rest.post(f"labels/lot/{lot.pk}/", {"size": "100x100"}).status_code == 400
    assert rest.get("labels/people/1/").status_code == 404
    assert Rest("inspector").post(f"labels/lot/{lot.pk}/", {}).status_code == 403


def test_the_page_shows_the_label_and_prints_it(laboratory: People) -> None:
    client, lot = Client(), Lot.objects.get(number="KIT-302")
    client.force_login(laboratory.operator.user)
    path = f"/labels/lot/{lot.pk}/"
    assert path in client.get(f"/stock/{lot.pk}/").content.decode()
    page = client.get(path).content.decode()
    assert "A scan of it reads KIT-302." in page
    assert ">Copies<" in re.sub(r"\s*</", "<", page)
    assert "style=" not in page  # the policy of the site forbids it
    assert client.post(path, {"size": "62x29", "copies": "3"}).status_code == 302
    assert "3 in all" in client.get(path).content.decode()
    for nothing in ("people/1", "dose/1", "dose/0", "batch/X-1", "lot/x"):
        assert client.get(f"/labels/{nothing}/").status_code == 404, nothing
    [document] = Document.objects.filter(kind=Document.Kind.LABEL)
    client.force_login(laboratory.inspector.user)
    assert "Your role does not print labels." in client.get(path).content.decode()
    assert document.number not in client.get("/records/").content.decode()
