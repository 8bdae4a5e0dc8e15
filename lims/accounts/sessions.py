"""What a session has to bear: it ends when nobody uses it, and a person with an open duty gets nowhere else."""

from __future__ import annotations

import time
from collections.abc import Callable
from http import HTTPStatus

from django.conf import settings
from django.contrib.auth import SESSION_KEY, logout
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.urls import reverse

from lims.accounts import access
from lims.accounts.actors import address_of
from lims.accounts.duties import duty_of
from lims.accounts.models import AccessEvent, User
from lims.http import PROBLEM, problem_body

SEEN = "seen_at"
WRITE_EVERY_SECONDS = 20
Answerer = Callable[[HttpRequest], HttpResponse]


class IdleTimeOut:
    """Ends a session on the server after the site's idle time; no user can change it (draft Annex 11, 11.8)."""

    def __init__(self, get_response: Answerer) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.session.session_key and isinstance(request.user, User):
            now = time.time()
            seen = float(request.session.get(SEEN, now))
            if now - seen > settings.IDLE_MINUTES * 60:
                user = request.user
                access.note(AccessEvent.Kind.TIMED_OUT, username=user.username, user=user, address=address_of(request))
                logout(request)
            # A page that looks again by itself is no sign of a person.
            elif now - seen > WRITE_EVERY_SECONDS and not _by_itself(request):
                request.session[SEEN] = now
        answer = self.get_response(request)
        if SESSION_KEY in request.session:
            request.session.setdefault(SEEN, time.time())  # who has just signed in may never come back
        return answer


class OpenDuties:
    """A password that an administrator set is changed first, and a second factor set up, before anything else."""

    def __init__(self, get_response: Answerer) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        user = request.user
        if not isinstance(user, User) or request.path == reverse("accounts:sign-out"):
            return self.get_response(request)
        duty = duty_of(user)
        if duty is None:
            return self.get_response(request)
        code, sentence, place = duty
        if request.path.startswith("/api/"):
            body = problem_body(status=403, code=code, detail=sentence, errors=[])
            return JsonResponse(body, status=HTTPStatus.FORBIDDEN, content_type=PROBLEM)
        return self.get_response(request) if request.path == reverse(place) else redirect(place)


def _by_itself(request: HttpRequest) -> bool:
    return request.headers.get("X-Oxinate-Looks-Again") == "1"
