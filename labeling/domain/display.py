"""Numbers as people read them: value and expanded uncertainty rounded together, real minus signs and superscripts.

Only here is anything rounded. What is stored, compared and calculated with keeps its full value.
"""

from __future__ import annotations

import re
from decimal import ROUND_HALF_UP, Context, Decimal

from labeling.domain.units import CHARACTERS

COVERAGE = Decimal(2)  # k = 2: about 95 % where the result is close to normally distributed (GUM 6.2)
DIGITS_OF_U = 2
DIGITS_WITHOUT_U = 4
ROUNDING = Context(prec=60, rounding=ROUND_HALF_UP)
SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
EXPONENT = re.compile(r"\^(-?\d+)")


def display(value: str | None, u: str | None = None, unit: str | None = None) -> str:
    """`46.86 ± 0.31 %`, with the expanded uncertainty (k = 2) to two digits; without `u` four significant digits.

    `value` and `u`, a standard uncertainty, are decimal strings in `unit`. No value gives an empty text.
    """
    if value is None:
        return ""
    number = Decimal(value)
    expanded = Decimal(u) * COVERAGE if u is not None else Decimal(0)
    text = _with_uncertainty(number, expanded) if expanded > 0 else rounded(number, DIGITS_WITHOUT_U)
    symbol = display_unit(unit)
    return f"{text} {symbol}" if symbol else text


def display_recorded(value: str, unit: str | None) -> str:
    """A value as it was typed, with its unit: nothing that a person wrote is rounded."""
    symbol = display_unit(unit)
    text = value.strip().replace("-", "−", 1) if value.strip().startswith("-") else value.strip()
    return f"{text} {symbol}" if symbol else text


def display_unit(unit: str | None) -> str:
    """The unit with real superscripts and a real µ: `kBq/10⁶ cells`."""
    if unit is None or unit == "1":
        return ""
    text = re.sub(r"^u(?=[A-Z]|g|mol|L|m)|(?<=/)u(?=[A-Z]|g|mol|L|m)", "µ", unit.translate(CHARACTERS))
    text = text.replace("degC", "°C").replace("x g", "× g")
    return EXPONENT.sub(lambda match: match[1].translate(SUPERSCRIPTS), text)


def rounded(number: Decimal, digits: int) -> str:
    """A number to so many significant digits, half away from zero."""
    if not number:
        return "0"
    exponent = number.adjusted() - digits + 1
    number = number.quantize(Decimal(1).scaleb(exponent), context=ROUNDING)
    if number.adjusted() - digits + 1 > exponent:  # 9.9996 became 10.000: one digit too many
        exponent += 1
        number = number.quantize(Decimal(1).scaleb(exponent), context=ROUNDING)
    return _plain(number, exponent)


def _with_uncertainty(number: Decimal, expanded: Decimal) -> str:
    exponent = expanded.adjusted() - DIGITS_OF_U + 1
    shown = expanded.quantize(Decimal(1).scaleb(exponent), context=ROUNDING)
    if shown.adjusted() - DIGITS_OF_U + 1 > exponent:  # 0.0996 became 0.100
        exponent += 1
        shown = expanded.quantize(Decimal(1).scaleb(exponent), context=ROUNDING)
    value = number.quantize(Decimal(1).scaleb(exponent), context=ROUNDING)
    if _needs_power(max(abs(value), shown), exponent):
        power = max(abs(value), shown).adjusted()
        return f"({_fixed(value.scaleb(-power))} ± {_fixed(shown.scaleb(-power))}) × {power_of_ten(power)}"
    return f"{_fixed(value)} ± {_fixed(shown)}"


def _plain(number: Decimal, exponent: int) -> str:
    if _needs_power(abs(number), exponent):
        power = number.adjusted()
        return f"{_fixed(number.scaleb(-power))} × {power_of_ten(power)}"
    return _fixed(number)


def _needs_power(size: Decimal, exponent: int) -> bool:
    """Where plain digits would claim more than is known, or be hard to read."""
    return bool(size) and (size.adjusted() >= 6 or size.adjusted() < -4 or (exponent > 0 and size.adjusted() >= 5))


def _fixed(number: Decimal) -> str:
    text = f"{number:f}"
    return text.replace("-", "−")


def power_of_ten(power: int) -> str:
    return f"10{str(power).translate(SUPERSCRIPTS)}"
