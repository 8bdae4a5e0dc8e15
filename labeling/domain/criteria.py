"""The only comparison of a result with a limit. Absence never passes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Context, Decimal
from enum import StrEnum

from labeling.domain.quantities import Bound, parse_number, parse_value
from lims.errors import InvalidInput

# Computed results pass through binary arithmetic: its noise, in the 16th digit, must not move one over a limit.
COMPUTED = Context(prec=12, rounding=ROUND_HALF_UP)
EXACT = Context(prec=200, rounding=ROUND_HALF_UP)
NOT_FINITE = re.compile(r"[+-]?(s?nan|inf|infinity)", re.IGNORECASE)


class Verdict(StrEnum):
    PASS = "pass"  # noqa: S105
    FAIL = "fail"
    MISSING = "missing"
    INCONCLUSIVE = "inconclusive"


@dataclass(frozen=True, slots=True)
class Criterion:
    """Limits as they are written, because their decimals say how a result is rounded; or the choices that conform."""

    min: str | None = None
    max: str | None = None
    accept: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.accept and (self.min is not None or self.max is not None):
            raise _invalid("A criterion has either limits or accepted choices, not both.")
        if not self.accept and self.min is None and self.max is None:
            raise _invalid("A criterion needs a minimum, a maximum or accepted choices: nothing to meet is never met.")
        if any(not choice.strip() for choice in self.accept):
            raise _invalid("An accepted choice cannot be blank: a result that is absent would match it.")
        lower, upper = self.limits
        if lower is not None and upper is not None and lower > upper:
            raise _invalid(f"The minimum {self.min} is greater than the maximum {self.max}.")

    @property
    def limits(self) -> tuple[Decimal | None, Decimal | None]:
        lower = None if self.min is None else parse_number(self.min, field="min")
        upper = None if self.max is None else parse_number(self.max, field="max")
        return lower, upper


def criterion_from(document: object) -> Criterion:
    """A criterion in the form of `criteria.json`: `{"min"?, "max"?, "accept"?}`, limits as decimal strings."""
    if not isinstance(document, Mapping):
        raise _invalid('A criterion is an object such as {"min": "95.0"}.')
    unknown = sorted(str(key) for key in document.keys() - {"min", "max", "accept"})
    if unknown:
        raise _invalid(f'A criterion has no "{unknown[0]}": it has "min", "max" and "accept".')
    accept = document.get("accept") or ()
    if not isinstance(accept, list | tuple) or not all(isinstance(choice, str) for choice in accept):
        raise _invalid('"accept" is a list of texts.')
    return Criterion(min=_limit(document, "min"), max=_limit(document, "max"), accept=tuple(accept))


def judge(criterion: Criterion, result: str | None) -> Verdict:
    """Does a result, as written, meet its criterion?

    A number is rounded to the decimals each limit is written with, half away from zero (USP General Notices 7.20,
    Ph. Eur. General Notices 1.4), and compared. A bound such as `<0.05` stands for every value below it.
    """
    if result is None or not result.strip():
        return Verdict.MISSING
    if criterion.accept:
        return Verdict.PASS if result in criterion.accept else Verdict.FAIL
    if NOT_FINITE.fullmatch(result.strip()):
        return Verdict.MISSING
    value = parse_value(result, field="result")
    if value.bound is not Bound.NONE:
        return _judge_bound(criterion, value.bound, value.number)
    return _judge_number(criterion, value.number)


def judge_computed(criterion: Criterion, value: str | None) -> Verdict:
    """Judge a computed result: brought to 12 significant digits first."""
    if value is None or criterion.accept or not value.strip() or NOT_FINITE.fullmatch(value.strip()):
        return judge(criterion, value)
    return _judge_number(criterion, COMPUTED.plus(parse_number(value, field="value")))


def round_to_decimals_of(value: Decimal, limit: Decimal) -> Decimal:
    """`value` with as many decimals as `limit` is written with, half away from zero."""
    decimals = _decimals(limit)
    if value.adjusted() + decimals >= EXACT.prec:
        return value  # far more digits than either is written with: nothing is left to round
    return value.quantize(Decimal(1).scaleb(-decimals), context=EXACT)


def _judge_number(criterion: Criterion, value: Decimal) -> Verdict:
    lower, upper = criterion.limits
    if lower is not None and round_to_decimals_of(value, lower) < lower:
        return Verdict.FAIL
    if upper is not None and round_to_decimals_of(value, upper) > upper:
        return Verdict.FAIL
    return Verdict.PASS


def _judge_bound(criterion: Criterion, bound: Bound, edge: Decimal) -> Verdict:
    """Pass when every value the bound may stand for conforms, fail when none does; the bound itself is not rounded."""
    lower, upper = criterion.limits
    near, far = (upper, lower) if bound.is_upper else (lower, upper)
    sign = 1 if bound.is_upper else -1  # mirrored, so that the values lie below the edge in both cases
    if far is not None:
        beyond = sign * edge < sign * far or (edge == far and not bound.includes_edge)
        return Verdict.FAIL if beyond else Verdict.INCONCLUSIVE
    assert near is not None, "a criterion without accepted choices has a limit"
    return Verdict.PASS if sign * edge <= sign * near else Verdict.INCONCLUSIVE


def _decimals(limit: Decimal) -> int:
    exponent = limit.as_tuple().exponent
    assert isinstance(exponent, int), "limits are finite"
    return max(-exponent, 0)


def _limit(document: Mapping[str, object], name: str) -> str | None:
    limit = document.get(name)
    if limit is None:
        return None
    if isinstance(limit, bool) or not isinstance(limit, str | int):
        raise _invalid(f'"{name}" is a decimal string such as "95.0": its decimals say how a result is rounded.')
    return str(parse_number(str(limit), field=name))


def _invalid(message: str) -> InvalidInput:
    return InvalidInput(message, code="criterion_invalid", field="criterion")
