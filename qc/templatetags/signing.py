"""What a signature form says beside its fields: the differences since the last signature, and the way to refuse."""

from __future__ import annotations

from typing import Any

from django import template
from django.template.context import RequestContext

from labeling.views.pages import allowed
from lims.errors import DomainError
from lims.signatures.proposals import Proposal, since_last_signature
from qc.services.proposals import Desk, proposal_of

register = template.Library()
DESKS = "_desks"


@register.simple_tag(name="since_last_signature", takes_context=True)
def since(context: RequestContext, act: str, subject: object, about: object = "") -> dict[str, Any] | None:
    """The newest signature for the same thing, the differences and the refusals; None where nothing is proposed."""
    found = _proposal(context, act, str(subject), str(about))
    return since_last_signature(found[0], found[1].signatures, found[1].refusals) if found else None


@register.simple_tag(takes_context=True)
def may_refuse(context: RequestContext, act: str, subject: object, about: object = "") -> bool:
    """Whether the person at this page could sign, and so refuse."""
    found = _proposal(context, act, str(subject), str(about))
    return found is not None and allowed(context["request"], found[0].permission)


def _proposal(context: RequestContext, act: str, subject: str, about: str) -> tuple[Proposal, Desk] | None:
    """A page with ten forms reads what lies under them once: its desks stand on the request."""
    request = context.get("request")
    if not act or not subject or request is None:
        return None
    desks: dict[str, Desk] = request.__dict__.setdefault(DESKS, {})
    desk = desks.setdefault(subject, Desk(subject, request.user))
    try:
        return proposal_of(act, desk, about), desk
    except DomainError:  # nobody is asked to sign this now; the form says why when it is sent
        return None
