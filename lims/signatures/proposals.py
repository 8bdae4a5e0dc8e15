"""What somebody is asked to sign, and how it differs from what was signed last (SIG-12)."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lims.accounts.roles import Permission
from lims.signatures.manifestation import refusal_row, signature_row
from lims.signatures.meanings import Meaning
from lims.signatures.models import Refusal, Signature
from lims.signatures.signing import digest_of

Json = dict[str, Any]
# Rows of a list go by what they are called, so that one more in the middle moves no other.
NAMES = ("field", "test", "key", "step")
# Numbers of rows and digests: they differ wherever anything does, and say nothing beside it.
QUIET = frozenset({"entry", "result", "trail_sha256"})


@dataclass(frozen=True, slots=True)
class Proposal:
    """The meaning, what it is about, and the manifest as it is now; `permission` is what its signer needs."""

    subject: str
    covers: str
    meaning: Meaning
    permission: Permission
    manifest: Mapping[str, object]
    # Where what is covered is named with its state, the part of the name that stays.
    family: str = ""

    def is_about(self, said: Signature | Refusal) -> bool:
        named = said.covers
        return named.startswith(self.family) if self.family else named == self.covers


def since_last_signature(proposal: Proposal, signatures: Sequence[Signature], refusals: Sequence[Refusal]) -> Json:
    """The newest of the subject's `signatures` for the same thing, what differs from it now, and who refused it.

    Of the same act: a release is not compared with the completion before it. A refusal matters to every act.
    """
    refused = [refusal_row(refusal) for refusal in refusals if proposal.is_about(refusal)]
    same = (s for s in reversed(signatures) if s.meaning == proposal.meaning and proposal.is_about(s))
    last = next(same, None)
    if last is None:
        return {"signature": None, "differences": [], "refusals": refused}
    return {
        "signature": signature_row(last),
        "differences": differences(json.loads(last.manifest), proposal.manifest),
        "refusals": refused,
    }


def proposal_row(proposal: Proposal, signatures: Sequence[Signature], refusals: Sequence[Refusal]) -> Json:
    return {
        "subject": proposal.subject,
        "covers": proposal.covers,
        "meaning": proposal.meaning.value,
        "meaning_text": proposal.meaning.text,
        "manifest": proposal.manifest,
        "manifest_sha256": digest_of(proposal.manifest),
        "since": since_last_signature(proposal, signatures, refusals),
    }


def signatures_of(subject: str) -> list[Signature]:
    return list(Signature.objects.filter(subject=subject).order_by("pk"))


def differences(before: object, now: object) -> list[Json]:
    """Each place in which two manifests differ: its name in words, and both values as text; "" where there is none."""
    old, new = dict(_leaves(before)), dict(_leaves(now))
    places = [place for place in {**old, **new} if old.get(place, "") != new.get(place, "")]
    told = [place for place in places if place[-1:] and place[-1] not in QUIET] or places
    return [
        {"what": ": ".join(place).replace("_", " "), "before": old.get(place, ""), "now": new.get(place, "")}
        for place in told
    ]


def _leaves(value: object, place: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], str]]:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _leaves(inner, (*place, str(key)))
    elif isinstance(value, list | tuple):
        for name, inner in _named(value):
            yield from _leaves(inner, (*place, name))
    else:
        yield place, "" if value is None else _text(value)


def _named(rows: Iterable[object]) -> Iterator[tuple[str, object]]:
    for number, row in enumerate(rows, start=1):
        name = next((str(row[key]) for key in NAMES if key in row), "") if isinstance(row, Mapping) else ""
        yield name or str(number), row


def _text(value: object) -> str:
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)
