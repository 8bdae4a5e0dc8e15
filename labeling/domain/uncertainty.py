"""First-order uncertainty (GUM, JCGM 100:2008, 5.1 and 5.2) through `uncertainties`, behind the few words used here.

A `Number` is a float, or a float with the independent variables it depends on. Two results that stand on the same
reading, the same calibration factor or the same half-life share that variable, so that what they have in common
cancels in a ratio as it does in the laboratory. A float is a number whose uncertainty is zero or was never stated.
"""

from __future__ import annotations

import math
from typing import TypeAlias

import uncertainties
from uncertainties import umath
from uncertainties.core import AffineScalarFunc

Number: TypeAlias = float | AffineScalarFunc

LN2 = math.log(2)


def variable(value: float, u: float | None, name: str) -> Number:
    """An independent variable; exact where its uncertainty is zero or not stated."""
    return uncertainties.ufloat(value, u, tag=name) if u else value


def nominal(number: Number) -> float:
    return float(uncertainties.nominal_value(number))


def standard_uncertainty(number: Number) -> float:
    return float(uncertainties.std_dev(number))


def exp(number: Number) -> Number:
    return umath.exp(number) if isinstance(number, AffineScalarFunc) else math.exp(number)


def ln(number: Number) -> Number:
    return umath.log(number) if isinstance(number, AffineScalarFunc) else math.log(number)


def sqrt(number: Number) -> Number:
    return umath.sqrt(number) if isinstance(number, AffineScalarFunc) else math.sqrt(number)


def decay_mean(x: Number) -> Number:
    """(1 − exp(−x)) / x, the mean of exp(−s) for s from 0 to x, without the cancellation that small x would bring."""
    mean: Number = _decay_mean(x)
    return mean


def _mean(x: float) -> float:
    return -math.expm1(-x) / x if x else 1.0


def _mean_slope(x: float) -> float:
    if abs(x) < 1e-4:
        return -0.5 + x / 3
    return ((1 + x) * math.exp(-x) - 1) / x**2


_decay_mean = uncertainties.wrap(_mean, [_mean_slope])


def contributions(number: Number) -> dict[str, float]:
    """What each variable contributes to the standard uncertainty, largest first: the uncertainty budget."""
    if not isinstance(number, AffineScalarFunc):
        return {}
    parts = {str(source.tag): abs(part) for source, part in number.error_components().items() if part}
    return dict(sorted(parts.items(), key=lambda item: -item[1]))
