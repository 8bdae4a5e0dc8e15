"""Who may open a page: signed in, with the permission that the page asks for. Its acts are refused by the services."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec

from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest
from django.http.response import HttpResponseBase

from lims.accounts.models import User
from lims.accounts.roles import Permission, may
from lims.errors import NotFound, PermissionRefused

P = ParamSpec("P")
View = Callable[Concatenate[HttpRequest, P], HttpResponseBase]


def page_for(permission: Permission) -> Callable[[View[P]], View[P]]:
    def decorate(view: View[P]) -> View[P]:
        @wraps(view)
        def guarded(request: HttpRequest, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
            user = request.user
            if not isinstance(user, User) or not user.is_active:
                return redirect_to_login(request.get_full_path())
            if not may(user, permission):
                roles = ", ".join(user.role_names) or "no role"
                raise PermissionDenied(f"Your role ({roles}) may not {permission.value}.")
            try:
                return view(request, *args, **kwargs)
            except NotFound as refusal:
                raise Http404(refusal.message) from refusal
            except PermissionRefused as refusal:
                raise PermissionDenied(refusal.message) from refusal

        return guarded

    return decorate


def allowed(request: HttpRequest, permission: Permission) -> bool:
    """Whether to show the way to an act. The act itself asks again."""
    return isinstance(request.user, User) and may(request.user, permission)
