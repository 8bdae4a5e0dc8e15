"""Reading a YAML document that a site wrote: every fault is reported with its line, and nothing in it is executed.

The text is composed to YAML's node graph and read from there, which keeps the lines, keeps numbers as they are written
(`95.0` stays `95.0`), and constructs no object that the document could name. Size, depth and the number of nodes after
aliases are expanded are limited, so that no document can exhaust the server.
"""

from __future__ import annotations

import keyword
import re
import warnings
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from operator import itemgetter
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.composer import Composer
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, ScalarNode, SequenceNode

from labeling.domain.quantities import parse_number
from lims.errors import InvalidInput

LARGEST_DOCUMENT = 100_000  # characters
DEEPEST = 20
MOST_NODES = 3_000  # keys and values; the largest protocol of the library has 320
MOST_FINDINGS = 100
TOO_MANY = f"The document has more than {MOST_NODES:,} keys and values, the most that is read; aliases count in full."
TOO_DEEP = f"The document is nested more than {DEEPEST} levels deep."
PLAIN_TAGS = {
    f"tag:yaml.org,2002:{kind}" for kind in ("str", "int", "float", "bool", "null", "timestamp", "map", "seq")
}
KEY = re.compile(r"[a-z][a-z0-9_]{0,62}")


@dataclass(frozen=True, slots=True)
class Scalar:
    line: int
    text: str | None  # as it is written; None for a null


@dataclass(frozen=True, slots=True)
class Sequence:
    line: int
    items: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Mapping:
    line: int
    items: dict[str, Node]
    lines: dict[str, int]


Node = Scalar | Sequence | Mapping


@dataclass(slots=True)
class Findings:
    """What is wrong with a document, line by line, so that its author sees all of it at once."""

    found: list[tuple[int, str]] = field(default_factory=list)

    def add(self, line: int, detail: str) -> None:
        self.found.append((line, detail))

    def raise_if_any(self) -> None:
        if not self.found:
            return
        found = sorted(dict.fromkeys(self.found), key=itemgetter(0))
        line, detail = found[0]
        more = f" ({len(found) - 1} more)" if len(found) > 1 else ""
        raise InvalidInput(
            f"Line {line}: {detail}{more}",
            code="document_invalid",
            line=line,
            errors=[{"line": line, "detail": detail} for line, detail in found[:MOST_FINDINGS]],
        )


def refuse(line: int, detail: str) -> InvalidInput:
    return InvalidInput(
        f"Line {line}: {detail}", code="document_invalid", line=line, errors=[{"line": line, "detail": detail}]
    )


def read_document(text: str) -> Mapping:
    """The document as plain mappings, sequences and scalars with their lines."""
    if len(text) > LARGEST_DOCUMENT:
        raise refuse(1, f"The document is longer than {LARGEST_DOCUMENT:,} characters, the most that is read.")
    _refuse_deep_brackets(text)
    root = _compose(text)
    if root is None:
        raise refuse(1, "The document is empty.")
    document = _Plain().node(root, depth=0)
    if not isinstance(document, Mapping):
        raise refuse(document.line, "The document is a list of keys and values, beginning with its code.")
    return document


def _refuse_deep_brackets(text: str) -> None:
    """The parser takes seconds over thousands of open brackets before it gives up on them."""
    depth = 0
    for place in re.finditer(r"[\[{\]}]", text):
        depth += 1 if place[0] in "[{" else -1
        if depth > DEEPEST:
            line = text.count("\n", 0, place.start()) + 1
            raise refuse(line, TOO_DEEP)


class _Counting(Composer):
    """Stops while the document is being read, so that a long one costs no more than a short one."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.composed = 0

    def compose_node(self, parent: Any, index: Any) -> Any:
        self.composed += 1
        if self.composed > MOST_NODES:
            raise refuse(self.loader.parser.peek_event().start_mark.line + 1, TOO_MANY)
        return super().compose_node(parent, index)


def _compose(text: str) -> Any:
    yaml = YAML(typ="safe", pure=True)
    yaml.Composer = _Counting
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # an anchor defined twice: the nearest one counts, as YAML says
            return yaml.compose(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 1
        raise refuse(line, f"This is not valid YAML: {error.problem or error.context}.") from None
    except RecursionError:
        raise refuse(1, TOO_DEEP) from None
    except (YAMLError, ValueError) as error:
        raise refuse(1, f"This is not valid YAML: {str(error).splitlines()[0]}.") from None


class _Plain:
    """Turns the node graph into a tree; an alias is expanded where it stands, within the limit."""

    def __init__(self) -> None:
        self.nodes = 0

    def node(self, node: Any, *, depth: int) -> Node:
        line = node.start_mark.line + 1
        self.nodes += 1
        if self.nodes > MOST_NODES:
            raise refuse(line, TOO_MANY)
        if depth > DEEPEST:
            raise refuse(line, TOO_DEEP)
        if str(node.tag) not in PLAIN_TAGS:
            raise refuse(line, f"The tag {node.tag} is not accepted: a document holds plain values only.")
        if isinstance(node, ScalarNode):
            is_null = str(node.tag).endswith(":null")
            return Scalar(line, None if is_null else str(node.value))
        if isinstance(node, SequenceNode):
            return Sequence(line, tuple(self.node(item, depth=depth + 1) for item in node.value))
        assert isinstance(node, MappingNode)
        return self.mapping(node, line, depth)

    def mapping(self, node: MappingNode, line: int, depth: int) -> Mapping:
        items: dict[str, Node] = {}
        lines: dict[str, int] = {}
        for key_node, value_node in node.value:
            key_line = key_node.start_mark.line + 1
            if not isinstance(key_node, ScalarNode):
                raise refuse(key_line, "A key is a single word.")
            key = str(key_node.value)
            if key in items:
                raise refuse(key_line, f'The key "{key}" stands here twice.')
            items[key] = self.node(value_node, depth=depth + 1)
            lines[key] = key_line
        return Mapping(line, items, lines)


@dataclass(frozen=True, slots=True)
class Section:
    """One mapping of the document, read key by key; faults go to the findings and reading goes on."""

    mapping: Mapping
    findings: Findings
    name: str

    def line(self, key: str | None = None) -> int:
        return self.mapping.lines.get(key, self.mapping.line) if key else self.mapping.line

    def fault(self, key: str | None, detail: str) -> None:
        self.findings.add(self.line(key), detail)

    def only(self, keys: Iterable[str]) -> None:
        allowed = list(keys)
        for key in self.mapping.items:
            if key not in allowed:
                self.fault(key, f'{self.name} has no key "{key}"; its keys are {", ".join(allowed)}.')

    def text(self, key: str, *, required: bool = False) -> str:
        node = self.mapping.items.get(key)
        if isinstance(node, Scalar) and node.text is not None and node.text.strip():
            return node.text
        if node is not None:
            self.fault(key, f'"{key}" is a text that is not empty.')
        elif required:
            self.fault(None, f'{self.name} lacks its "{key}".')
        return ""

    def optional_text(self, key: str) -> str | None:
        return self.text(key) or None

    def key(self, key: str = "key") -> str:
        text = self.text(key, required=True)
        if text and (not KEY.fullmatch(text) or keyword.iskeyword(text)):
            self.fault(key, f'"{text}" cannot be a key: use lower-case letters, digits and _, beginning with a letter.')
        return text

    def flag(self, key: str) -> bool:
        text = self.text(key)
        if text not in ("", "true", "false"):
            self.fault(key, f'"{key}" is true or false.')
        return text == "true"

    def choice(self, key: str, options: Iterable[str], *, default: str | None = None) -> str:
        text = self.text(key, required=default is None)
        if text and text not in options:
            self.fault(key, f'"{text}" is not a known {key}; known are {", ".join(options)}.')
        return text or default or ""

    def decimal(self, key: str) -> str | None:
        """A number as it is written, since a limit keeps its decimals."""
        text = self.text(key)
        if not text:
            return None
        try:
            parse_number(text, field=key)
        except InvalidInput as refusal:
            self.fault(key, refusal.message)
            return None
        return text.strip()

    def texts(self, key: str) -> tuple[str, ...]:
        return tuple(item.text for item in self._items(key, Scalar) if isinstance(item, Scalar) and item.text)

    def section(self, key: str, name: str) -> Section | None:
        node = self.mapping.items.get(key)
        if node is None:
            return None
        if not isinstance(node, Mapping):
            self.fault(key, f'"{key}" holds keys and values.')
            return None
        return Section(node, self.findings, name)

    def sections(self, key: str, name: str, *, identified_by: str = "key") -> tuple[Section, ...]:
        """The sections of a list; none of them may bear the `key` of another."""
        found = tuple(
            Section(item, self.findings, name) for item in self._items(key, Mapping) if isinstance(item, Mapping)
        )
        seen: set[str] = set()
        for section in found:
            node = section.mapping.items.get(identified_by)
            text = node.text if isinstance(node, Scalar) else None
            if text and text in seen:
                section.fault(identified_by, f'{name} "{text}" stands in the document twice.')
            seen.add(text or "")
        return found

    def limits(self, lower: str = "min", upper: str = "max") -> tuple[str | None, str | None]:
        pair = self.decimal(lower), self.decimal(upper)
        for low, high in pairwise(pair):
            if low and high and parse_number(low, field=lower) > parse_number(high, field=upper):
                self.fault(lower, f"The minimum {low} is greater than the maximum {high}.")
        return pair

    def _items(self, key: str, kind: type[Node]) -> Iterator[Node]:
        node = self.mapping.items.get(key)
        if node is None:
            return
        if not isinstance(node, Sequence):
            self.fault(key, f'"{key}" is a list.')
            return
        for item in node.items:
            if isinstance(item, kind):
                yield item
            else:
                self.findings.add(item.line, f'"{key}" is a list of {"texts" if kind is Scalar else "sections"}.')
