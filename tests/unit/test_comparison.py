"""Two versions of a document: what they say differently, and their lines side by side."""

from __future__ import annotations

from pathlib import Path

from labeling.domain.comparison import Change, differences, side_by_side

LIBRARY = Path(__file__).parents[2] / "library"
TEXT = (LIBRARY / "protocols" / "t-cell-labeling.yaml").read_text(encoding="utf-8")


def _said(before: str, after: str) -> list[tuple[str, Change, str, str]]:
    return [(" · ".join(d.place), d.change, d.before, d.after) for d in differences(before, after)]


def test_comments_and_layout_say_nothing() -> None:
    assert _said(TEXT, "# another remark\n" + TEXT.replace("  - key: incubate", "\n  - key: incubate")) == []


def test_a_limit_is_named_by_its_step_and_field() -> None:
    after = TEXT.replace('min: "0.5", max: "60"', 'min: "0.5", max: "80"', 1)
    assert after != TEXT
    assert _said(TEXT, after) == [
        ("steps · Dispense the 89Zr-oxine · Activity dispensed · max", Change.CHANGED, "60", "80")
    ]


def test_a_step_that_was_added_or_removed_is_one_difference() -> None:
    start, end = TEXT.index("  - key: wash_2"), TEXT.index("  - key: formulate")
    without = (TEXT[:start] + TEXT[end:]).replace(", wash_2.wash", "")
    removed = [d for d in differences(TEXT, without) if d.place[0] == "steps"]
    assert [(d.place, d.change, d.after) for d in removed] == [(("steps", "Second wash"), Change.REMOVED, "")]
    assert "Wash 2" in removed[0].before
    added = [d for d in differences(without, TEXT) if d.place[0] == "steps"]
    assert [(d.place, d.change, d.before) for d in added] == [(("steps", "Second wash"), Change.ADDED, "")]


def test_another_order_of_steps_is_said() -> None:
    one = "a: {}\nsteps:\n  - {key: x, title: First}\n  - {key: y, title: Second}\n"
    other = "a: {}\nsteps:\n  - {key: y, title: Second}\n  - {key: x, title: First}\n"
    assert _said(one, other) == [("steps", Change.MOVED, "First, Second", "Second, First")]


def test_a_formula_that_changed_is_shown_before_and_after() -> None:
    after = TEXT.replace("output: cells_over_net_added", "output: cells_over_recovered")
    assert _said(TEXT, after) == [
        ("results · Labeling efficiency · output", Change.CHANGED, "cells_over_net_added", "cells_over_recovered")
    ]


def test_lines_stand_side_by_side_with_their_numbers() -> None:
    lines = side_by_side("a\nb\nc\nd", "a\nB\nc\nd\ne")
    assert [(x.change, x.left_number, x.left, x.right_number, x.right) for x in lines] == [
        ("", 1, "a", 1, "a"),
        ("changed", 2, "b", 2, "B"),
        ("", 3, "c", 3, "c"),
        ("", 4, "d", 4, "d"),
        ("added", 0, "", 5, "e"),
    ]


def test_long_stretches_alike_are_counted() -> None:
    before = "\n".join(str(n) for n in range(50))
    lines = side_by_side(before, before.replace("25", "x"))
    assert [line.skipped for line in lines if line.skipped] == [22, 21]
    assert sum(1 for line in lines if line.change) == 1


def test_a_limit_that_moved_is_marked_and_has_the_unit_of_its_section() -> None:
    before = 'results:\n  - {key: a, title: A, unit: kBq, action_limit: {max: "100"}}\n'
    moved, renamed = (
        differences(before, before.replace(*change))[0] for change in (('"100"', '"90"'), ("title: A", "title: B"))
    )
    assert (moved.moves_limit, moved.before, moved.after, moved.unit) == (True, "100", "90", "kBq")
    assert (renamed.moves_limit, renamed.unit) == (False, "")


def test_a_section_in_one_line_has_no_full_stop_before_its_commas() -> None:
    added = "title: A\nline_clearance: {text: Labels are reconciled., verified_by_second_person: true}\n"
    (found,) = differences("title: A\n", added)
    assert found.after == "text: Labels are reconciled, verified by second person: true"
