"""What was measured on arrival against what the supplier stated, both at the instant of the measurement."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from labeling.domain.criteria import Criterion, Verdict, judge_computed
from labeling.domain.decay import decay_factor
from labeling.domain.display import display
from labeling.domain.nuclides import Nuclide
from labeling.domain.quantities import seconds_between
from labeling.domain.uncertainty import Number, nominal, standard_uncertainty, variable


@dataclass(frozen=True, slots=True)
class Activity:
    """An activity in MBq at an instant. `u` is its standard uncertainty in MBq, None where nobody stated one."""

    value: float
    at: datetime
    u: float | None = None
    factor_u: float | None = None  # of the instrument's calibration factor, relative


@dataclass(frozen=True, slots=True)
class Arrival:
    """Decimal strings; `u` is a standard uncertainty, None unless both activities state theirs."""

    expected_mbq: str
    difference_percent: str
    u_percent: str | None
    limit_percent: str
    verdict: Verdict
    half_life: str
    worked: tuple[str, ...]


def compare_arrival(*, stated: Activity, measured: Activity, nuclide: Nuclide, limit_percent: str) -> Arrival | None:
    """100 · (measured / stated decayed to the measurement − 1), in %, judged against ± `limit_percent`.

    The stated instant may lie after the measurement: suppliers calibrate for the day of use. Uncertainties of the
    statement, of the reading, of the instrument's factor and of the half-life are first order (GUM 5.1.2). None where
    the supplier states nothing to compare with, an activity of zero. Source: definition; the decay law.
    """
    if stated.value <= 0:
        return None
    elapsed = seconds_between(stated.at, measured.at)
    expected = variable(stated.value, stated.u, "stated") * decay_factor(elapsed, nuclide.half_life)
    factor: Number = variable(1.0, measured.factor_u, "calibration")
    difference = (variable(measured.value, measured.u, "measured") * factor / expected - 1) * 100
    known = stated.u is not None and (measured.u is not None or measured.factor_u is not None)
    value, u = _text(nominal(difference)), _text(standard_uncertainty(difference)) if known else None
    hours, half_life = elapsed / 3600, nominal(nuclide.half_life) / 3600
    return Arrival(
        expected_mbq=_text(nominal(expected)),
        difference_percent=value,
        u_percent=u,
        limit_percent=limit_percent,
        verdict=judge_computed(Criterion(min=f"-{limit_percent}", max=limit_percent), value),
        half_life=nuclide.stated,
        worked=(
            (
                f"expected = {stated.value:.9g} MBq × exp(−ln 2 × {hours:.9g} h / {half_life:.9g} h)"
                f" = {nominal(expected):.9g} MBq"
            ),
            f"difference = 100 × ({measured.value:.9g} / {nominal(expected):.9g} − 1) = {nominal(difference):.9g} %"
            + (f", shown as {display(value, u, '%')}" if u else ""),
        ),
    )


def _text(number: float) -> str:
    return f"{number:.12g}"
