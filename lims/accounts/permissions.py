"""The default of every REST view: someone who is signed in. What they may do, the services decide."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from lims.accounts.models import User
from lims.accounts.roles import Permission, may

if TYPE_CHECKING:  # rest_framework.views reads this class while it is itself being imported
    from rest_framework.views import APIView


class SignedIn(BasePermission):
    def has_permission(self, request: Request, view: APIView) -> bool:
        user = request.user
        if not isinstance(user, User) or not user.is_active:
            return False
        needed: Permission = getattr(view, "permission", Permission.VIEW)
        return may(user, needed)
