"""Waste that waits until it has decayed: the earliest date on which a survey may confirm that it is gone."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import datetime, timedelta

from labeling.domain.quantities import parse_nonnegative
from labeling.domain.uncertainty import LN2, Number, nominal, standard_uncertainty
from labeling.domain.units import dimension_of, unit, wrong_unit
from lims.errors import InvalidInput

HALF_LIVES = 10
LONGEST_HALF_LIFE = timedelta(days=120)  # 10 CFR 35.92(a): what lives longer is disposed of otherwise
COVERAGE = 2.0


def earliest_release(
    *, stored_at: datetime, half_life: Number, activity: Number | None = None, limit: float | None = None
) -> datetime:
    """When stored waste may be surveyed for release at the earliest, to the full second.

    With a clearance limit (Bq) and a known activity (Bq, at `stored_at`): t = T · log2(A / limit), with A at the upper
    end of its uncertainty (k = 2). Else after ten half-lives, which is a habit and no proof: 37 MBq are 36 kBq then,
    and impurities outlast it. Refused: a half-life above 120 d. Source: 10 CFR 35.92; the decay law.
    """
    if nominal(half_life) > LONGEST_HALF_LIFE.total_seconds():
        raise InvalidInput(
            f"Waste with a half-life of {nominal(half_life) / 86400:.0f} d is not stored for decay; 120 d is the most "
            "(10 CFR 35.92). Hand it over to a disposal route of its own.",
            code="half_life_too_long",
            field="container",
        )
    if limit is None or activity is None:
        return stored_at + timedelta(seconds=math.ceil(HALF_LIVES * nominal(half_life)))
    most = nominal(activity) + COVERAGE * standard_uncertainty(activity)
    if most <= limit:
        return stored_at
    return stored_at + timedelta(seconds=math.ceil(nominal(half_life) * math.log(most / limit) / LN2))


def becquerel(limit: Mapping[str, str]) -> float:
    """A clearance limit, {"value", "unit"}, in Bq. Refused: what is no activity, and zero."""
    number = parse_nonnegative(limit.get("value", ""), field="limit.value")
    given = unit(limit.get("unit", ""), field="limit.unit")
    if given.dimension != dimension_of("Bq"):
        raise wrong_unit(given, dimension_of("Bq"), field="limit.unit")
    if not number:
        raise InvalidInput("A limit of zero is never reached.", code="not_positive", field="limit.value")
    return float(given.to_canonical(number))
