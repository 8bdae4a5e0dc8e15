"""Where a request came from."""

from __future__ import annotations

from ipaddress import ip_address

from django.conf import settings
from django.http import HttpRequest


def address_of(request: HttpRequest) -> str:
    """Where a request came from. Behind our own proxy the address it appended, the last one; what a client claims in
    front of that counts for nothing."""
    if settings.BEHIND_PROXY:
        appended = request.headers.get("X-Forwarded-For", "").rpartition(",")[2].strip()
        try:
            return str(ip_address(appended.partition("%")[0]))
        except ValueError:
            pass  # a proxy that is not set up: its own address, as below
    return str(request.META.get("REMOTE_ADDR", ""))[:64]
