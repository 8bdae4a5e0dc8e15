"""The count of open alarms in the frame of every page."""

from __future__ import annotations

from django import template
from django.template import Context

from lims.accounts.models import User
from lims.accounts.roles import Permission, may
from lims.oversight.selectors import alarms

register = template.Library()


@register.simple_tag(takes_context=True)
def open_alarms(context: Context) -> int | None:
    """How many alarms nobody has acknowledged; None for somebody who may not see them."""
    user = getattr(context.get("request"), "user", None)
    if not isinstance(user, User) or not may(user, Permission.WATCH):
        return None
    return alarms(state="open").count()
