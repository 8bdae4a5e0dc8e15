"""One laboratory for each file of attacks: it is populated once, and what a test does to it is undone after it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from tests.conftest import Databases, connected_to
from tests.integration.attack.scene import Scene, scene, undone


@pytest.fixture(scope="module")
def populated(django_db_setup: None, django_db_blocker: Any, databases: Databases) -> Iterator[Scene]:
    with django_db_blocker.unblock(), connected_to(databases.to_roll_back("db")), undone():
        yield scene()


@pytest.fixture
def site(populated: Scene) -> Iterator[Scene]:
    """For a test that asks for this and not for `db`, which would close the connection under the others."""
    with undone():
        yield replace(populated, named=dict(populated.named))
