"""The Merkle tree and the canonical bytes under it, against their definitions and against each other."""

from __future__ import annotations

import json
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lims.audit.canonical import Digits, canonical_json, canonical_line, fields_of, line, with_id
from lims.audit.merkle import EMPTY, leaf, root

leaves = st.lists(st.binary(max_size=8).map(leaf), min_size=1, max_size=40)
# What jsonb can hold: no NUL, no lone surrogates.
texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=12,
)


def by_definition(digests: list[bytes]) -> bytes:
    """RFC 6962, section 2.1, word for word: split at the largest power of two below the number."""
    if len(digests) == 1:
        return digests[0]
    k = 1
    while k * 2 < len(digests):
        k *= 2
    return sha256(b"\x01" + by_definition(digests[:k]) + by_definition(digests[k:])).digest()


@pytest.mark.requirement("P11-10a")
@given(leaves)
def test_the_root_is_that_of_rfc_6962(digests: list[bytes]) -> None:
    assert root(digests) == by_definition(digests)


def test_the_root_of_known_leaves() -> None:
    """The published vectors of the RFC's first implementation (Google's certificate-transparency)."""
    inputs = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"]
    digests = [leaf(bytes.fromhex(text)) for text in inputs]
    assert root([]) == EMPTY
    assert root(digests[:1]).hex() == "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"
    assert root(digests[:3]).hex() == "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77"
    assert root(digests).hex() == "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"


@pytest.mark.requirement("P11-10a")
@given(leaves, st.data())
def test_any_edit_swap_or_loss_changes_the_root(digests: list[bytes], data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(digests) - 1))
    edited = [*digests[:at], leaf(b"edited, longer than the others"), *digests[at + 1 :]]
    assert root(edited) != root(digests)
    assert root([*digests, digests[-1]]) != root(digests)
    if len(digests) > 1:
        assert root(digests[:at] + digests[at + 1 :]) != root(digests)
        other = (at + 1) % len(digests)
        swapped = list(digests)
        swapped[at], swapped[other] = swapped[other], swapped[at]
        assert (root(swapped) == root(digests)) == (digests[at] == digests[other])


def test_a_node_is_never_a_leaf() -> None:
    one, two = leaf(b"one"), leaf(b"two")
    assert leaf(one + two) != root([one, two])


@given(values)
def test_canonical_json_does_not_depend_on_order_or_spacing(value: object) -> None:
    loose, tight = json.dumps(value, indent=3), json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    assert canonical_json(loose) == canonical_json(tight)
    assert json.loads(canonical_json(tight)) == value


@pytest.mark.parametrize(
    "number", ["1.10", "1.1", "0.1000000000000000055511151231257827", "75440000000000000000000", "-0.0"]
)
def test_a_number_keeps_its_digits(number: str) -> None:
    assert canonical_json(f'{{"v":{number}}}') == f'{{"v": {number}}}'
    assert Digits(number) == number


def test_keys_are_ordered_by_length_and_then_by_bytes() -> None:
    assert canonical_json('{"bb":1,"a":2,"c":3,"ä":4}') == '{"a": 2, "c": 3, "bb": 1, "ä": 4}'


@given(st.lists(st.none() | texts, min_size=1, max_size=6))
def test_a_line_reads_back_as_its_fields(fields: list[str | None]) -> None:
    written = line(fields)
    assert b"\n" not in written
    # A field that reads \N is escaped, so it is not the null.
    assert fields_of(written) == fields


@given(st.lists(st.none() | texts, min_size=2, max_size=4), st.lists(st.none() | texts, min_size=2, max_size=4))
def test_different_rows_have_different_bytes(one: list[str | None], two: list[str | None]) -> None:
    assert (line(one) == line(two)) == (one == two)


def test_json_of_a_row_is_brought_to_the_canonical_layout() -> None:
    row = line(["audit_change", "7", "3", "t", "1", "INSERT", "0", None, '{"b":"x\\ty","a":1.0}'])
    brought = canonical_line(row)
    assert fields_of(brought)[-1] == '{"a": 1.0, "b": "x\\ty"}'
    assert canonical_line(brought) == brought
    assert fields_of(with_id(row, 9))[:3] == ["audit_change", "9", "3"]
