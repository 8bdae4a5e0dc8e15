"""The life of a batch and of a controlled document as data: the only lists of statuses, actions and what each needs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from lims.errors import IllegalTransition


class BatchStatus(StrEnum):
    PLANNED = "planned"
    IN_PROGRESS = "in_progress"
    QUARANTINE = "quarantine"
    ON_HOLD = "on_hold"
    RELEASED = "released"
    REJECTED = "rejected"

    @property
    def label(self) -> str:
        return self.value.replace("_", " ").capitalize()


class Action(StrEnum):
    START = "start"
    COMPLETE = "complete"
    HOLD = "hold"
    RESUME = "resume"
    RELEASE = "release"
    REJECT = "reject"


@dataclass(frozen=True, slots=True)
class Rule:
    sources: frozenset[BatchStatus]
    target: BatchStatus
    signed: bool = False


_S, _A = BatchStatus, Action
RULES: Mapping[Action, Rule] = MappingProxyType(
    {
        _A.START: Rule(frozenset({_S.PLANNED}), _S.IN_PROGRESS),
        _A.COMPLETE: Rule(frozenset({_S.IN_PROGRESS}), _S.QUARANTINE, signed=True),
        _A.HOLD: Rule(frozenset({_S.QUARANTINE}), _S.ON_HOLD),
        _A.RESUME: Rule(frozenset({_S.ON_HOLD}), _S.QUARANTINE),
        _A.RELEASE: Rule(frozenset({_S.QUARANTINE}), _S.RELEASED, signed=True),
        _A.REJECT: Rule(frozenset({_S.PLANNED, _S.IN_PROGRESS, _S.QUARANTINE, _S.ON_HOLD}), _S.REJECTED, signed=True),
    }
)


def target_of(status: BatchStatus, action: Action) -> BatchStatus:
    """The status that `action` leads to. Raises IllegalTransition where the table does not allow it."""
    rule = RULES[action]
    if status not in rule.sources:
        raise IllegalTransition(
            f"A batch that is {status.label.lower()} cannot be moved by “{action}”.", current=status, action=action
        )
    return rule.target


def actions_from(status: BatchStatus) -> tuple[Action, ...]:
    return tuple(action for action, rule in RULES.items() if status in rule.sources)


class VersionStatus(StrEnum):
    """The life of one version of a protocol or specification."""

    DRAFT = "draft"
    SUBMITTED = "submitted"
    APPROVED = "approved"
    EFFECTIVE = "effective"
    SUPERSEDED = "superseded"
    RETIRED = "retired"


class VersionAction(StrEnum):
    SUBMIT = "submit"
    APPROVE = "approve"
    MAKE_EFFECTIVE = "make_effective"
    SUPERSEDE = "supersede"
    RETIRE = "retire"


_V = VersionStatus
VERSION_RULES: Mapping[VersionAction, tuple[frozenset[VersionStatus], VersionStatus]] = MappingProxyType(
    {
        VersionAction.SUBMIT: (frozenset({_V.DRAFT}), _V.SUBMITTED),
        VersionAction.APPROVE: (frozenset({_V.SUBMITTED}), _V.APPROVED),
        VersionAction.MAKE_EFFECTIVE: (frozenset({_V.APPROVED}), _V.EFFECTIVE),
        VersionAction.SUPERSEDE: (frozenset({_V.EFFECTIVE}), _V.SUPERSEDED),
        VersionAction.RETIRE: (
            frozenset({_V.DRAFT, _V.SUBMITTED, _V.APPROVED, _V.EFFECTIVE, _V.SUPERSEDED}),
            _V.RETIRED,
        ),
    }
)


def version_target(status: VersionStatus, action: VersionAction) -> VersionStatus:
    sources, target = VERSION_RULES[action]
    if status not in sources:
        verb = action.replace("_", " ")
        raise IllegalTransition(
            f"“{verb}” is not possible for a version that is {status}.", current=status, action=action
        )
    return target


def version_actions(status: VersionStatus) -> tuple[VersionAction, ...]:
    """What a person can do next; superseding happens by itself when a newer version becomes effective."""
    return tuple(
        action
        for action, (sources, _) in VERSION_RULES.items()
        if status in sources and action is not VersionAction.SUPERSEDE
    )
