"""Value and uncertainty are rounded together, once, for people."""

from __future__ import annotations

import pytest

from labeling.domain.display import display, display_recorded, display_unit


@pytest.mark.parametrize(
    ("value", "u", "unit", "shown"),
    [
        ("46.85638239888388", "0.155", "%", "46.86 ± 0.31 %"),
        ("97.89282637523024", "2.9554352806665345", "MBq", "97.9 ± 5.9 MBq"),
        ("93.00283668782926", "5.26", "%", "93 ± 11 %"),
        ("9.9996", "0.04999", "%", "10.00 ± 0.10 %"),
        ("-0.5", "0.1", "1/s", "−0.50 ± 0.20 1/s"),
        ("80.0", "6.84332603", "kBq/10^6 cells", "80 ± 14 kBq/10⁶ cells"),
        ("60000000", "4800000", "cells", "(6.00 ± 0.96) × 10⁷ cells"),
        ("46.85638239888388", None, "%", "46.86 %"),
        ("152.9781441735264", None, "MBq", "153.0 MBq"),
        ("9999.96", None, "MBq", "10000 MBq"),
        ("8.291e+07", None, "cells", "8.291 × 10⁷ cells"),
        ("0.0000123456", None, "MBq", "1.235 × 10⁻⁵ MBq"),
        ("0", None, "MBq", "0 MBq"),
        ("6", None, "1", "6.000"),
        ("5", "0", "mL", "5.000 mL"),
        (None, None, "%", ""),
    ],
)
def test_a_result_is_shown(value: str | None, u: str | None, unit: str, shown: str) -> None:
    assert display(value, u, unit) == shown


def test_a_recorded_value_is_shown_as_it_was_typed() -> None:
    assert display_recorded("12.00", "degC") == "12.00 °C"
    assert display_recorded("-15.4", "degC") == "−15.4 °C"
    assert display_recorded("negative", None) == "negative"


@pytest.mark.parametrize(
    ("symbol", "shown"),
    [
        ("kBq/10^6 cells", "kBq/10⁶ cells"),
        ("uCi", "µCi"),
        ("MBq/uL", "MBq/µL"),
        ("MBq/umol", "MBq/µmol"),
        ("ug", "µg"),
        ("1", ""),
        (None, ""),
        ("x g", "× g"),
    ],
)
def test_a_unit_is_shown_with_real_characters(symbol: str | None, shown: str) -> None:
    assert display_unit(symbol) == shown
