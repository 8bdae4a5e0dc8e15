from __future__ import annotations

import pytest
from django.core.cache import cache

from labeling.models import Batch
from tests import factories
from tests.factories import People


@pytest.fixture(autouse=True)
def no_memory_of_earlier_requests() -> None:
    """Rate limits count for each address, and every test comes from the same one."""
    cache.clear()


@pytest.fixture
def who(db: None) -> People:
    """One person for each role."""
    return factories.people()


@pytest.fixture
def who_in_a_database_of_its_own(transactional_db: None) -> People:
    """For threads, which see only what was committed."""
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
    return factories.ready_to_decide(laboratory)
