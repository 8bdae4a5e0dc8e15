"""`manage.py formula NAME --inputs JSON`: one formula of the catalogue, without server or database."""

from __future__ import annotations

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from labeling.domain.formulas import catalogue, compute, describe
from labeling.management.json_option import BAD_INPUT, read_json
from lims.errors import DomainError


class Command(BaseCommand):
    help = "Calculates with a formula of the catalogue and prints one JSON object."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", nargs="?", help="the formula, such as activity-at")
        parser.add_argument("--inputs", help="the inputs as JSON, @FILE, or - for standard input")
        parser.add_argument("--list", action="store_true", help="name the formulas with their inputs and outputs")

    def handle(self, *args: Any, name: str | None, inputs: str | None, **options: Any) -> None:
        if options["list"]:
            self._print([describe(known) for _, known in sorted(catalogue().items())])
            return
        if name is None or inputs is None:
            raise CommandError("Give the name of a formula and its --inputs, or --list.", returncode=BAD_INPUT)
        given = read_json("--inputs", inputs)
        try:
            self._print(compute(name, given))
        except DomainError as refusal:
            raise CommandError(refusal.message, returncode=BAD_INPUT) from None

    def _print(self, found: object) -> None:
        self.stdout.write(json.dumps(found, ensure_ascii=False, indent=1))
