"""For pytest-xdist: each process of a run has servers of its own, as if it were the only one.

On a shared PostgreSQL the open transaction of a test in one process would hold back the sealing of the audit trail in
the other: a transaction is seen by the whole server. Loaded with `-p`, because the settings are read before conftest.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from contextlib import ExitStack

from lims.development import servers
from lims.development.processes import PR_SET_PDEATHSIG

running = ExitStack()
if "PYTEST_XDIST_WORKER" in os.environ:
    if sys.platform.startswith("linux"):  # else a killed run goes on here to the end of the test
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, int(signal.SIGTERM), 0, 0, 0)
    os.environ |= running.enter_context(servers.throw_away()).environment


def pytest_unconfigure() -> None:
    running.close()
