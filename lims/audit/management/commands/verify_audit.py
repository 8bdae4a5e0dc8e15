"""`manage.py verify_audit`: recompute every seal of the audit trail; exit with 1 when anything is wrong."""

from __future__ import annotations

import json
import sys
import time
from argparse import ArgumentTypeError
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from lims.audit import anchor
from lims.audit.anchor import Anchored
from lims.audit.findings import What
from lims.audit.verification import Report, verify_trail
from lims.errors import DomainError


def printed_seal(text: str) -> Anchored:
    number, _, value = text.partition(":")
    value = "".join(value.split()).lower()
    if not number.strip().isdecimal() or len(value) != 64 or set(value) - set("0123456789abcdef"):
        raise ArgumentTypeError(f"{text!r} is no printed seal; it reads NUMBER:HASH with 64 hexadecimal digits.")
    return Anchored(int(number), value)


class Command(BaseCommand):
    help = "Recompute the seals of the audit trail from its rows and name the first row that differs."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--anchor", type=Path, help="the file with one line for each block (default: LIMS_AUDIT_ANCHOR_FILE)"
        )
        parser.add_argument(
            "--printed",
            type=printed_seal,
            action="append",
            default=[],
            metavar="NUMBER:HASH",
            help="a seal as a printed record shows it; may be given more than once",
        )
        parser.add_argument("--json", action="store_true", help="the answer as JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        begun = time.monotonic()
        path = options["anchor"] or settings.AUDIT_ANCHOR_FILE
        try:
            outside = [*(anchor.read(Path(path)) if path else ()), *options["printed"]]
            report = verify_trail(anchored=outside, tables=True)
        except DomainError as error:
            raise CommandError(error.message) from error
        seconds = time.monotonic() - begun
        if options["json"]:
            self.stdout.write(json.dumps(as_json(report, seconds), indent=2))
        else:
            for sentence in sentences(report, seconds):
                self.stdout.write(sentence)
        if not report.sound:
            sys.exit(1)


def as_json(report: Report, seconds: float) -> dict[str, Any]:
    newest, waiting = report.newest, report.unsealed
    return {
        "sound": report.sound,
        "sealed": {"blocks": report.blocks, "operations": report.operations, "changes": report.changes},
        "newest": newest and {"block": newest.number, "hash": newest.hash, "sealed_at": newest.sealed_at.isoformat()},
        "unsealed": waiting
        and {
            "operations": waiting.operations,
            "changes": waiting.changes,
            "oldest": waiting.oldest.isoformat() if waiting.oldest else None,
        },
        "anchored": report.anchored,
        "findings": [asdict(finding) for finding in report.findings],
        "further_findings": report.more,
        "seconds": round(seconds, 3),
    }


def sentences(report: Report, seconds: float) -> Iterator[str]:
    yield (
        f"{report.blocks} blocks seal {report.operations} operations with {report.changes} changes "
        f"(verified in {seconds:.1f} s)."
    )
    if (newest := report.newest) is not None:
        yield f"The newest is block {newest.number} of {newest.sealed_at:%Y-%m-%d %H:%M:%S} UTC, {newest.hash}."
    if (waiting := report.unsealed) is not None and waiting.operations:
        yield (
            f"Not sealed yet: {waiting.operations} operations with {waiting.changes} changes, the oldest of "
            f"{waiting.oldest:%Y-%m-%d %H:%M:%S} UTC."
        )
    if report.anchored:
        yield f"Compared with {report.anchored} seals kept outside the database."
    else:
        yield "Not compared with seals kept outside the database: a missing end would not be seen."
    for finding in report.findings:
        yield f"{finding.what.upper()}: {finding.sentence}"
    if report.more:
        yield f"And {report.more} further findings."
    if all(finding.what not in (What.NOT_THE_TRAIL, What.TRIGGER_OFF) for finding in report.findings):
        yield "The tables say what the trail says."
    yield "The trail is as it was sealed." if report.sound else f"The trail is NOT sound. {_first(report)}"


def _first(report: Report) -> str:
    return f"First: {report.findings[0].sentence}"
