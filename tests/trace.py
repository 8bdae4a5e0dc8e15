"""Which tests prove which requirement, read from their sources: `python -m tests.trace` writes the matrix."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LIST = ROOT / "docs/validation/requirements.md"
PROVEN, UNTESTED, MISSING = "Proven by tests", "Met, without a test of its own", "Not met yet"
ATTRIBUTES = "Data that can be trusted"
Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


@dataclass(frozen=True, slots=True)
class Row:
    """A row of the list: its identifier first, then the other cells as they stand."""

    id: str
    cells: tuple[str, ...]


def sections(text: str) -> dict[str, list[Row]]:
    """The rows of the list by the heading they stand under."""
    found: dict[str, list[Row]] = defaultdict(list)
    heading = ""
    for line in text.splitlines():
        if line.startswith("## "):
            heading = line.removeprefix("## ")
        elif line.startswith("| ") and not line.startswith(("| Id |", "| Attribute |")):
            first, *others = (cell.strip() for cell in line.strip("| ").split(" | "))
            found[heading].append(Row(first, tuple(others)))
    return dict(found)


def marks() -> dict[str, list[str]]:
    """The tests that carry a mark of each requirement, as pytest names them; a whole file where it is marked."""
    found: dict[str, set[str]] = defaultdict(set)
    for path in sorted((ROOT / "tests").rglob("*.py")):
        module = ast.parse(path.read_text(encoding="utf-8"))
        for requirement, place in marks_of(module):
            found[requirement].add("::".join((str(path.relative_to(ROOT)), *place)))
    return {requirement: sorted(tests) for requirement, tests in found.items()}


def marks_of(node: ast.AST, place: tuple[str, ...] = ()) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Each `pytest.mark.requirement("...")` beneath a node, with the names of the definitions it stands in or on."""
    if isinstance(node, Definition):
        place = (*place, node.name)
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "requirement":
        [named] = node.args
        yield str(ast.literal_eval(named)), place
    for inner in ast.iter_child_nodes(node):
        yield from marks_of(inner, place)


def faults(listed: Mapping[str, list[Row]], marked: Mapping[str, list[str]]) -> list[str]:
    """Where list and tests disagree, each in a sentence."""
    ids = [row.id for row in listed[PROVEN]]
    untested = {row.id for row in listed[UNTESTED]}
    unknown = [(id_, test) for id_, tests in marked.items() if id_ not in ids for test in tests]
    return [
        *(f"{test} proves {id_}, which the list does not hold as proven." for id_, test in unknown),
        *(f"No test proves {id_}." for id_ in ids if id_ not in marked),
        *(f"{id_} is listed twice." for id_ in sorted(set(ids)) if ids.count(id_) > 1 or id_ in untested),
    ]


def matrix(listed: Mapping[str, list[Row]], marked: Mapping[str, list[str]]) -> str:
    """The matrix as Markdown: each requirement with the tests that prove it."""
    lines = ["# Requirements and the tests that prove them", ""]
    for row in listed[PROVEN]:
        source, requirement, *_ = row.cells
        lines += [f"## {row.id} ({source})", "", requirement, ""]
        lines += [*(f"- `{test}`" for test in marked[row.id]), ""]
    return "\n".join(lines)


def places_of(row: Row) -> list[str]:
    """The files that a row names as the place where it is met."""
    return re.findall(r"`([^`]+)`", row.cells[-1])


def main() -> None:
    listed, marked = sections(LIST.read_text(encoding="utf-8")), marks()
    if found := faults(listed, marked):
        raise SystemExit("\n".join(found))
    print(matrix(listed, marked))


if __name__ == "__main__":
    main()
