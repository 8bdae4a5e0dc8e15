"""Print labels. Each print is an act: what it said is frozen, and who printed how many stands in the trail (PET-80)."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from labeling.domain.labels import SHAPES, LabelKind, LabelSize, Line, fitted, pages
from labeling.printouts import printed
from labeling.selectors.clock import database_now
from labeling.selectors.labels import Label, label_of, prints_of
from lims.accounts.actors import Actor
from lims.accounts.roles import Permission, require
from lims.audit.operations import operation
from lims.errors import InvalidInput
from lims.records.models import Document
from lims.records.services import request_document

LONGEST_REASON = 400


def print_label(*, actor: Actor, kind: LabelKind, key: str, size: LabelSize, copies: int, reason: str = "") -> Document:
    """Request one or several copies as a sealed PDF. More labels of a batch than the first take a reason."""
    require(actor.user, Permission.PRINT_LABEL)
    label = label_of(kind, key, at=database_now())
    context = label_context(label, size, copies)
    reason = reason.strip()
    if label.of_batch and not reason and prints_of(label).exists():
        raise InvalidInput(
            f"Labels of {label.what} were printed before. Say why more are needed, and what became of the others.",
            code="reason_missing",
            field="reason",
        )
    with operation(actor=actor, action="label.print", subject=label.subject, reason=reason[:LONGEST_REASON]) as op:
        return request_document(
            op,
            kind=Document.Kind.LABEL,
            number=f"label-{op.pk}",
            title=f"{copies} label{'' if copies == 1 else 's'} of {label.what}, {SHAPES[size].title}",
            template="records/label.html",
            context=context,
            subject=label.subject,
        )


def label_context(label: Label, size: LabelSize, copies: int) -> dict[str, Any]:
    """The context of `records/label.html`. Raises InvalidInput where the label is too small for what it has to say."""
    shape = SHAPES[size]
    fit = fitted((Line(label.code, bold=True), *label.lines), shape, caution=label.caution)
    return {
        "label": label.row,
        "lines": [asdict(line) for line in fit.lines[1:]],
        "points": fit.points,
        "size": size.value,
        "shape": asdict(shape),
        "aside": shape.aside,
        "begins": shape.margin + shape.text_begins(caution=label.caution),
        "caution_at": asdict(shape.caution_at),
        "copies": copies,
        "pages": [[asdict(place) for place in page] for page in pages(shape, copies)],
        "printed": printed(),
    }
