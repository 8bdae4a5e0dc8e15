from __future__ import annotations

import pytest

from labeling.models import Batch
from tests import factories
from tests.factories import People


@pytest.fixture
def who(db: None) -> People:
    """One person for each role."""
    return factories.people()


@pytest.fixture
def laboratory(who: People) -> People:
    """The people, with effective protocols and specifications, checked instruments and accepted lots."""
    factories.adopt_library(who)
    factories.stock(who)
    return who


@pytest.fixture
def ready(laboratory: People) -> Batch:
    """A synthesis in quarantine whose results are all there and reviewed."""
    return factories.tested(laboratory)
