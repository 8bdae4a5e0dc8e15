"""A value on its way through a calculation: canonical units, uncertainty, the unit it was given in, its instant."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from labeling.domain.uncertainty import Number, nominal
from labeling.domain.units import Unit


@dataclass(frozen=True, slots=True, eq=False)
class Quantity:
    """A value under the name by which people know it: that of an input, or `step.field`.

    `amount` is in the canonical unit of its dimension (Bq, s, L, g, cells). `unstated` names what contributed without
    a stated uncertainty; `states_u` is true where something contributed one.
    """

    name: str
    amount: Number
    unit: Unit
    typed: str = ""
    unstated: tuple[str, ...] = ()
    states_u: bool = False

    def in_unit(self, unit: Unit) -> Number:
        return in_unit(self.amount, unit)

    @property
    def value(self) -> float:
        return nominal(self.amount)


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Reading(Quantity):
    """A quantity of one instant."""

    at: datetime


@dataclass(frozen=True, slots=True)
class Moment:
    """The instant of an entry whose value is no quantity, such as a check or a lot."""

    name: str
    at: datetime


def measured(
    name: str,
    amount: Number,
    unit: Unit,
    *,
    typed: str = "",
    unstated: tuple[str, ...] = (),
    states_u: bool = False,
    at: datetime | None = None,
) -> Quantity:
    """A reading where there is an instant, a quantity otherwise."""
    if at is None:
        return Quantity(name, amount, unit, typed, unstated, states_u)
    return Reading(name, amount, unit, typed, unstated, states_u, at=at)


def in_unit(amount: Number, unit: Unit) -> Number:
    """A canonical amount expressed in `unit`, by the operation that leaves the least binary noise."""
    if unit.offset:
        return (amount - float(unit.offset)) / float(unit.factor)
    return amount * float(1 / unit.factor) if unit.factor < 1 else amount / float(unit.factor)


def unstated_among(quantities: Iterable[Quantity]) -> tuple[str, ...]:
    """The names of what stated no uncertainty, each once, in their order."""
    return tuple(dict.fromkeys(name for quantity in quantities for name in quantity.unstated))
