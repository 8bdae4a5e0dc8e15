"""One account for each role, for trying the program out. Production refuses."""

from __future__ import annotations

import json
import os
import secrets
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from lims.accounts.actors import system_actor
from lims.accounts.factors import new_secret
from lims.accounts.models import User
from lims.accounts.roles import Role
from lims.people.services import enroll_for_demonstration, equip_for_demonstration

# A one-time code is good once: the second person of quality halves the waiting where much is approved at a stretch.
PEOPLE = {
    "operator": "Olga Brandt",
    "verifier": "Viktor Lindqvist",
    "analyst": "Amara Diallo",
    "reviewer": "Ruth Feldmann",
    "releaser": "Rafael Ortega",
    "quality": "Qiu Zhang",
    "quality-2": "Karim Benali",
    "radiation_safety": "Rosa Marin",
    "administrator": "Ada Novak",
    "inspector": "Ines Moreau",
}


class Command(BaseCommand):
    help = "Make one demo account for each role and write them, with their passwords, to a file that only you can read."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--output", type=Path, default=settings.DATA_DIR / "demo-accounts.json")

    def handle(self, *args: Any, **options: Any) -> None:
        if settings.PRODUCTION or not settings.DEMO:
            raise CommandError("Demo accounts are not made on a production installation.")
        output: Path = options["output"]
        known = _read(output)
        accounts = [known.get(username) or self._make(username, name) for username, name in PEOPLE.items()]
        _write(output, {"accounts": accounts})
        self.stdout.write(f"{len(accounts)} demo accounts are in {output}.")

    def _make(self, username: str, full_name: str) -> dict[str, object]:
        password, totp_secret = secrets.token_urlsafe(12), new_secret()
        role = Role(username.partition("-")[0])
        user = User.objects.filter(username=username).first()
        if user is not None:  # the file was lost: the account gets new factors
            user.set_password(password)
            equip_for_demonstration(actor=system_actor(), user=user, totp_secret=totp_secret)
        else:
            enroll_for_demonstration(
                actor=system_actor(),
                username=username,
                full_name=full_name,
                roles=[role],
                password=password,
                totp_secret=totp_secret,
            )
        return {
            "username": username,
            "password": password,
            "totp_secret": totp_secret,
            "full_name": full_name,
            "roles": [role.value],
        }


def _read(path: Path) -> dict[str, dict[str, object]]:
    """The accounts of the file whose people still exist in this database."""
    if not path.exists():
        return {}
    accounts = json.loads(path.read_text(encoding="utf-8"))["accounts"]
    existing = set(User.objects.filter(is_active=True).values_list("username", flat=True))
    return {
        account["username"]: account
        for account in accounts
        if account["username"] in existing and "totp_secret" in account
    }


def _write(path: Path, content: dict[str, object]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        os.fchmod(file.fileno(), 0o600)
        json.dump(content, file, indent=1)
        file.write("\n")
