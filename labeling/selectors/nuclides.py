"""Nuclides: the library's values, and those the site has adopted in their place."""

from __future__ import annotations

from typing import Any

from labeling.domain.nuclides import Nuclide, library, nuclide, nuclide_with
from labeling.models import AdoptedNuclide
from lims.signatures.manifestation import signature_row


def nuclide_in_use(code: str) -> Nuclide:
    """The nuclide with the half-life that the next protocol version is made effective with."""
    shipped = nuclide(code)
    adopted = AdoptedNuclide.objects.filter(code=code).order_by("-id").first()
    if adopted is None:
        return shipped
    return nuclide_with(
        code,
        half_life=adopted.half_life,
        unit_symbol=adopted.unit,
        u=adopted.u,
        source=adopted.source,
        daughter=shipped.daughter,
        emissions=shipped.emissions,
    )


def nuclide_row(code: str) -> dict[str, Any]:
    shipped, in_use = nuclide(code), nuclide_in_use(code)
    history = AdoptedNuclide.objects.filter(code=code).select_related("signature").order_by("-id")
    return {
        "code": code,
        "half_life": _half_life(in_use),
        "source": in_use.source,
        "library": {"half_life": _half_life(shipped), "source": shipped.source, "retrieved": shipped.retrieved},
        "daughter": shipped.daughter,
        "emissions": [
            {"energy_kev": e.energy_kev, "per_decay": e.per_decay, "kind": e.kind} for e in shipped.emissions
        ],
        "adopted": [
            {
                "half_life": {"value": row.half_life, "unit": row.unit, "u": row.u},
                "source": row.source,
                "by": {"username": row.signature.username, "full_name": row.signature.full_name},
                "at": row.adopted_at.isoformat(),
                "reason": row.signature.reason,
                "signature": signature_row(row.signature),
            }
            for row in history
        ],
    }


def nuclide_codes() -> list[str]:
    return sorted(library())


def _half_life(known: Nuclide) -> dict[str, str | None]:
    return {"value": known.value, "unit": known.unit, "u": known.u}
