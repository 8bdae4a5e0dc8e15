"""What a reader of a protocol is shown of it."""

from __future__ import annotations

from labeling.domain.outline import protocol_outline
from tests.browser.small_batch import PROTOCOL


def test_the_line_clearance_stands_before_the_steps() -> None:
    asked = "line_clearance: {verified_by_second_person: true, text: Nothing of another product is in the hot cell.}\n"
    outline = protocol_outline(PROTOCOL + asked)
    assert outline["line_clearance"] == {
        "text": "Nothing of another product is in the hot cell.",
        "verified_by_second_person": True,
    }
    assert list(outline).index("line_clearance") < list(outline).index("steps")
    assert protocol_outline(PROTOCOL)["line_clearance"] is None
