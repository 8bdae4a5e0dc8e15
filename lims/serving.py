"""How gunicorn serves, here and in production: `gunicorn -c python:lims.serving lims.wsgi`."""

from __future__ import annotations

import gc
import os
from typing import Any

bind = os.environ.get("LIMS_BIND", "127.0.0.1:8000")
workers = int(os.environ.get("LIMS_WEB_WORKERS", "2"))
threads = int(os.environ.get("LIMS_WEB_THREADS", "4"))
worker_class = "gthread"
# A worker writes its sign of life into memory, and not to a disk that may be busy.
worker_tmp_dir = "/dev/shm" if os.path.isdir("/dev/shm") else None  # noqa: PTH112, S108
timeout = 60
graceful_timeout = 10
keepalive = 5
# Another user of the machine could reach the socket of a shared home; nothing here needs one.
control_socket_disable = True
# A pool belongs to a process and is opened by its first request, after the fork: the application is not preloaded.
preload_app = False


def post_worker_init(worker: Any) -> None:
    """What the application is made of never becomes garbage; looking through it again cost 0.7 s at a time."""
    gc.collect()
    gc.freeze()
