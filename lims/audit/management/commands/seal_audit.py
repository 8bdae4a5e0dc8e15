"""`manage.py seal_audit`: seal what ended transactions left in the audit trail, now."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from lims.audit.sealing import newest_seal, seal_blocks
from lims.errors import DomainError


class Command(BaseCommand):
    help = "Seal the audit trail up to now. Beat does it every few seconds; before a backup it is done on purpose."

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            sealed = seal_blocks()
        except DomainError as error:
            raise CommandError(error.message) from error
        newest = newest_seal()
        where = f"The newest is block {newest['number']}, {newest['hash']}." if newest else "There is nothing to seal."
        self.stdout.write(f"{sealed} block{'' if sealed == 1 else 's'} sealed. {where}")
