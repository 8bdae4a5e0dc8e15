"""What every request and answer passes: its size, its address, and the content security policy."""

from __future__ import annotations

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from lims.http import answer_bad_request, answer_too_large
from lims.parsing import keepable

PERMISSIONS = "camera=(self), geolocation=(), microphone=(), payment=(), usb=(), "
PERMISSIONS += "publickey-credentials-create=(self), publickey-credentials-get=(self)"


class RefuseUnkeepable:
    """Before any query: an address with a NUL or half a character names nothing that could be in the database, and no
    body is larger than the largest record."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        texts = [request.path, *(text for name, values in request.GET.lists() for text in (name, *values))]
        if not all(keepable(text) for text in texts):
            return answer_bad_request(request)
        # The server reads no more of a body than it announces.
        announced = request.META.get("CONTENT_LENGTH") or "0"
        if announced.isdigit() and int(announced[:12]) > settings.DATA_UPLOAD_MAX_MEMORY_SIZE:
            return answer_too_large(request)
        return self.get_response(request)


def policy(**more: str) -> str:
    """The policy of the site, with `more` sources for some of its directives."""
    stated = dict(settings.CONTENT_SECURITY_POLICY)
    stated |= {name: f"{stated[name]} {sources}" for name, sources in more.items()}
    return "; ".join(f"{name} {sources}" for name, sources in stated.items())


def with_webassembly(response: HttpResponse) -> HttpResponse:
    """For the one page that reads codes with a camera: its reader of codes is WebAssembly of this site, which a browser
    compiles only where the policy says so. It allows no `eval` and no script of another origin."""
    response.headers["Content-Security-Policy"] = policy(**{"script-src": "'wasm-unsafe-eval'"})
    return response


class ContentSecurityPolicy:
    """Django brings its own from version 6 on."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response
        self.policy = policy()

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        response.headers.setdefault("Content-Security-Policy", self.policy)
        response.headers.setdefault("Permissions-Policy", PERMISSIONS)
        return response
