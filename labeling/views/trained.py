"""What role and training together let the person at the page do with a batch, and in words what they do not."""

from __future__ import annotations

from dataclasses import dataclass

from django.http import HttpRequest

from labeling.domain.lifecycle import BatchStatus
from labeling.domain.training import Task
from labeling.models import Batch
from labeling.selectors.training import lacking
from labeling.views.pages import allowed
from lims.accounts.roles import Permission

# What there is to be done at each stage; later ones ask nobody.
WORK = {BatchStatus.PLANNED.value: (Task.MAKE,), BatchStatus.IN_PROGRESS.value: (Task.MAKE, Task.VERIFY)}


@dataclass(frozen=True, slots=True)
class Trained:
    makes: bool
    verifies: bool
    untrained: list[str]


def trained_for(request: HttpRequest, batch: Batch) -> Trained:
    untrained = lacking(request.user, batch.protocol_version, *WORK.get(batch.status, ()))
    return Trained(
        makes=allowed(request, Permission.MAKE_BATCH) and Task.MAKE not in untrained,
        verifies=allowed(request, Permission.VERIFY) and Task.VERIFY not in untrained,
        untrained=list(untrained.values()),
    )
