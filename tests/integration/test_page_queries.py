"""How often the pages of a batch ask the database: as often for many entries, forms and batches as for few."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from labeling.models import Batch
from qc.selectors import assess_several
from tests.factories import People
from tests.integration.rest import sign_in


def asked(work: Callable[[], Any]) -> list[str]:
    """The statements of one piece of work; what is remembered of the first time is not asked for again."""
    statements: list[str] = []

    def note(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        statements.append(sql)
        return execute(sql, params, many, context)

    work()
    with connection.execute_wrapper(note):
        work()
    return statements


def test_assessing_several_batches_asks_for_their_rows_once(laboratory: People, ready: Batch) -> None:
    one = asked(lambda: assess_several([ready]))
    three = asked(lambda: assess_several([ready] * 3))
    again = Counter(three) - Counter(one)
    assert sum(again.values()) <= 2 * 3  # what was restated, and the trail with its review, are read by batch
    assert not [sql for sql in again if "labeling_entry" in sql or "qc_testresult" in sql]


@pytest.mark.parametrize(
    ("person", "path", "most"),
    [
        ("operator", "", 60),
        ("analyst", "tests/", 60),
        ("releaser", "release/", 60),
        ("operator", "activity/", 60),
        ("reviewer", "history/", 60),
    ],
)
def test_a_page_of_a_batch_asks_for_no_row_twenty_times(
    laboratory: People, ready: Batch, client: Client, person: str, path: str, most: int
) -> None:
    client.post("/sign-in/", sign_in(person))
    statements = asked(lambda: client.get(f"/batches/{ready.number}/{path}"))
    assert 0 < len(statements) <= most
    statement, times = Counter(statements).most_common(1)[0]
    assert times <= 8, statement
