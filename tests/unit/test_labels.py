"""What fits on a label, and where its copies lie."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labeling.domain.labels import LETTERS, SHAPES, LabelSize, Line, fitted, pages
from lims.errors import InvalidInput


def test_the_necessary_lines_stay_and_the_least_needed_go_first() -> None:
    shape = SHAPES[LabelSize.SYRINGE]
    lines = [Line("Code"), *(Line("What may be left out", rank=rank) for rank in (1, 3, 2)), *[Line("Needed")] * 8]
    fit = fitted(lines, shape)
    assert [line for line in fit.lines if not line.rank] == [line for line in lines if not line.rank]
    assert [line.rank for line in fit.lines if line.rank] == [1]


def test_short_words_are_printed_large() -> None:
    assert fitted([Line("DC-1")], SHAPES[LabelSize.VIAL]).points == LETTERS[0]


def test_what_is_needed_and_does_not_fit_is_refused_and_never_cut() -> None:
    with pytest.raises(InvalidInput, match=r"does not fit on 25 × 25 mm\. Choose a larger one"):
        fitted([Line("A long name of a product " * 12)], SHAPES[LabelSize.SYRINGE])


@given(st.sampled_from(list(LabelSize)), st.integers(min_value=1, max_value=96))
def test_every_copy_has_a_place_of_its_own_on_the_paper(size: LabelSize, copies: int) -> None:
    shape = SHAPES[size]
    laid = pages(shape, copies)
    assert sum(len(page) for page in laid) == copies
    for page in laid:
        assert len(set(page)) == len(page) <= shape.across * shape.down
        assert all(
            place.left + shape.width <= shape.page[0] and place.top + shape.height <= shape.page[1] for place in page
        )


@pytest.mark.parametrize("copies", [0, -1, 97])
def test_nobody_prints_none_or_a_thousand(copies: int) -> None:
    with pytest.raises(InvalidInput, match="1 to 96"):
        pages(SHAPES[LabelSize.VIAL], copies)
