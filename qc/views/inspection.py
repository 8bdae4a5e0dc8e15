"""Ask for the inspection package of a batch; it appears among its records."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from labeling.views.pages import act, page_for
from lims.accounts.actors import actor_of
from lims.accounts.roles import Permission
from lims.errors import Conflict
from qc.services.inspection import request_package


@page_for(Permission.READ_AUDIT)
@act
def package(request: HttpRequest, number: str) -> HttpResponse:
    try:
        request_package(actor=actor_of(request), number=number)
    except Conflict as refusal:
        messages.error(request, refusal.message, extra_tags="fail")
    else:
        messages.success(request, "The package is being made; it stands below in a few seconds.", extra_tags="pass")
    return redirect("labeling:batch-records", number)
