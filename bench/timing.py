"""Time pieces of work side by side in one run: machines drift, ratios hold."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

ROUNDS = 15


@dataclass(frozen=True, slots=True)
class Timed:
    name: str
    seconds: float  # the median of one call


def side_by_side(works: dict[str, tuple[Callable[[], object], int]]) -> list[Timed]:
    """The median time of each work; the works take turns, so that a slow moment of the machine meets all of them.

    Each comes with how often it is repeated in a round, so that a round is long enough to be timed.
    """
    times: dict[str, list[float]] = {name: [] for name in works}
    for work, _ in works.values():
        work()  # once for caches and imports
    for _ in range(ROUNDS):
        for name, (work, repeats) in works.items():
            begun = time.perf_counter()
            for _ in range(repeats):
                work()
            times[name].append((time.perf_counter() - begun) / repeats)
    return [Timed(name, statistics.median(values)) for name, values in times.items()]


def table(title: str, rows: list[Timed], *, base: str) -> str:
    """The rows with their ratio to the one called `base`."""
    unit = next(row.seconds for row in rows if row.name == base)
    lines = [title, "-" * len(title)]
    lines += [f"  {row.name:<58} {_time(row.seconds):>10}  {row.seconds / unit:>10.3g} x" for row in rows]
    return "\n".join(lines) + "\n"


def _time(seconds: float) -> str:
    for factor, unit in ((1.0, "s"), (1e-3, "ms"), (1e-6, "us")):
        if seconds >= factor:
            return f"{seconds / factor:.3g} {unit}"
    return f"{seconds * 1e9:.3g} ns"
