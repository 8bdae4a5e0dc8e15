"""Where a protocol and its specification judge one result by different limits: allowed, and said when it is written."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from labeling.domain.protocol import Protocol
from labeling.domain.specification import Specification

SIDES = (("min", "at least"), ("max", "at most"))


def limit_remarks(protocol: Protocol, specification: Specification) -> Iterator[str]:
    """A sentence for each action limit that differs from the limit of the test that reads the same result."""
    for test in specification.tests:
        result = protocol.result(test.from_result or "")
        if result is None or result.action_limit is None or result.unit != (test.unit or "1"):
            continue
        for side, words in SIDES:
            acts, accepts = getattr(result.action_limit, side), getattr(test.criterion, side)
            if acts is not None and accepts is not None and Decimal(acts) != Decimal(accepts):
                unit = "" if result.unit == "1" else f" {result.unit}"
                yield (
                    f"{result.title}: the action limit is {words} {acts}{unit}; {specification.code} accepts {words}"
                    f" {accepts}{unit}."
                )
