"""Property tests: without a time limit per example, which a busy machine would miss, and without a memory on disk."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("oxinate", deadline=None, database=None)
settings.load_profile("oxinate")
