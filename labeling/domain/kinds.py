"""Kinds of what a protocol refers to: dimension, decay and instant, checked before anything is measured.

A value that decays belongs to an instant. Two that decay mix only at one instant: `at(reading, instant)` brings them
there. What does not decay, such as a volume or a count of cells, mixes with anything.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction

from labeling.domain.expressions import Call, Expression, Literal, Negative, Operation, Power, Reference, fault
from labeling.domain.units import Dimension, dimension_of

PLAIN = dimension_of("1")
COUNT_RATE = dimension_of("1/s")


@dataclass(frozen=True, slots=True)
class Kind:
    """`decays` is the power of the decay law that the value follows: 1 for an activity, 0 for a volume.

    `instant` names the reading whose time the value belongs to. `is_quantity` is false for texts, lots and checks,
    which have an instant and nothing to calculate with.
    """

    dimension: Dimension = PLAIN
    decays: Fraction = Fraction(0)
    instant: str | None = None
    is_quantity: bool = True


def kind_of_reading(dimension: Dimension, *, counts: bool, instant: str) -> Kind:
    """A recorded value: activities and what is made of them decay, and so do counts and count rates."""
    decays = Fraction(1) if counts else dimension.power_of("activity")
    return Kind(dimension, decays, instant)


def kind_of(expression: Expression, lookup: Callable[[Reference], Kind]) -> Kind:
    """The kind an expression has, or a refusal with the place where its parts do not fit."""
    if isinstance(expression, Literal):
        return Kind()
    if isinstance(expression, Reference):
        kind = lookup(expression)
        if not kind.is_quantity:
            raise fault(expression.place, f"{expression.name} is not a quantity to calculate with")
        return kind
    if isinstance(expression, Negative):
        return kind_of(expression.operand, lookup)
    if isinstance(expression, Power):
        base = kind_of(expression.base, lookup)
        return _settled(base.dimension**expression.exponent, base.decays * expression.exponent, base.instant)
    return _operation(expression, lookup) if isinstance(expression, Operation) else _call(expression, lookup)


def _call(call: Call, lookup: Callable[[Reference], Kind]) -> Kind:
    if call.function == "at":
        return _at(call, lookup)
    kinds = [kind_of(argument, lookup) for argument in call.arguments]
    if call.function in ("min", "max", "sum"):
        return _same(call.place, kinds)
    (kind,) = kinds
    if call.function == "sqrt":
        return _settled(kind.dimension ** Fraction(1, 2), kind.decays / 2, kind.instant)
    if kind.dimension != PLAIN or kind.decays:
        raise fault(call.place, f"{call.function} takes a plain number, and this is {kind.dimension}")
    return Kind()


def _at(call: Call, lookup: Callable[[Reference], Kind]) -> Kind:
    value, instant = call.arguments
    if not isinstance(instant, Reference):
        raise fault(instant.place, "the second part of at() is a reading, which stands for its instant")
    moment = lookup(instant)
    if moment.instant is None:
        raise fault(instant.place, f"{instant.name} has no instant")
    kind = kind_of(value, lookup)
    if not kind.decays:
        raise fault(call.place, f"at() corrects for decay, and {kind.dimension} does not decay")
    return replace(kind, instant=moment.instant)


def _same(place: int, kinds: list[Kind]) -> Kind:
    first = kinds[0]
    for kind in kinds[1:]:
        if kind.dimension != first.dimension:
            raise fault(place, f"{first.dimension} and {kind.dimension} do not add up or compare")
        _one_instant(place, first, kind)
        if kind.decays != first.decays:
            raise fault(place, "a value that decays and one that does not do not add up or compare")
    return first


def _operation(operation: Operation, lookup: Callable[[Reference], Kind]) -> Kind:
    left, right = kind_of(operation.left, lookup), kind_of(operation.right, lookup)
    if operation.sign in "+-":
        return _same(operation.place, [left, right])
    _one_instant(operation.place, left, right)
    instant = left.instant if left.decays else right.instant
    if operation.sign == "*":
        return _settled(left.dimension * right.dimension, left.decays + right.decays, instant)
    return _settled(left.dimension / right.dimension, left.decays - right.decays, instant)


def _one_instant(place: int, left: Kind, right: Kind) -> None:
    if left.decays and right.decays and left.instant != right.instant:
        raise fault(
            place,
            f"the readings at {left.instant} and {right.instant} are of different instants;"
            " bring one to the other with at(reading, instant)",
        )


def _settled(dimension: Dimension, decays: Fraction, instant: str | None) -> Kind:
    """Where decay cancels, as in a ratio of two activities at one time, the value holds at every time."""
    return Kind(dimension, decays, instant if decays else None)
