from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.conftest import DatabaseServer
from tests.factories import People
from tests.integration.seals.sealed_site import Site


@pytest.fixture
def site(who: People, transactional_db: None, database_server: DatabaseServer, tmp_path: Path, settings: Any) -> Site:
    """Three blocks and more: people, then two lots, then two lots."""
    settings.AUDIT_KEY_FILE = tmp_path / "keys" / "audit.key"
    settings.AUDIT_ANCHOR_FILE = str(tmp_path / "anchor.jsonl")
    made = Site(who, database_server, tmp_path / "keys" / "audit.key", tmp_path / "anchor.jsonl")
    made.seal()
    for _ in range(2):
        made.work()
        made.seal()
    return made
