"""The nuclide library: every value has a unit, an uncertainty and a source."""

from __future__ import annotations

import math

import pytest

from labeling.domain.nuclides import library, nuclide, nuclide_with, parse_nuclides
from labeling.domain.uncertainty import nominal, standard_uncertainty
from lims.errors import InvalidInput


def test_every_nuclide_has_its_source_its_uncertainty_and_the_day_it_was_read() -> None:
    for known in library().values():
        assert known.source == "ENSDF"
        assert known.retrieved
        assert known.emissions
        assert 0 < standard_uncertainty(known.half_life) < 0.01 * nominal(known.half_life)


@pytest.mark.parametrize(
    ("code", "hours"),
    [
        ("Zr-89", 78.41),
        ("Zr-88", 83.4 * 24),
        ("Y-88", 106.65 * 24),
        ("Y-87", 79.8),
        ("Zn-65", 244.06 * 24),
        ("V-48", 15.97 * 24),
        ("Co-56", 77.23 * 24),
        ("In-111", 67.31),
        ("Ga-68", 67.71 / 60),
        ("Ga-67", 78.28),
        ("Cu-64", 12.70),
        ("F-18", 109.77 / 60),
        ("Tc-99m", 6.007),
        ("C-11", 20.39 / 60),
        ("Lu-177", 6.645 * 24),
    ],
)
def test_a_half_life_agrees_with_what_others_publish(code: str, hours: float) -> None:
    assert math.isclose(nominal(nuclide(code).half_life) / 3600, hours, rel_tol=2e-3)


@pytest.mark.parametrize(
    ("value", "u", "unit", "stated"),
    [
        ("78.41", "0.12", "h", "78.41(12) h"),
        ("83.4", "0.3", "d", "83.4(3) d"),
        ("12.7006", "0.0020", "h", "12.7006(20) h"),
        ("3.3", None, "d", "3.3 d"),
        ("80", "1.5", "d", "80 ± 1.5 d"),
    ],
)
def test_a_half_life_is_stated_as_tables_do(value: str, u: str | None, unit: str, stated: str) -> None:
    assert nuclide_with("X-1", half_life=value, unit_symbol=unit, u=u, source="a table").stated == stated


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ('half_life: {value: "0", unit: h}', "greater than zero"),
        ('half_life: {value: "-3", unit: h}', "greater than zero"),
        ('half_life: {value: "3", unit: MBq}', "unit of time"),
        ('half_life: {value: "3,2", unit: h}', "ambiguous"),
        ('half_live: {value: "3", unit: h}', "no key"),
    ],
)
def test_a_half_life_that_cannot_be_is_refused_with_its_line(line: str, says: str) -> None:
    document = f"nuclides:\n  - nuclide: X-1\n    {line}\n    source: a table\n    retrieved: 2026-01-01\n"
    with pytest.raises(InvalidInput, match="Line ") as refusal:
        parse_nuclides(document)
    assert says in str(refusal.value.details["errors"])


def test_a_nuclide_that_is_not_in_the_library_is_refused_with_those_that_are() -> None:
    with pytest.raises(InvalidInput, match="Zr-89"):
        nuclide("Zr89")
