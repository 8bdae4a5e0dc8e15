"""The frame of every page: the site, its clock, and the entries of the navigation that a person's roles open."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django import template
from django.conf import settings
from django.template import Context
from django.utils import timezone

from lims.accounts.actors import actor_of
from lims.accounts.attestation import CodeWanted, code_wanted
from lims.accounts.models import User
from lims.accounts.roles import Permission, may

register = template.Library()


@dataclass(frozen=True, slots=True)
class Place:
    """One entry of the navigation: its word, the URL name behind it, and the permission that shows it."""

    word: str
    url_name: str
    prefixes: tuple[str, ...]
    permission: Permission = Permission.VIEW


PLACES = (
    Place("Today", "labeling:today", ()),
    Place("Batches", "labeling:batches", ("/batches/",)),
    Place("Release", "qc:release", ("/release/",)),
    Place("Records", "labeling:records", ("/records/",)),
    Place("Stock", "labeling:stock", ("/stock/", "/containers/")),
    Place("Instruments", "labeling:instruments", ("/instruments/",)),
    Place("Protocols", "labeling:protocols", ("/protocols/", "/specifications/", "/downtime/")),
    Place("Training", "labeling:training", ("/training/",)),
    Place("People", "people:people", ("/people/",), Permission.MANAGE_PEOPLE),
    Place("Access", "people:access", ("/access/",), Permission.READ_ACCESS),
    Place("Alarms", "oversight:alarms", ("/alarms/", "/health/"), Permission.WATCH),
    Place("Audit", "labeling:audit", ("/audit/",), Permission.READ_AUDIT),
)


@register.simple_tag
def site() -> dict[str, object]:
    return {
        "name": settings.SITE_NAME,
        "demo": settings.DEMO,
        "version": settings.VERSION,
        "now": timezone.now(),
    }


@dataclass(frozen=True, slots=True)
class AskedCode:
    """Whether the code and the key stand open in a signature form, and the sentence that says why or why not."""

    shown: bool
    why: str


ALWAYS = {
    "release": "A release",
    "reject": "A rejection",
    "approve": "An approval",
    "make_effective": "Making a version effective",
    "accept_statement": "Accepting the statement",
}
WHY = {
    CodeWanted.FIRST: "The first signature after signing in, or after ten minutes without one, takes the code or key.",
    CodeWanted.NO: "Within your unbroken sequence of signatures the password is enough.",
}


@register.simple_tag(takes_context=True)
def code_asked(context: Context, form: Any) -> AskedCode:
    """What the person who is signed in needs for this signature form. A second person finds the code folded, and
    whoever was refused finds it open."""
    request = context.get("request")
    user = getattr(request, "user", None)
    if request is None or not isinstance(user, User):
        return AskedCode(shown=True, why="")
    wanted = _code_wanted(request, user, form.slug)
    why = WHY.get(wanted) or f"{ALWAYS[form.slug]} always takes the code or key."
    return AskedCode(shown=wanted is not CodeWanted.NO or bool(form.errors), why=why)


def _code_wanted(request: Any, user: User, act: str) -> CodeWanted:
    """Asked once for a page: whether the sequence of signatures is unbroken is the same for all of its forms."""
    if act in ALWAYS:
        return code_wanted(actor_of(request), user, act)
    kept: dict[int, CodeWanted] = vars(request).setdefault("_code_wanted", {})
    if user.pk not in kept:
        kept[user.pk] = code_wanted(actor_of(request), user, act)
    return kept[user.pk]


@register.inclusion_tag("components/navigation.html", takes_context=True)
def navigation(context: Context) -> dict[str, object]:
    request = context.get("request")
    user = getattr(request, "user", None)
    path = getattr(request, "path", "")
    if not isinstance(user, User):
        return {"places": []}
    shown = [place for place in PLACES if may(user, place.permission)]
    current = next((place for place in shown if path.startswith(place.prefixes)), None) if path != "/" else PLACES[0]
    return {"places": [{"word": place.word, "url_name": place.url_name, "here": place is current} for place in shown]}
