"""Decay as an independent program calculates it. Its data are for comparison alone and are never shipped."""

from __future__ import annotations

import pytest
import radioactivedecay
from hypothesis import given, settings
from hypothesis import strategies as st

from labeling.domain.decay import decay_factor
from labeling.domain.nuclides import library

# Nuclides whose half-life both know. Its set (ICRP-107) and the evaluations of the library differ in the last digits.
SHARED = ["Zr-89", "Zr-88", "Y-88", "In-111", "Ga-68", "Cu-64", "F-18", "Tc-99m", "Lu-177"]


@settings(max_examples=20)
@given(hours=st.floats(0, 14 * 24), code=st.sampled_from(SHARED))
def test_the_same_half_life_gives_the_same_activity(hours: float, code: str) -> None:
    half_life_s = float(radioactivedecay.Nuclide(code).half_life("s"))
    inventory = radioactivedecay.Inventory({code: 1e6}, "Bq").decay(hours, "h")
    theirs = inventory.activities("Bq").get(code, 0.0)
    ours = 1e6 * float(decay_factor(hours * 3600, half_life_s))
    assert ours == pytest.approx(theirs, rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("code", SHARED)
def test_no_half_life_of_the_library_is_far_from_theirs(code: str) -> None:
    """A typing error in a half-life (68 min printed as 40080 s is a published one) would show here."""
    theirs = float(radioactivedecay.Nuclide(code).half_life("s"))
    ours = library()[code].half_life
    assert getattr(ours, "nominal_value", ours) == pytest.approx(theirs, rel=0.01)
