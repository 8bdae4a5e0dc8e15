from __future__ import annotations

from typing import Any

import pytest

from labeling.models import Batch, ProtocolVersion
from labeling.services.versions import approve_version, import_protocol, submit_version
from tests import factories
from tests.factories import People, credential
from tests.integration.training.trained import KIT


@pytest.fixture
def batch(laboratory: People) -> Batch:
    return factories.recorded(laboratory, factories.campaign()["synthesis"])


@pytest.fixture
def production(settings: Any) -> None:
    """Nobody is trained by being a demo account."""
    settings.DEMO = False


@pytest.fixture
def approved(production: None, who: People) -> ProtocolVersion:
    text = (factories.ROOT / f"library/protocols/{KIT}.yaml").read_text(encoding="utf-8")
    version, _ = import_protocol(actor=who.operator, text=text)
    target: dict[str, Any] = {"model": ProtocolVersion, "code": KIT, "number": version.number}
    submit_version(actor=who.reviewer, credential=credential("reviewer"), **target)
    approve_version(actor=who.quality, credential=credential("quality"), **target)
    return version
