"""Bring the shipped protocols and specifications in, as drafts that the site reviews and approves."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from labeling.services.versions import import_protocol, import_specification
from lims.accounts.actors import system_actor
from lims.errors import DomainError


class Command(BaseCommand):
    help = "Import library/specifications and library/protocols as drafts. What is there already is left as it is."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--directory", type=Path, default=settings.LIBRARY_DIR)

    def handle(self, *args: Any, **options: Any) -> None:
        actor = system_actor()
        library: Path = options["directory"]
        for folder, import_one in (("specifications", import_specification), ("protocols", import_protocol)):
            for path in sorted((library / folder).glob("*.yaml")):
                try:
                    version, added = import_one(actor=actor, text=path.read_text(encoding="utf-8"))
                except DomainError as refusal:
                    raise CommandError(f"{path.name}: {refusal.message}") from refusal
                if added:
                    self.stdout.write(f"{version} imported as a draft.")
