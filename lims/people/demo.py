"""Demo accounts have passwords that lie in a file: a production installation must not hold one that opens."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register
from django.core.exceptions import ImproperlyConfigured
from django.db import DatabaseError

from lims.accounts.models import IdentityCheck
from lims.people.services import DEMO_IDENTITY


def demo_accounts() -> list[str]:
    """The usernames of the demo accounts that are open."""
    rows = IdentityCheck.objects.filter(how=DEMO_IDENTITY, user__is_active=True)
    return list(rows.order_by("user__username").values_list("user__username", flat=True).distinct())


def fault_of_production() -> str:
    """What is wrong with the accounts of a production installation, in a sentence; empty where nothing is."""
    found = demo_accounts() if settings.PRODUCTION else []
    if not found:
        return ""
    return (
        f"This production installation holds open demo accounts ({', '.join(found)}), whose passwords lie in a file. "
        "Begin with an empty database; what was made with demo accounts is no record."
    )


def refuse_demo_accounts() -> None:
    """For the start of a production server. A database that does not answer yet is asked again by the watch."""
    try:
        fault = fault_of_production()
    except DatabaseError:
        return
    if fault:
        raise ImproperlyConfigured(f"LIMS_ENV=production does not start: {fault}")


@register(Tags.database, deploy=True)
def no_demo_accounts(
    app_configs: object = None, databases: Sequence[str] | None = None, **more: Any
) -> list[CheckMessage]:
    """`manage check --deploy --database default`."""
    fault = fault_of_production() if databases else ""
    return [Error(fault, id="people.E001")] if fault else []
