"""What stored waste has to decay to before a survey may release it: a limit of the site, never a person's alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings

from labeling.domain.decay_storage import becquerel, earliest_release
from labeling.domain.uncertainty import variable
from labeling.models import Container, DecayStorage
from labeling.selectors.ledgers import MBQ, half_life_of


@dataclass(frozen=True, slots=True)
class Clearance:
    """The limit that holds for a container, where it comes from, and from when on it may be surveyed for release."""

    limit: Mapping[str, str]
    source: str
    earliest: datetime


def site_limit(nuclide: str) -> dict[str, str] | None:
    stated = settings.CLEARANCE_LIMITS.get(nuclide, "").split()
    return {"value": stated[0], "unit": stated[1]} if stated else None


def clearance_of(row: Container, storage: DecayStorage) -> Clearance | None:
    """None where the site has set no limit for the nuclide: then nothing releases it.

    A stricter limit that was stated when it was stored goes before the site's. What was stored before the site set its
    limit waits until both its ten half-lives and the decay to that limit are over.
    """
    site, half_life = site_limit(row.nuclide), half_life_of(row)
    if site is None or half_life is None:
        return None
    limit, source = site, settings.CLEARANCE_SOURCE
    if storage.limit and becquerel(storage.limit) <= becquerel(site):
        limit, source = storage.limit, storage.limit_source
    activity = None
    if storage.activity is not None:
        activity = variable(float(storage.activity) * MBQ, float(storage.u or 0) * MBQ, "stored activity")
    decayed = earliest_release(
        stored_at=storage.stored_at, half_life=half_life, activity=activity, limit=becquerel(limit)
    )
    return Clearance(limit, source, max(decayed, storage.earliest_release_at))


def no_limit(row: Container) -> str:
    """What to do where the site has set none, in a sentence."""
    return (
        f"The site has set no clearance limit for {row.nuclide or 'this nuclide'}, so {row.code} stays in decay"
        " storage. Radiation safety has the limit of the permit entered as LIMS_CLEARANCE_LIMITS; then it is surveyed."
    )
