"""The service worker of the worksheets, at the address that gives it power over the pages of batches alone."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe


@require_safe
def keeper(request: HttpRequest) -> HttpResponse:
    """A script without content of anybody's; it is asked for without a session too, to see whether it has changed."""
    answer = render(request, "labeling/keeper.js", content_type="text/javascript")
    answer.headers["Cache-Control"] = "no-cache"
    return answer
