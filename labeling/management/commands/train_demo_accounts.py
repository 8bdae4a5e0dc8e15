"""Let demo accounts try everything, with training records that say what they are. Production refuses."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from labeling.services.demonstration import train_demo_accounts


class Command(BaseCommand):
    help = "Record the demo accounts as trained for approved and effective protocol versions, as far as they are not."

    def handle(self, *args: Any, **options: Any) -> None:
        if settings.PRODUCTION or not settings.DEMO:
            raise CommandError("There are no demo accounts here to be trained.")
        self.stdout.write(f"{train_demo_accounts()} demonstration records were made.")
