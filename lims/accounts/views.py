"""Signing in and out of the pages. Every attempt is kept."""

from __future__ import annotations

from django.contrib.auth import login, logout
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from lims.accounts import access
from lims.accounts.actors import address_of, seat_of
from lims.accounts.forms import SignInForm
from lims.accounts.keys import Asked, Use, ask
from lims.accounts.models import AccessEvent, User
from lims.accounts.possession import Shown
from lims.accounts.sign_in import prove
from lims.http import refusals_shown_on
from lims.parsing import keepable


@sensitive_post_parameters("password", "otp", "key")
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def sign_in(request: HttpRequest) -> HttpResponse:
    if isinstance(request.user, User) and request.method != "POST":
        return redirect("/")
    form = SignInForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        with refusals_shown_on(form):
            user, _ = prove(
                username=form.cleaned_data["username"],
                password=form.cleaned_data["password"],
                shown=Shown(form.cleaned_data["otp"], form.cleaned_data["key"], seat_of(request)),
                address=address_of(request),
            )
            login(request, user)  # with a new session key
            access.note(AccessEvent.Kind.SIGNED_IN, username=user.username, user=user, address=address_of(request))
            return redirect(_next(request))
    status = 422 if form.errors else 200
    return render(request, "accounts/sign_in.html", {"form": form, "next": _next(request)}, status=status)


@never_cache
@require_POST
def ask_key(request: HttpRequest) -> HttpResponse:
    """What to ask a security key: of whoever signs in, or of whoever signs where somebody is signed in."""
    if not request.session.session_key:
        request.session.create()
    use = Use.SIGN if isinstance(request.user, User) else Use.SIGN_IN
    username = request.POST.get("username", "").strip()
    asked = asked_at(request, username if keepable(username) else "")
    return HttpResponse(ask(asked, use), content_type="application/json")


def asked_at(request: HttpRequest, username: str) -> Asked:
    return Asked(username, seat_of(request), f"{request.scheme}://{request.get_host()}")


@require_POST
def sign_out(request: HttpRequest) -> HttpResponse:
    if isinstance(request.user, User):
        user = request.user
        access.note(AccessEvent.Kind.SIGNED_OUT, username=user.username, user=user, address=address_of(request))
    logout(request)
    return redirect("accounts:sign-in")


def _next(request: HttpRequest) -> str:
    """Where the person wanted to go, if that is a place of this site."""
    wanted = request.POST.get("next") or request.GET.get("next") or "/"
    safe = url_has_allowed_host_and_scheme(
        wanted, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )
    return wanted if safe else "/"
