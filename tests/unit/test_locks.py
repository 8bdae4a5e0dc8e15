"""No row is locked while a password is hashed: that takes a third of a second, and everybody else would wait."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SLOW = {"attest", "prove", "set_password", "check_password", "make_password", "issue_token"}
OPENS = {"operation", "_upkeep", "atomic"}


def called(node: ast.expr) -> str:
    function = node.func if isinstance(node, ast.Call) else node
    return getattr(function, "attr", "") or getattr(function, "id", "")


@pytest.mark.requirement("P11-300d")
def test_nothing_is_hashed_inside_a_transaction() -> None:
    found = []
    for package in ("lims", "labeling", "qc"):
        for path in sorted((ROOT / package).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.With) and any(called(item.context_expr) in OPENS for item in node.items):
                    inner = [call for part in node.body for call in ast.walk(part) if isinstance(call, ast.Call)]
                    found += [f"{path.name}:{c.lineno} {called(c)}" for c in inner if called(c) in SLOW]
    assert found == []
