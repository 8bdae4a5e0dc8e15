"""Quantities on the shelf, and an activity against its statement."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from labeling.domain.arrival import Activity, compare_arrival
from labeling.domain.criteria import Verdict
from labeling.domain.nuclides import nuclide
from labeling.domain.protocol_reading import parse_protocol
from labeling.domain.stock import Amount, amount_text, read_amount
from lims.errors import InvalidInput
from tests.browser.small_batch import PROTOCOL

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
USED = "{key: kit_lot, label: Kit lot, type: lot, material: kit"


@pytest.mark.requirement("PET-40")
def test_amounts_are_read_in_units_of_a_shelf() -> None:
    assert read_amount({"value": "12", "unit": "pieces"}, field="quantity") == Amount(Decimal(12), "piece")
    assert read_amount({"value": "1.5", "unit": "mL"}, field="q").in_unit("uL") == 1500
    assert str(Amount(Decimal("0.250000"), "mL")) == "0.25 mL"
    assert amount_text(Decimal("1E+1")) == "10"


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"value": "0", "unit": "mL"}, "not_positive"),
        ({"value": "-1", "unit": "mL"}, "not_positive"),
        ({"value": "1.5", "unit": "piece"}, "not_whole"),
        ({"value": "5", "unit": "MBq"}, "wrong_unit"),
        ({"value": "5", "unit": ""}, "wrong_unit"),
        ({"value": "0.0000001", "unit": "mL"}, "too_long"),
        ({"value": "1,5", "unit": "mL"}, "ambiguous_number"),
    ],
)
def test_what_is_no_amount_of_stock_is_refused(given: dict[str, str], code: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        read_amount(given, field="quantity")
    assert refused.value.code == code


def test_pieces_and_volumes_do_not_mix() -> None:
    with pytest.raises(InvalidInput, match="kept in mL, and 1 piece is none of that"):
        Amount(Decimal(1), "piece").in_unit("mL")


def test_a_protocol_says_what_a_lot_field_consumes() -> None:
    text = PROTOCOL.replace(USED, f'{USED}, consumes: {{value: "0.5", unit: mL}}')
    assert parse_protocol(text).field("product", "kit_lot").consumes == Amount(Decimal("0.5"), "mL")
    with pytest.raises(InvalidInput, match='"consumes"'):
        parse_protocol(PROTOCOL.replace("type: check,", 'type: check, consumes: {value: "1", unit: piece},'))
    with pytest.raises(InvalidInput, match="more than zero"):
        parse_protocol(PROTOCOL.replace(USED, f'{USED}, consumes: {{value: "0", unit: mL}}'))


@pytest.mark.requirement("RAD-10")
@pytest.mark.parametrize(
    ("measured", "verdict"), [(89.0, Verdict.PASS), (90.0, Verdict.FAIL), (72.8, Verdict.PASS), (71.0, Verdict.FAIL)]
)
def test_an_activity_is_judged_against_its_decayed_statement(measured: float, verdict: Verdict) -> None:
    """100 MBq stated a day before are 80.88 MBq: exp(−ln 2 · 24 / 78.41) = 0.80884."""
    stated = Activity(100.0, NOON - timedelta(days=1))
    found = compare_arrival(
        stated=stated, measured=Activity(measured, NOON), nuclide=nuclide("Zr-89"), limit_percent="10"
    )
    assert found is not None
    assert found.verdict is verdict
    assert float(found.expected_mbq) == pytest.approx(80.884, abs=0.01)
    assert found.u_percent is None, "not stated is not zero"


def test_a_statement_for_tomorrow_is_decayed_backwards_with_its_uncertainty() -> None:
    stated = Activity(80.884, NOON + timedelta(days=1), u=2.0)
    measured = Activity(100.0, NOON, u=1.0, factor_u=0.03)
    found = compare_arrival(stated=stated, measured=measured, nuclide=nuclide("Zr-89"), limit_percent="10")
    assert found is not None
    assert abs(float(found.difference_percent)) < 0.05
    # sqrt(2.473² + 1² + 3²) % of the ratio, and a little for the half-life.
    assert float(found.u_percent or 0) == pytest.approx(4.01, abs=0.03)
    nothing = Activity(0.0, NOON)
    assert compare_arrival(stated=nothing, measured=measured, nuclide=nuclide("Zr-89"), limit_percent="10") is None
