"""The first page: what it shows, and that it asks the database no more often when there is more to show."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from labeling.selectors.clock import database_now
from labeling.selectors.today import decaying_stock, expiring
from labeling.services.downtime import issue_sheet
from labeling.services.instrument_rules import set_rules
from tests import factories
from tests.factories import People


def _queries(client: Client) -> tuple[int, str]:
    with CaptureQueriesContext(
        connection,
    ) as asked:
        page = client.get("/")
    assert page.status_code == 200
    return len(asked), page.content.decode()


@pytest.mark.parametrize("role", ["operator", "quality", "inspector"])
def test_today_asks_no_more_when_there_is_more(laboratory: People, role: str) -> None:
    client = Client()
    client.force_login(getattr(laboratory, role).user)
    factories.completed(laboratory)
    _queries(client)
    before, _ = _queries(client)
    for _ in range(2):
        factories.completed(laboratory)
    for number in ("K-91", "K-92", "K-93"):
        factories.lot(laboratory, number, "kit", days=2)
        issue_sheet(actor=laboratory.operator, protocol="zr89-oxine-kit", issued_to="operator")
    after, page = _queries(client)
    assert after <= before
    assert "K-91" in page
    assert page.count("issued to Operator Test") == 3


def test_an_instrument_with_something_overdue_is_named(laboratory: People) -> None:
    set_rules(
        actor=laboratory.quality,
        code="DC-1",
        linearity_days=90,
        credential=factories.credential("quality"),
        reason="a test",
    )
    client = Client()
    client.force_login(laboratory.operator.user)
    page = client.get("/").content.decode()
    assert "Overdue" in page
    assert "Linearity" in page


def test_stock_is_in_the_order_of_what_it_holds_now(laboratory: People) -> None:
    factories.released(laboratory)
    rows = decaying_stock(at=database_now())
    held = [float(row["now"]["value"]) for row in rows]
    assert held == sorted(held, reverse=True)
    assert rows[0]["share"] == 100.0


def test_what_expires_is_in_the_order_of_time(laboratory: People) -> None:
    for number, days in (("K-92", 3), ("K-91", 1), ("K-93", 30)):
        factories.lot(laboratory, number, "kit", days=days)
    names = [row["name"] for row in expiring(now=database_now())]
    assert [name for name in names if name.startswith("K-")] == ["K-91", "K-92"]
