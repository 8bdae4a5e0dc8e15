"""What people type is read as they mean it, or refused with the name of the field."""

from __future__ import annotations

from decimal import Decimal

import pytest

from labeling.domain.magnitudes import magnitude_warning
from labeling.domain.quantities import Bound, parse_instant, parse_nonnegative, parse_number, parse_value
from labeling.domain.units import Dimension, convert, dimension_of, unit, units
from lims.errors import InvalidInput


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("1.5e6", "1.5e6"),
        ("1 500", "1500"),
        ("1\u202f500\u00a0000.5", "1500000.5"),
        ("12.0", "12.0"),
        ("8.291e+07", "8.291e7"),
        ("−20", "-20"),
        ("+3", "3"),
        (".5", "0.5"),
        (" 7 ", "7"),
        (7, "7"),
        (0.1, "0.1"),
        (Decimal("0.10"), "0.10"),
    ],
)
def test_a_number_is_read(typed: object, meant: str) -> None:
    number = parse_number(typed, field="volume")
    assert number == Decimal(meant)


def test_the_decimals_that_were_typed_are_kept() -> None:
    assert str(parse_number("12.00", field="volume")) == "12.00"


@pytest.mark.parametrize(
    ("typed", "code"),
    [
        ("3,2", "ambiguous_number"),
        ("1,234", "ambiguous_number"),
        ("1,234.5", "ambiguous_number"),
        ("1.234,5", "ambiguous_number"),
        ("1 50", "ambiguous_number"),
        ("1.2.3", "not_a_number"),
        ("NaN", "not_a_number"),
        ("inf", "not_a_number"),
        ("-Infinity", "not_a_number"),
        ("1_000", "not_a_number"),
        ("0x10", "not_a_number"),
        ("٣", "not_a_number"),
        ("1e999", "not_a_number"),
        ("1e61", "not_a_number"),
        ("9" * 100, "not_a_number"),
        ("5 MBq", "not_a_number"),
        ("<5", "not_a_number"),
        ("", "missing_value"),
        ("  ", "missing_value"),
        (True, "not_a_number"),
        (None, "not_a_number"),
    ],
)
def test_what_is_no_number_or_could_be_two_is_refused_with_its_field(typed: object, code: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        parse_number(typed, field="volume")
    assert refusal.value.code == code
    assert refusal.value.message.startswith("volume: ")
    assert refusal.value.details["field"] == "volume"


def test_a_negative_activity_is_refused() -> None:
    with pytest.raises(InvalidInput) as refusal:
        parse_nonnegative("-1", field="starting")
    assert refusal.value.code == "negative_value"


@pytest.mark.parametrize(
    ("typed", "bound"),
    [("<0.05", "<"), ("<= 0.05", "<="), ("≤0.05", "<="), (">0.05", ">"), ("≥0.05", ">="), ("0.05", "")],
)
def test_a_bound_is_read(typed: str, bound: str) -> None:
    value = parse_value(typed, field="endotoxin")
    assert value.number == Decimal("0.05")
    assert value.bound is Bound(bound)


@pytest.mark.parametrize("typed", ["2026-03-02T08:00:00+01:00", "2026-03-02T07:00:00Z", "2026-03-02 02:00-05:00"])
def test_an_instant_is_the_same_in_every_zone(typed: str) -> None:
    assert parse_instant(typed) == parse_instant("2026-03-02T07:00:00+00:00")


@pytest.mark.parametrize(
    ("typed", "code"),
    [
        ("2026-03-02T08:00:00", "naive_time"),
        ("2026-03-02", "naive_time"),
        ("08:00", "not_a_time"),
        ("02.03.2026 08:00", "not_a_time"),
        ("0001-01-01T00:00:00+14:00", "not_a_time"),
        ("", "missing_value"),
        (None, "missing_value"),
    ],
)
def test_what_is_no_instant_is_refused(typed: object, code: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        parse_instant(typed, field="at")
    assert refusal.value.code == code


# --- units


@pytest.mark.parametrize(
    ("value", "given", "wanted", "expected"),
    [
        ("5.00", "mCi", "MBq", "185"),
        ("120", "µCi", "kBq", "4440"),
        ("120", "μCi", "uCi", "120"),
        ("1", "kBq/10⁶ cells", "mBq/cell", "1"),
        ("80", "kBq/10^6 cells", "kBq/1e6 cells", "80"),
        ("60", "10^6 cells", "cells", "60e6"),
        ("1", "bar", "kPa", "100"),
        ("300.15", "K", "°C", "27"),
        ("12", "MBq/mL", "kBq/uL", "12"),
        ("1", "d", "h", "24"),
        ("0.5", "1", "%", "50"),
    ],
)
def test_units_convert_exactly(value: str, given: str, wanted: str, expected: str) -> None:
    assert convert(Decimal(value), given, wanted) == Decimal(expected)


@pytest.mark.parametrize(
    ("given", "wanted"), [("MBq", "1/s"), ("mL", "g"), ("cells", "1"), ("EU/mL", "EU/kg"), ("pH", "1")]
)
def test_a_unit_of_another_kind_is_refused(given: str, wanted: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        convert(Decimal(1), given, wanted)
    assert refusal.value.code == "wrong_unit"


def test_a_unit_in_other_letters_is_refused_with_both_that_it_could_be() -> None:
    with pytest.raises(InvalidInput, match="Did you mean mBq or MBq") as refusal:
        unit("mbq")
    assert refusal.value.code == "unknown_unit"


def test_every_unit_says_what_kind_it_is_of() -> None:
    for known in units().values():
        assert str(known.dimension)
        assert known.factor > 0
    assert str(dimension_of("MBq") / dimension_of("mL") ** 2) == "activity per volume^2"
    assert str(Dimension()) == "a plain number"


# --- the magnitude guard


def _warned(value: str, typed: str, **usual: str) -> str | None:
    return magnitude_warning(
        Decimal(value), typed, field_unit="MBq", **{name: Decimal(number) for name, number in usual.items()}
    )


def test_mbq_typed_as_millibecquerel_is_asked_about() -> None:
    assert _warned("75.44", "mBq", minimum="5", maximum="400") == (
        "75.44 mBq and 75.44 MBq are a thousand million apart: is the unit right?"
    )


def test_a_slip_is_seen_where_the_range_begins_at_zero() -> None:
    assert "a thousand million" in str(_warned("1.36", "mBq", minimum="0", maximum="20"))


def test_millicurie_for_megabecquerel_is_seen_by_what_is_expected() -> None:
    assert "a factor of 37" in str(_warned("74", "mCi", expected="74"))
    assert "37 times less" in str(_warned("2.0", "MBq", expected="74"))


@pytest.mark.parametrize("value", ["5", "75", "400", "2.0", "401", "0", "0.0"])
def test_a_value_in_or_near_its_range_is_not_asked_about(value: str) -> None:
    assert _warned(value, "MBq", minimum="5", maximum="400") is None


def test_without_anything_expected_nothing_is_asked() -> None:
    assert _warned("1e-9", "MBq") is None


def test_cells_typed_in_millions_are_asked_about() -> None:
    warning = magnitude_warning(
        Decimal("82.91"), "cells", field_unit="cells", minimum=Decimal("1e6"), maximum=Decimal("1e9")
    )
    assert "a million times less than 8.291e7 cells" in str(warning)
