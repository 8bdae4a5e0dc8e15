"""Who has access: every account with its roles, what it can be used with, and when it was used."""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from io import StringIO
from typing import Any

from django.db.models import Max

from lims.accounts.models import AccessEvent, Token, User
from lims.accounts.segregation import conflicts_of
from lims.accounts.tokens import living
from lims.downloads import neutral
from lims.people.selectors import people, summary_of

Json = dict[str, Any]
# An account that nobody used for so long is marked; whether it is still needed, the reviewer decides.
LONG_UNUSED = timedelta(days=90)
CAME_IN = (AccessEvent.Kind.SIGNED_IN, AccessEvent.Kind.TOKEN_ISSUED)
COLUMNS = (
    *("username", "full_name", "roles", "state", "second_factor", "enrolled_at", "last_sign_in_at", "use"),
    *("tokens", "conflicts"),
)


def account_rows(*, now: datetime) -> list[Json]:
    """Every account, the open ones first. As many queries for a thousand people as for one."""
    last = dict(
        AccessEvent.objects.filter(kind__in=CAME_IN)
        .exclude(user=None)
        .values_list("user_id")
        .annotate(Max("at"))
        .order_by()
    )
    tokens: dict[int, list[Token]] = defaultdict(list)
    for token in living().order_by("pk"):
        tokens[token.user_id].append(token)
    found = people().order_by("-is_active", "username")
    return [_account_row(user, last.get(user.pk), tokens[user.pk], now) for user in found]


def standing_of(rows: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """What a review stands for, a line for each account: sign-ins and tokens come and go without undoing it."""
    return {
        row["username"]: "; ".join(
            (
                row["full_name"],
                ", ".join(sorted(row["roles"])).replace("_", " "),
                "active" if row["active"] else "closed",
                "second factor" if row["second_factor"] else "no second factor",
            )
        )
        for row in rows
    }


def as_csv(rows: Iterable[Mapping[str, Any]]) -> str:
    """One line for each account; with the byte order mark that lets a spreadsheet read names as they are."""
    text = StringIO()
    writer = csv.writer(text)
    writer.writerow(COLUMNS)
    for row in rows:
        told = {
            **row,
            "roles": ", ".join(row["roles"]),
            "second_factor": "yes" if row["second_factor"] else "no",
            "tokens": "; ".join(_token_in_words(token) for token in row["tokens"]),
            "conflicts": " ".join(row["conflicts"]),
        }
        writer.writerow([neutral(told[column]) for column in COLUMNS])
    return "\ufeff" + text.getvalue()


def _account_row(user: User, last: datetime | None, tokens: Iterable[Token], now: datetime) -> Json:
    summary = summary_of(user)
    return {
        **summary,
        "state": "closed" if not user.is_active else "locked" if summary["locked_at"] else "active",
        "last_sign_in_at": last.isoformat() if last else None,
        "use": _use_of(user, last, now),
        "tokens": [
            {
                "scopes": list(token.scopes),
                "used_at": token.used_at.isoformat(),
                "expires_at": token.expires_at.isoformat(),
            }
            for token in tokens
        ],
        "conflicts": conflicts_of(user),
    }


def _use_of(user: User, last: datetime | None, now: datetime) -> str:
    if not user.is_active:
        return ""
    if last is None:
        return "never used"
    return "long unused" if now - last > LONG_UNUSED else "in use"


def _token_in_words(token: Mapping[str, Any]) -> str:
    return f"{', '.join(token['scopes']) or 'not limited'}, used {token['used_at']}"
