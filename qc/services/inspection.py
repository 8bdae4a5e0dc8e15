"""Ask for an inspection package: everything about one batch in one file that is read without this program (P11-10b)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from labeling.models import Batch
from labeling.services.lifecycle import lock_batch
from labeling.services.trail_export import as_csv, as_json
from lims.accounts.actors import Actor
from lims.accounts.roles import Permission, require
from lims.audit.models import Operation
from lims.audit.operations import operation
from lims.downloads import plain_name
from lims.errors import Conflict
from lims.oversight.trail import Wanted
from lims.records.models import Document
from lims.records.services import Attached, request_document
from qc.inspection import batch_data, package, signature_data
from qc.selectors import assess

BEING_PRINTED = (Document.State.QUEUED, Document.State.RENDERING)


def request_package(*, actor: Actor, number: str) -> Document:
    """Freeze what there is of the batch up to this act, and queue the package; a worker makes it within seconds.

    Raises Conflict while a record of the batch is being printed: a copy without it would not be complete.
    """
    require(actor.user, Permission.READ_AUDIT)
    with operation(actor=actor, action="audit.package", subject=number) as op:
        batch = lock_batch(number)  # nothing is added to it while it is read
        _refuse_half_printed(batch)
        name = f"{number}/package-{op.pk}"
        return request_document(
            op,
            kind=Document.Kind.PACKAGE,
            number=name,
            title=f"Inspection package {number}",
            template="records/package.txt",
            context=package(batch, asked_for_by=op.actor),
            subject=number,
            attachments=[*_data(op, batch, name), *_procedures(batch)],
        )


def _refuse_half_printed(batch: Batch) -> None:
    waiting = Document.objects.filter(subject=batch.number, state__in=BEING_PRINTED).exclude(kind=Document.Kind.PACKAGE)
    if (document := waiting.only("number").first()) is not None:
        raise Conflict(
            f"The record {document.number} is still being printed; ask for the package once it is sealed.",
            code="not_sealed",
        )


def _data(op: Operation, batch: Batch, name: str) -> Iterator[Attached]:
    wanted = Wanted(subject=batch.number)
    yield _file(
        "batch.json",
        "The batch: every field, entry, reading, result, deviation and test; its materials, instruments and containers",
        _text(batch_data(assess(batch), document=name)),
    )
    yield _file(
        "signatures.json",
        "Each signature with what was signed and what stands behind it: identity check,"
        " accepted statement, factors, hash, seal",
        _text(signature_data(batch)),
    )
    yield _file("trail.json", "The audit trail of the batch with every row it touched", "".join(as_json(op, wanted)))
    yield _file("trail.csv", "The same trail for a spreadsheet, one line for each row", "".join(as_csv(op, wanted)))


def _procedures(batch: Batch) -> Iterator[Attached]:
    """The text of the protocol and the specification, as they were signed."""
    protocol, specification = batch.protocol_version, batch.specification_version
    for kind, version in (("protocol", protocol), ("specification", specification)):
        if version is not None:
            name = f"procedures/{kind}-{plain_name(version.code)}-{version.number}.yaml"
            yield _file(name, f"The {kind} {version}: its text as it was signed", version.text)


def _file(name: str, description: str, text: str) -> Attached:
    return Attached(name=name, description=description, text=text)


def _text(data: Any) -> str:
    return json.dumps(data, ensure_ascii=False, sort_keys=True, indent=1)
