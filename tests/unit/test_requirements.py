"""What is tested is what production installs: the locked files agree on every package they share."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FILES = ["requirements.txt", "requirements-dev.txt", "requirements-test.txt"]


def pins(name: str) -> dict[str, set[str]]:
    """Each package with its pins; a package may have one for each Python version."""
    found: dict[str, set[str]] = {}
    for package, version in re.findall(
        r"^([\w.-]+)==([\w.]+)", (ROOT / name).read_text(encoding="utf-8"), re.MULTILINE
    ):
        found.setdefault(package, set()).add(version)
    return found


def test_the_locked_files_agree() -> None:
    for smaller, larger in pairwise(FILES):
        in_smaller, in_larger = pins(smaller), pins(larger)
        assert in_smaller
        assert {package: in_larger.get(package) for package in in_smaller} == in_smaller


def test_the_oracle_is_not_shipped() -> None:
    assert "radioactivedecay" not in pins("requirements-dev.txt")
