"""What the site holds of each nuclide at one instant, against the limit of its licence."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

import numpy as np
from django.conf import settings
from django.db.models import Q

from labeling.domain.decay import reaches_back
from labeling.domain.inventory import activities_at
from labeling.domain.uncertainty import variable
from labeling.domain.units import convert
from labeling.models import Container
from labeling.selectors.containers import in_words
from labeling.selectors.ledgers import MBQ

Json = dict[str, Any]


def inventory(*, at: datetime) -> list[Json]:
    """What the site holds of each nuclide at `at`, against the limit of its licence (RAD-11)."""
    rows = list(
        Container.objects.exclude(status__in=(Container.Status.CLEARED, Container.Status.DISPATCHED))
        .filter(Q(recorded_at__lte=at) | Q(content_at__lte=at))  # what was not there yet held nothing
        .values_list("nuclide", "half_life", "half_life_u", "content", "content_u", "content_at")
    )
    codes = sorted({row[0] for row in rows if row[0]} | set(settings.LICENCE_LIMITS))
    return [_held(code, [row for row in rows if row[0] == code], at) for code in codes]


def _held(code: str, rows: list[tuple[Any, ...]], at: datetime) -> Json:
    total, square, stated = 0.0, 0.0, True
    known = [
        row
        for row in rows
        if row[3] is not None and row[1] is not None and reaches_back((at - row[5]).total_seconds(), row[1])
    ]
    for half_life, half_life_u in sorted({(row[1], row[2] or 0.0) for row in known}):
        group = [row for row in known if (row[1], row[2] or 0.0) == (half_life, half_life_u)]
        activities = np.array([row[3] for row in group])
        elapsed = np.array([(at - row[5]).total_seconds() for row in group])
        u = np.array([row[4] or 0.0 for row in group])
        decayed, spread = activities_at(activities, elapsed, variable(half_life, half_life_u, "half-life"), u=u)
        total += float(decayed.sum())
        square += float((spread**2).sum())
        stated = stated and bool(((u > 0) | (activities == 0)).all())
    limit = settings.LICENCE_LIMITS.get(code)
    allowed = float(convert(Decimal(limit.split()[0]), limit.split()[1], "Bq")) if limit else None
    return {
        "nuclide": code,
        "containers": len(rows),
        "unknown": len(rows) - len(known),
        "activity": {"value": repr(total / MBQ), "unit": "MBq", "u": repr(square**0.5 / MBQ) if stated else None},
        "display": in_words(variable(total, square**0.5 if stated else None, "inventory")),
        "limit": {"value": repr(allowed / MBQ), "unit": "MBq"} if allowed else None,
        "limit_display": in_words(allowed) if allowed else "",
        "share_percent": f"{total / allowed * 100:.3g}" if allowed else None,
        "state": "none" if not allowed else "within" if total <= allowed else "over",
    }
