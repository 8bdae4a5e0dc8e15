"""Many readings at once agree with one reading at a time, uncertainty included."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from labeling.domain.decay import decay_factor
from labeling.domain.inventory import activities_at
from labeling.domain.nuclides import nuclide
from labeling.domain.uncertainty import nominal, standard_uncertainty, variable

DAY = 86_400.0
READINGS = st.lists(
    st.tuples(st.floats(1e-3, 1e12), st.floats(-60 * DAY, 60 * DAY), st.floats(0, 1e6)),
    min_size=1,
    max_size=20,
)


@given(READINGS)
def test_many_readings_agree_with_one_at_a_time(readings: list[tuple[float, float, float]]) -> None:
    half_life = nuclide("Zr-89").half_life
    activities, elapsed, u = (np.array(column) for column in zip(*readings, strict=True))
    many, many_u = activities_at(activities, elapsed, half_life, u=u)
    for index, (activity, seconds, own_u) in enumerate(readings):
        one = variable(activity, own_u, "reading") * decay_factor(seconds, half_life)
        assert many[index] == pytest.approx(nominal(one), rel=1e-12)
        assert many_u[index] == pytest.approx(standard_uncertainty(one), rel=1e-9, abs=1e-12 * activity)


def test_no_reading_gives_no_activity() -> None:
    many, u = activities_at(np.array([]), np.array([]), nuclide("Zr-89").half_life)
    assert many.size == u.size == 0
