"""The first account of a fresh installation."""

from __future__ import annotations

import getpass
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from lims.accounts.actors import system_actor
from lims.errors import DomainError
from lims.people.services import enroll_first_administrator


class Command(BaseCommand):
    help = "Enrol the first administrator, who enrols everybody else. The password is asked for."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("username")
        parser.add_argument("full_name")

    def handle(self, *args: Any, **options: Any) -> None:
        password = getpass.getpass("Password (at least 12 characters): ")
        if password != getpass.getpass("The same again: "):
            raise CommandError("The two passwords differ; nobody was enrolled.")
        try:
            user = enroll_first_administrator(
                actor=system_actor(), username=options["username"], full_name=options["full_name"], password=password
            )
        except DomainError as refusal:
            raise CommandError(refusal.message) from refusal
        self.stdout.write(f"{user} is enrolled as administrator.")
