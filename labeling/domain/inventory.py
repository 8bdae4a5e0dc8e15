"""The activity of many readings at once: what a stock list, a trend or a licence limit asks of a whole site."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from labeling.domain.uncertainty import LN2, Number, nominal, standard_uncertainty

Floats = NDArray[np.float64]

BLOCK = 8192


def activities_at(
    activities: Floats, elapsed: Floats, half_life: Number, *, u: Floats | float = 0.0
) -> tuple[Floats, Floats]:
    """Each activity after its own elapsed time, and its standard uncertainty, in the unit of the activities.

    `elapsed` and `half_life` are in seconds, `elapsed` negative where the wanted instant lies before the reading; `u`
    holds the standard uncertainties of the readings. With x = ln 2 · elapsed / T the law is A = A0 · exp(−x), and first
    order (GUM 5.1.2) has a closed form: u(A) = exp(−x) · sqrt(u(A0)² + (A0 · x · u(T) / T)²). The half-life is shared
    by all of them: two results are not independent where its part counts.
    """
    rate = -LN2 / nominal(half_life)
    relative_u = standard_uncertainty(half_life) / nominal(half_life)
    spread = np.broadcast_to(np.asarray(u, dtype=np.float64), activities.shape)
    # One piece of memory, filled in blocks that stay in the cache: fresh pages cost more than the arithmetic.
    decayed, uncertainty = np.empty((2, activities.size))
    for start in range(0, activities.size, BLOCK):
        block = slice(start, start + BLOCK)
        minus_x = elapsed[block] * rate
        factors = np.exp(minus_x)
        decayed[block] = factors * activities[block]
        own, shared = factors * spread[block], decayed[block] * minus_x * relative_u
        uncertainty[block] = np.sqrt(own * own + shared * shared)
    return decayed, uncertainty
