"""`python -m lims.healthcheck`: a container asks its own site whether it is well, by a name the site answers to."""

from __future__ import annotations

import http.client
import os
import sys


def main() -> int:
    host = os.environ.get("LIMS_ALLOWED_HOSTS", "localhost").split(",")[0].strip().lstrip(".")
    port = int(os.environ.get("LIMS_BIND", "127.0.0.1:8000").rpartition(":")[2])
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=4)
    try:
        connection.request("GET", "/api/v1/health/", headers={"Host": host})
        return 0 if connection.getresponse().status == http.client.OK else 1
    except OSError:
        return 1
    finally:
        connection.close()


if __name__ == "__main__":
    sys.exit(main())
