"""A protocol that judges a result by other limits than its specification does."""

from __future__ import annotations

from labeling.domain.limit_remarks import limit_remarks
from labeling.domain.protocol_reading import parse_protocol
from labeling.domain.specification import parse_specification
from tests.browser.small_batch import PROTOCOL, SPECIFICATION


def remarks(most: str) -> list[str]:
    limited = PROTOCOL.replace("unit: MBq/mL}", f'unit: MBq/mL, action_limit: {{max: "{most}"}}}}', 1)
    assert limited != PROTOCOL
    return list(limit_remarks(parse_protocol(limited), parse_specification(SPECIFICATION)))


def test_an_action_limit_beside_the_specification_is_said_and_the_same_one_is_not() -> None:
    (said,) = remarks("60")
    assert said.endswith("the action limit is at most 60 MBq/mL; small accepts at most 50 MBq/mL.")
    assert remarks("50.0") == []
