"""A person's own account: password, second factor, the statement on signatures."""

from __future__ import annotations

from typing import Any

import segno
from django.contrib import messages
from django.contrib.auth import login
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.safestring import mark_safe
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from lims.accounts.actors import actor_of, address_of
from lims.accounts.factors import address_for_authenticator, confirmed_factor, secret_of
from lims.accounts.forms import SignatureForm
from lims.accounts.models import Factor, User
from lims.accounts.pages import allowed, carried_out, shown
from lims.accounts.roles import Permission
from lims.accounts.statement import TEXT, VERSION, has_accepted
from lims.accounts.tokens import end_token, living_tokens
from lims.errors import NotFound
from lims.people import own, selectors
from lims.people.forms import CodeForm, PasswordForm


def _person_of(request: HttpRequest) -> User | None:
    return request.user if isinstance(request.user, User) and request.user.is_active else None


@never_cache
@require_safe
def account(request: HttpRequest) -> HttpResponse:
    user = _person_of(request)
    if user is None:
        return redirect_to_login(request.get_full_path())
    tokens = living_tokens(user).order_by("-pk")
    about, may_look = selectors.document_of(user), allowed(request, Permission.VIEW)
    return shown(request, "people/account.html", {"about": about, "tokens": tokens, "may_look": may_look})


@never_cache
@require_POST
def end_one_token(request: HttpRequest, pk: int) -> HttpResponse:
    user = _person_of(request)
    if user is None:
        return redirect_to_login(reverse("people:account"))
    try:
        end_token(user=user, token_id=pk, address=address_of(request))
    except NotFound as refusal:
        messages.error(request, refusal.message, extra_tags="fail")
    else:
        messages.success(request, "The token has ended.", extra_tags="pass")
    return redirect("people:account")


@never_cache
@sensitive_post_parameters()
@require_http_methods(["GET", "HEAD", "POST"])
def password(request: HttpRequest) -> HttpResponse:
    user = _person_of(request)
    if user is None:
        return redirect_to_login(request.path)
    form = PasswordForm(request.POST if request.method == "POST" else None, slug="password")
    if request.method != "POST":
        return shown(request, "people/password.html", {"form": form})
    given = form.data
    outcome = carried_out(
        form, lambda: own.change_password(actor=actor_of(request), old=given["old"], new=given["new"])
    )
    if not outcome.done:
        return shown(request, "people/password.html", {"form": form}, outcome)
    login(request, user)  # every other session has ended
    messages.success(request, "Your password is changed. Sessions elsewhere have ended.", extra_tags="pass")
    return redirect("people:account")


@never_cache
@sensitive_post_parameters()
@require_http_methods(["GET", "HEAD", "POST"])
def factor(request: HttpRequest) -> HttpResponse:
    user = _person_of(request)
    if user is None:
        return redirect_to_login(request.path)
    if confirmed_factor(user) is not None:
        return redirect("people:account")
    actor = actor_of(request)
    posted = request.method == "POST"
    form = CodeForm(request.POST if posted else None, slug="factor")
    if posted:
        codes: list[str] = []
        outcome = carried_out(
            form, lambda: codes.extend(own.confirm_factor(actor=actor, code=form.cleaned_data["otp"]))
        )
        if outcome.done:
            return shown(request, "people/recovery_codes.html", {"codes": codes})
        return shown(request, "people/factor.html", _setting_up(own.factor_to_set_up(actor=actor), user, form), outcome)
    return shown(request, "people/factor.html", _setting_up(own.factor_to_set_up(actor=actor), user, form))


def _setting_up(waiting: Factor, user: User, form: CodeForm) -> dict[str, Any]:
    secret = secret_of(waiting)
    code = segno.make(address_for_authenticator(user, waiting), micro=False)
    return {
        "form": form,
        "secret": " ".join(secret[i : i + 4] for i in range(0, len(secret), 4)),
        # Drawn here, from the address alone; nothing that was typed gets into it.
        "picture": mark_safe(code.svg_inline(scale=5, border=4, light="white")),  # noqa: S308
    }


@never_cache
@sensitive_post_parameters()
@require_http_methods(["GET", "HEAD", "POST"])
def statement(request: HttpRequest) -> HttpResponse:
    user = _person_of(request)
    if user is None:
        return redirect_to_login(request.path)
    posted = request.method == "POST"
    form = SignatureForm(request.POST if posted else None, slug="accept_statement")
    context = {"form": form, "text": TEXT, "version": VERSION, "accepted": has_accepted(user)}
    if not posted:
        return shown(request, "people/statement.html", context)
    outcome = carried_out(form, lambda: own.accept_statement(actor=actor_of(request), credential=form.credential))
    if not outcome.done:
        return shown(request, "people/statement.html", context, outcome)
    messages.success(request, "The statement is accepted.", extra_tags="pass")
    return redirect("people:account")
