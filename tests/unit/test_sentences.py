"""Every act has a sentence: no page shows the key of an act that somebody added and forgot to name."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
KEY = re.compile(r"[a-z_]+\.[a-z_]+")
# Names of files and the like that look like acts of a group.
NO_ACTS = {"audit.key", "batch.json", "document.pdf", "batch.number", "person.html"}


def modules() -> Iterator[ast.Module]:
    for package in ("lims", "labeling", "qc"):
        for path in sorted((ROOT / package).rglob("*.py")):
            if "migrations" not in path.parts and path.name != "history.py":
                yield ast.parse(path.read_text(encoding="utf-8"))


def acts_of(module: ast.Module) -> Iterator[str | re.Pattern[str]]:
    """What is given as `action=` to `operation()`, as far as the source tells."""
    for node in ast.walk(module):
        if not isinstance(node, ast.Call) or getattr(node.func, "id", "") != "operation":
            continue
        for keyword in node.keywords:
            match keyword.arg, keyword.value:
                case "action", ast.Constant(value=str(key)):
                    yield key
                case "action", ast.JoinedStr(values=parts):
                    text = [re.escape(str(p.value)) if isinstance(p, ast.Constant) else "[a-z_]+" for p in parts]
                    yield re.compile("".join(text))


def spoken() -> set[str]:
    """The keys of the table of sentences, read from its source: a unit test starts no framework."""
    module = ast.parse((ROOT / "labeling/selectors/history.py").read_text(encoding="utf-8"))
    for node in module.body:
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "VERBS":
            return set(ast.literal_eval(node.value))
    raise AssertionError("There is no table of sentences.")


@pytest.mark.requirement("AUD-1")
def test_every_act_of_the_code_has_a_sentence() -> None:
    told, found = spoken(), [act for module in modules() for act in acts_of(module)]
    assert len(found) > 20
    groups = {act.partition(".")[0] for act in told}
    named = {act for act in found if isinstance(act, str)}
    named |= {  # acts that are handed on by a variable
        node.value
        for module in modules()
        for node in ast.walk(module)
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and KEY.fullmatch(node.value)
        and node.value.partition(".")[0] in groups
    }
    assert named - told - NO_ACTS == set()
    patterns = [act for act in found if not isinstance(act, str)]
    assert [p.pattern for p in patterns if not any(p.fullmatch(act) for act in told)] == []


@pytest.mark.requirement("AUD-1")
def test_every_move_of_a_document_has_a_sentence() -> None:
    moves = ("import", "submit", "approve", "make_effective", "retire")
    assert {f"{kind}.{move}" for kind in ("protocol", "specification") for move in moves} <= spoken()
