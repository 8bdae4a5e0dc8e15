"""Refusing to sign, from any signature form."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.http import url_has_allowed_host_and_scheme

from labeling.views.pages import page
from lims.accounts.actors import actor_of
from lims.errors import DomainError
from qc.services.refusals import refuse_to_sign


@page
def refuse(request: HttpRequest) -> HttpResponse:
    """Back to the page with the form; what the service says stands above it."""
    if request.method != "POST":
        return redirect("/")
    asked = request.POST
    try:
        refusal = refuse_to_sign(
            actor=actor_of(request),
            act=asked.get("act", ""),
            subject=asked.get("subject", ""),
            about=asked.get("about", ""),
            reason=asked.get("reason", ""),
        )
    except DomainError as fault:
        messages.error(request, fault.message, extra_tags="fail")
    else:
        messages.warning(request, f"You refused to sign for {refusal.covers}. It stands in the trail.", "warn")
    back = request.POST.get("next", "")
    local = url_has_allowed_host_and_scheme(back, allowed_hosts=None, require_https=request.is_secure())
    return redirect(back if local else "/")
