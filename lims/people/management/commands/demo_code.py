"""The present one-time code of a demo account, for trying the program out without an authenticator."""

from __future__ import annotations

import json
from typing import Any

import pyotp
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser


class Command(BaseCommand):
    help = "Print the present one-time code of a demo account, from the file that only you can read."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("username")

    def handle(self, *args: Any, **options: Any) -> None:
        path = settings.DATA_DIR / "demo-accounts.json"
        if settings.PRODUCTION or not path.exists():
            raise CommandError("There are no demo accounts here.")
        for account in json.loads(path.read_text(encoding="utf-8"))["accounts"]:
            if account["username"] == options["username"]:
                self.stdout.write(pyotp.TOTP(account["totp_secret"]).now())
                return
        raise CommandError(f"There is no demo account {options['username']}.")
