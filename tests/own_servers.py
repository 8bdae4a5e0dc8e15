"""For pytest-xdist: each process of a run has servers of its own, as if it were the only one.

On a shared PostgreSQL the open transaction of a test in one process would hold back the sealing of the audit trail in
the other: a transaction is seen by the whole server. Loaded with `-p`, because the settings are read before conftest.
"""

from __future__ import annotations

import os
from contextlib import ExitStack

from lims.development import servers

running = ExitStack()
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ |= running.enter_context(servers.throw_away()).environment


def pytest_unconfigure() -> None:
    running.close()
