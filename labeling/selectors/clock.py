from __future__ import annotations

from datetime import datetime

from django.db import connection


def database_now() -> datetime:
    """The database's clock, the only one that stamps (TIM-1)."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        moment: datetime = cursor.fetchone()[0]
        return moment
