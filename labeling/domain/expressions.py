"""The small language of protocol results: `+ - * / **`, numbers, references, `exp ln sqrt min max sum`, `at`.

Python's `ast` reads the text and nothing ever evaluates it as Python: what is not on the list below is refused with
its place. An expression is checked when its protocol is imported, against the kinds of what it refers to.
"""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from functools import cache

from lims.errors import InvalidInput

LONGEST = 500
DEEPEST = 24
MOST_PARTS = 120
LARGEST_EXPONENT = 10
VERSION = "1"
NUMBER = re.compile(r"(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,3})?")
OPERATORS: dict[type[ast.operator], str] = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/", ast.Pow: "**"}
FUNCTIONS = {"exp": (1, 1), "ln": (1, 1), "sqrt": (1, 1), "min": (1, 40), "max": (1, 40), "sum": (1, 40), "at": (2, 2)}


@dataclass(frozen=True, slots=True)
class Literal:
    place: int
    text: str


@dataclass(frozen=True, slots=True)
class Reference:
    """`step.field`, or the key of another result."""

    place: int
    name: str


@dataclass(frozen=True, slots=True)
class Negative:
    place: int
    operand: Expression


@dataclass(frozen=True, slots=True)
class Operation:
    place: int
    sign: str
    left: Expression
    right: Expression


@dataclass(frozen=True, slots=True)
class Power:
    place: int
    base: Expression
    exponent: Fraction


@dataclass(frozen=True, slots=True)
class Call:
    place: int
    function: str
    arguments: tuple[Expression, ...]


Expression = Literal | Reference | Negative | Operation | Power | Call


@cache
def parse_expression(text: str) -> Expression:
    """The expression as a tree of what the language knows, or a refusal that says where it stops being one."""
    if len(text) > LONGEST:
        raise fault(LONGEST, f"the expression is longer than {LONGEST} characters")
    source = " ".join(text.split())
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Python's own advice on odd syntax is of no use to a protocol's author
            tree = ast.parse(source, mode="eval")
    except SyntaxError as error:
        raise fault((error.offset or 1) - 1, f"this is no expression ({error.msg})") from None
    except (ValueError, RecursionError, MemoryError):
        raise fault(0, "this is no expression") from None
    return _Reader(source).read(tree.body, depth=0)


def references(expression: Expression) -> Iterator[Reference]:
    """Everything that an expression refers to, in reading order."""
    if isinstance(expression, Reference):
        yield expression
    elif isinstance(expression, Negative):
        yield from references(expression.operand)
    elif isinstance(expression, Operation):
        yield from references(expression.left)
        yield from references(expression.right)
    elif isinstance(expression, Power):
        yield from references(expression.base)
    elif isinstance(expression, Call):
        for argument in expression.arguments:
            yield from references(argument)


class _Reader:
    def __init__(self, source: str) -> None:
        self.source = source
        self.parts = 0

    def read(self, node: ast.expr, *, depth: int) -> Expression:
        self.parts += 1
        if depth > DEEPEST or self.parts > MOST_PARTS:
            raise fault(node.col_offset, "the expression has too many parts")
        readers: dict[type[ast.expr], Callable[[ast.expr, int], Expression]] = {
            ast.Constant: self._literal,
            ast.Name: self._reference,
            ast.Attribute: self._reference,
            ast.UnaryOp: self._sign,
            ast.BinOp: self._operation,
            ast.Call: self._call,
        }
        reader = readers.get(type(node))
        if reader is None:
            raise fault(node.col_offset, f"{self._text(node)} is not part of the language")
        return reader(node, depth)

    def _literal(self, node: ast.expr, depth: int) -> Expression:
        text = self._text(node)
        if not NUMBER.fullmatch(text):
            raise fault(node.col_offset, f"{text} is not a number")
        number = Decimal(text)
        if number and abs(number.adjusted()) > 60:
            raise fault(node.col_offset, f"{text} lies beyond anything that can be measured")
        return Literal(node.col_offset, text)

    def _reference(self, node: ast.expr, depth: int) -> Expression:
        if isinstance(node, ast.Name):
            return Reference(node.col_offset, node.id)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            return Reference(node.col_offset, f"{node.value.id}.{node.attr}")
        raise fault(node.col_offset, f"{self._text(node)} is not a reference such as step.field")

    def _sign(self, node: ast.expr, depth: int) -> Expression:
        assert isinstance(node, ast.UnaryOp)
        operand = self.read(node.operand, depth=depth + 1)
        if isinstance(node.op, ast.USub):
            return Negative(node.col_offset, operand)
        if isinstance(node.op, ast.UAdd):
            return operand
        raise fault(node.col_offset, f"{self._text(node)} is not part of the language")

    def _operation(self, node: ast.expr, depth: int) -> Expression:
        assert isinstance(node, ast.BinOp)
        sign = OPERATORS.get(type(node.op))
        if sign is None:
            raise fault(node.col_offset, f"{self._text(node)} is not part of the language")
        left, right = self.read(node.left, depth=depth + 1), self.read(node.right, depth=depth + 1)
        if sign != "**":
            return Operation(node.col_offset, sign, left, right)
        return Power(node.col_offset, left, _exponent(right))

    def _call(self, node: ast.expr, depth: int) -> Expression:
        assert isinstance(node, ast.Call)
        name = node.func.id if isinstance(node.func, ast.Name) else ""
        if name not in FUNCTIONS or node.keywords:
            raise fault(node.col_offset, f"{self._text(node.func)} is not a function; known are {', '.join(FUNCTIONS)}")
        fewest, most = FUNCTIONS[name]
        if not fewest <= len(node.args) <= most:
            raise fault(node.col_offset, f"{name} takes {fewest if fewest == most else 'one or more'} argument(s)")
        return Call(node.col_offset, name, tuple(self.read(argument, depth=depth + 1) for argument in node.args))

    def _text(self, node: ast.expr) -> str:
        return (ast.get_source_segment(self.source, node) or "this")[:60]


def _exponent(node: Expression) -> Fraction:
    """An exponent is a plain number: it decides the unit of the result, so that no measured value may stand there."""
    sign = 1
    while isinstance(node, Negative):
        sign, node = -sign, node.operand
    if not isinstance(node, Literal):
        raise fault(node.place, "an exponent is a plain number")
    exponent = sign * Fraction(node.text)
    if abs(exponent) > LARGEST_EXPONENT or exponent.denominator > LARGEST_EXPONENT:
        raise fault(node.place, f"an exponent lies between -{LARGEST_EXPONENT} and {LARGEST_EXPONENT}")
    return exponent


def fault(place: int, detail: str) -> InvalidInput:
    return InvalidInput(f"At character {place + 1}: {detail}.", code="expression_invalid", place=place + 1)
