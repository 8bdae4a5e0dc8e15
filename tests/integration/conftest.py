from __future__ import annotations

import pytest
from django.core.cache import cache

from labeling.models import Batch
from labeling.selectors.batch import find_batch
from tests import factories
from tests.factories import People


@pytest.fixture(autouse=True)
def no_memory_of_earlier_requests() -> None:
    """Rate limits count for each address, and every test comes from the same one."""
    cache.clear()


@pytest.fixture
def who(db: None) -> People:
    """One person for each role."""
    return factories.known_people()


@pytest.fixture
def laboratory(who: People) -> People:
    """The people, with effective protocols and specifications, checked instruments and accepted lots."""
    return who


@pytest.fixture
def ready(laboratory: People) -> Batch:
    """A synthesis in quarantine whose results are all there and reviewed."""
    return find_batch(Batch.objects.get().number)
