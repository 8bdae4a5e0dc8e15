from __future__ import annotations

import pytest

from labeling.models import Batch
from tests import factories
from tests.factories import People


@pytest.fixture
def batch(laboratory: People) -> Batch:
    return factories.recorded(laboratory, factories.campaign()["synthesis"])
