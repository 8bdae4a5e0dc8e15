"""Calculating a protocol's expression from recorded values, with uncertainty, decay correction and the written line."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction

from labeling.domain import worksheet
from labeling.domain.decay import decay_factor
from labeling.domain.expressions import Call, Expression, Literal, Negative, Operation, Power, Reference
from labeling.domain.measurements import Moment, Quantity, Reading
from labeling.domain.quantities import seconds_between
from labeling.domain.uncertainty import Number, exp, ln, nominal, sqrt
from lims.errors import InvalidInput


@dataclass(frozen=True, slots=True)
class Value:
    """An intermediate value: canonical amount, the power of decay it follows, its instant, and how it is written."""

    amount: Number
    written: str
    decays: Fraction = Fraction(0)
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Operand:
    """What a reference stands for, and the power of decay that it follows (0 where it does not decay)."""

    item: Quantity | Moment
    decays: Fraction


Lookup = Callable[[str], Operand]


@dataclass(frozen=True, slots=True)
class Calculator:
    """Works out an expression whose kinds were checked when its protocol was imported."""

    lookup: Lookup
    half_life: Number

    def value(self, expression: Expression) -> Value:
        if isinstance(expression, Literal):
            return Value(float(expression.text), expression.text)
        if isinstance(expression, Reference):
            return self._reference(expression)
        if isinstance(expression, Negative):
            operand = self.value(expression.operand)
            return Value(-operand.amount, f"−{operand.written}", operand.decays, operand.at)
        if isinstance(expression, Power):
            return self._power(expression)
        if isinstance(expression, Operation):
            return self._operation(expression)
        return self._call(expression)

    def _reference(self, reference: Reference) -> Value:
        operand = self.lookup(reference.name)
        item = operand.item
        assert isinstance(item, Quantity), f"{reference.name} was checked to be a quantity"
        written = f"{item.typed or worksheet.number(item.in_unit(item.unit))}{worksheet.suffix(item.unit)}"
        return Value(item.amount, written, operand.decays, item.at if isinstance(item, Reading) else None)

    def _power(self, power: Power) -> Value:
        base = self.value(power.base)
        if nominal(base.amount) < 0 and power.exponent.denominator > 1:
            raise _refuse(f"{base.written} is negative and has no power {power.exponent}")
        if not nominal(base.amount) and power.exponent < 0:
            raise _refuse(f"division by zero: {base.written} stands in a divisor", "division_by_zero")
        exponent = float(power.exponent) if power.exponent.denominator > 1 else int(power.exponent)
        return _settled(
            base.amount**exponent, f"({base.written})^{power.exponent}", base.decays * power.exponent, base.at
        )

    def _operation(self, operation: Operation) -> Value:
        left, right = self.value(operation.left), self.value(operation.right)
        written = f"{_nested(operation.left, left)} {_SIGNS[operation.sign]} {_nested(operation.right, right)}"
        at = left.at if left.decays else right.at
        if operation.sign == "+":
            return Value(left.amount + right.amount, written, left.decays, at)
        if operation.sign == "-":
            return Value(left.amount - right.amount, written, left.decays, at)
        if operation.sign == "*":
            return _settled(left.amount * right.amount, written, left.decays + right.decays, at)
        if not nominal(right.amount):
            raise _refuse(f"division by zero: {right.written} stands in a divisor", "division_by_zero")
        return _settled(left.amount / right.amount, written, left.decays - right.decays, at)

    def _call(self, call: Call) -> Value:
        if call.function == "at":
            return self._at(call)
        values = [self.value(argument) for argument in call.arguments]
        written = f"{call.function}({', '.join(value.written for value in values)})"
        first = values[0]
        if call.function in ("min", "max"):
            choose = min if call.function == "min" else max
            return Value(choose((value.amount for value in values), key=nominal), written, first.decays, first.at)
        if call.function == "sum":
            return Value(sum(value.amount for value in values), written, first.decays, first.at)
        if call.function == "exp":
            return Value(exp(first.amount), written)
        if call.function == "sqrt" and nominal(first.amount) >= 0:
            return _settled(sqrt(first.amount), written, first.decays / 2, first.at)
        if call.function == "ln" and nominal(first.amount) > 0:
            return Value(ln(first.amount), written)
        raise _refuse(f"{written} has no value: what stands in it is not above zero")

    def _at(self, call: Call) -> Value:
        value, reference = self.value(call.arguments[0]), call.arguments[1]
        assert isinstance(reference, Reference), "at() was checked to have a reading as its second part"
        moment = self.lookup(reference.name).item
        if value.at is None or not isinstance(moment, Reading | Moment):
            raise _refuse(f"{value.written} or {reference.name} has no instant to correct between")
        elapsed = seconds_between(value.at, moment.at) * float(value.decays)
        factor = decay_factor(elapsed, self.half_life)
        half_life = worksheet.in_hours(self.half_life)
        written = f"({value.written} × exp(−ln 2 × {worksheet.hours(elapsed)} / {half_life}))"
        return Value(value.amount * factor, written, value.decays, moment.at)


_SIGNS = {"+": "+", "-": "−", "*": "×", "/": "/"}


def _nested(expression: Expression, value: Value) -> str:
    return f"({value.written})" if isinstance(expression, Operation) else value.written


def _settled(amount: Number, written: str, decays: Fraction, at: datetime | None) -> Value:
    return Value(amount, written, decays, at if decays else None)


def _refuse(detail: str, code: str = "not_computable") -> InvalidInput:
    return InvalidInput(f"{detail[0].upper()}{detail[1:]}.", code=code)
