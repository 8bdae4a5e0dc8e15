"""What a reviewer is shown of test results, and who may review them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.forms import Form
from django.http import HttpRequest

from labeling.templatetags.limits import limit
from labeling.templatetags.lims_format import STATES, instant, words
from labeling.views.pages import allowed
from lims.accounts.roles import Permission, roles_with
from qc.forms import SeriesReviewForm

Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Series:
    """The results that await review, under one form that signs for all that are ticked."""

    rows: Sequence[Json]
    form: Form

    @property
    def ticked(self) -> frozenset[int]:
        chosen = self.form.chosen if isinstance(self.form, SeriesReviewForm) else None
        return frozenset(row["json"]["result_id"] for row in self.rows) if chosen is None else chosen


def series_of(rows: Iterable[Json], refused: Form | None) -> Series | None:
    """Where two results or more await this person; a single one has its own form."""
    waiting = [row for row in rows if row.get("review_form")]
    if len(waiting) < 2:
        return None
    return Series(waiting, refused or SeriesReviewForm(slug=SeriesReviewForm.SLUG))


def awaits_review(test: Json) -> bool:
    return test["result_id"] is not None and not test["reviewed_by"]


def may_review(request: HttpRequest, test: Json) -> bool:
    """Whether the person at this page may: with the permission, and not for what they recorded."""
    recorders = {row["recorded_by"]["username"] for row in (test, *test.get("corrected", ()))}
    return allowed(request, Permission.REVIEW_RESULT) and request.user.get_username() not in recorders


def who_reviews(request: HttpRequest, test: Json) -> str:
    """For somebody who works on results and may not review this one: who may."""
    if not allowed(request, Permission.TEST) and not allowed(request, Permission.REVIEW_RESULT):
        return ""
    roles = " or ".join(words(role.value) for role in roles_with(Permission.REVIEW_RESULT))
    own = request.user.get_username() == test["recorded_by"]["username"]
    return f"{'You recorded this. ' if own else ''}Another person, with the role {roles}, reviews it."


def signed_facts(batch: Json, test: Json) -> list[tuple[str, str]]:
    """What somebody signs who reviews or invalidates a result, in words."""
    if test["result_id"] is None:
        return []
    limits = limit(test["criterion"], "" if test["unit"] == "pH" else test["unit"])
    rows = [
        ("Batch", f"{batch['number']}, {batch['product']}"),
        ("Test", test["title"]),
        ("Result", test["display"]),
        ("Limit", limits),
        ("Verdict", STATES[test["verdict"]][2]),
        ("Instrument", test.get("equipment") or ""),
        ("Measured", instant(test["at"])),
        ("Recorded", f"{instant(test['recorded_at'])} by {test['recorded_by']['full_name']}"),
    ]
    return [(name, text) for name, text in rows if text]
