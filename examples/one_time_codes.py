"""One-time codes of an authenticator (RFC 6238), with the standard library alone. Each code is good once."""

from __future__ import annotations

import base64
import hmac
import math
import struct
import time

STEP_S = 30
# The server takes the codes of the steps before and after its own. These margins keep clear of the edges.
EARLY_S, LATE_S = 1, 10


def code_of(secret: str, step: int) -> str:
    key = base64.b32decode(secret.replace(" ", "").upper())
    digest = hmac.digest(key, struct.pack(">Q", step), "sha1")
    offset = digest[-1] & 0x0F
    number = struct.unpack(">I", digest[offset : offset + 4])[0] & 0x7FFFFFFF
    return f"{number % 1_000_000:06d}"


class Authenticator:
    """The codes of one account, none of them twice: up to three at once, then one every thirty seconds."""

    def __init__(self, secret: str) -> None:
        self._secret = secret
        self._last = 0

    def ready_in(self) -> float:
        """Seconds until there is a code that was not given out."""
        return max(0.0, (self._next_step() - 1) * STEP_S + EARLY_S - time.time())

    def next(self) -> str:
        """The next code; waits for it where it must."""
        time.sleep(self.ready_in())
        self._last = self._next_step()
        return code_of(self._secret, self._last)

    def _next_step(self) -> int:
        return max(self._last + 1, math.ceil((time.time() + LATE_S) / STEP_S) - 2)
