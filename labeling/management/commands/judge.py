"""`manage.py judge --criterion JSON --result TEXT`: does a result meet a criterion? Without server or database."""

from __future__ import annotations

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from labeling.domain.criteria import criterion_from, judge
from labeling.management.json_option import BAD_INPUT, read_json
from lims.errors import DomainError


class Command(BaseCommand):
    help = 'Judges one result by one criterion and prints {"verdict": ...}.'
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--criterion", required=True, help='such as {"min": "6.5", "max": "8.0"}, @FILE, or -')
        parser.add_argument("--result", help="the result as written; one that is left out is missing")

    def handle(self, *args: Any, criterion: str, result: str | None, **options: Any) -> None:
        document = read_json("--criterion", criterion, numbers_as_text=True)
        try:
            verdict = judge(criterion_from(document), result)
        except DomainError as refusal:
            raise CommandError(refusal.message, returncode=BAD_INPUT) from None
        self.stdout.write(json.dumps({"verdict": verdict.value}))
