"""How often what is guessable or expensive may be asked for: beyond that 429, with the seconds to wait.

Each server process counts for itself, in memory, so that counting costs nothing and survives a lost Redis. What must
hold across all of them, the lock after five failures, is kept in the database (`lims.accounts.access`).
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus

from django.core.cache import cache
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render

from lims.addresses import address_of
from lims.errors import TooFast
from lims.http import PROBLEM, problem_of

WINDOW_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Limit:
    name: str
    paths: re.Pattern[str]
    per_minute: int


# For each address, whoever it says it is. A whole laboratory may share one.
LIMITS = (
    Limit("sign-in", re.compile(r"/sign-in/|/api/v1/tokens/"), 60),
    Limit("key", re.compile(r"/sign-in/key/"), 240),
    Limit("verify", re.compile(r"/records/|/api/v1/documents/verify/"), 30),
    Limit("export", re.compile(r"/audit/export/|/api/v1/audit/exports/"), 30),
    Limit("import", re.compile(r"/(api/v1/)?(protocols|specifications)/(import/)?"), 60),
    Limit("formula", re.compile(r"/api/v1/formulas/[^/]+/"), 600),
)


class RateLimits:
    """Before anything of the request is read but its address."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.method == "POST":
            for limit in LIMITS:
                if limit.paths.fullmatch(request.path):
                    try:
                        count(limit.name, address_of(request), most=limit.per_minute)
                    except TooFast as refusal:
                        return _refused(request, refusal)
        return self.get_response(request)


def count(name: str, who: str, *, most: int) -> None:
    """Count one more within this minute. Raises TooFast beyond `most`."""
    now = time.time()
    key = f"rate:{name}:{who}:{int(now // WINDOW_SECONDS)}"
    if cache.add(key, 1, WINDOW_SECONDS) or cache.incr(key) <= most:
        return
    wait = WINDOW_SECONDS - int(now % WINDOW_SECONDS)
    raise TooFast(f"That is more than {most} times a minute. Wait {wait} s and try again.", retry_after=wait)


def _refused(request: HttpRequest, refusal: TooFast) -> HttpResponse:
    answer: HttpResponse
    if request.path.startswith("/api/"):
        answer = JsonResponse(problem_of(refusal), content_type=PROBLEM)
    else:
        answer = render(request, "429.html", {"sentence": refusal.message})
    answer.status_code = HTTPStatus.TOO_MANY_REQUESTS
    answer["Retry-After"] = str(refusal.details["retry_after"])
    return answer
