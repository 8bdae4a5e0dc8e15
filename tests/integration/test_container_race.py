"""Two people draw on one vial at the same moment: it is emptied once, and only because of the lock."""

from __future__ import annotations

import contextlib
import threading
from typing import Any

import pytest
from django.db import connection

from labeling.models import Container
from labeling.services import containers
from lims.errors import DomainError
from tests.factories import People


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("locked", "outcome"), [(True, ["moved", "overdrawn"]), (False, ["moved", "moved"])], ids=["locked", "unlocked"]
)
def test_of_two_draws_at_once_the_second_finds_what_is_left(
    who: People, monkeypatch: pytest.MonkeyPatch, locked: bool, outcome: list[str]
) -> None:
    activity = {"value": "40", "unit": "MBq"}
    vial = containers.open_container(actor=who.operator, kind="vial", nuclide="Zr-89", code="V-1", activity=activity)
    for code in ("BIN-1", "BIN-2"):
        containers.open_container(actor=who.operator, kind="waste", nuclide="Zr-89", code=code)
    gate = threading.Barrier(2, timeout=2)
    real_reckoned = containers.reckoned

    def slow_reckoned(source: Container, measured: dict[str, Any]) -> dict[str, Any]:
        reckoned = real_reckoned(source, measured)
        with contextlib.suppress(threading.BrokenBarrierError):
            gate.wait()
        return reckoned

    monkeypatch.setattr(containers, "reckoned", slow_reckoned)
    if not locked:
        monkeypatch.setattr(containers, "lock_container", lambda pk: Container.objects.get(pk=pk))
    outcomes: list[str] = []

    def draw(code: str) -> None:
        try:
            containers.transfer(
                actor=who.operator, container_id=vial.pk, to=code, activity={"value": "30", "unit": "MBq"}
            )
            outcomes.append("moved")
        except DomainError as refusal:
            outcomes.append(refusal.code)
        finally:
            connection.close()

    threads = [threading.Thread(target=draw, args=[code]) for code in ("BIN-1", "BIN-2")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == outcome
    held = Container.objects.get(pk=vial.pk).content
    assert held is not None
    assert held >= 0
