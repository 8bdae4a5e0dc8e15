"""On a demonstration installation the demo accounts may try everything: they are recorded as trained, and the records
say plainly that nobody was. The gate itself is the same everywhere."""

from __future__ import annotations

from itertools import groupby

from django.conf import settings

from labeling.domain.training import YEAR, State, Way
from labeling.models import Training
from labeling.selectors.clock import database_now
from labeling.selectors.training import Cell, cells, versions_in_use
from lims.accounts.actors import Source, system_actor
from lims.accounts.models import User
from lims.audit.operations import operation
from lims.people.services import DEMO_IDENTITY

NOTE = "Demonstration: nobody was trained. This demo account may try everything out."


def train_demo_accounts(source: Source = Source.COMMAND) -> int:
    """Records for approved and effective versions of every demo account with a role that makes, verifies or tests: for
    all three tasks, so that trying out another role needs no more. Answers how many were made.

    What anybody recorded or withdrew of a demo account stays as it is. A production never has demo accounts, and does
    nothing here.
    """
    if settings.PRODUCTION or not settings.DEMO:
        return 0
    versions = versions_in_use()
    if not versions:
        return 0
    now = database_now()
    accounts = set(User.objects.filter(identity_checks__how=DEMO_IDENTITY).values_list("pk", flat=True))
    found = [cell for cell in cells(versions, now=now) if cell.person.pk in accounts]
    workers = {cell.person.pk for cell in found if cell.needed}
    wanting = [cell for cell in found if cell.person.pk in workers and _wants(cell)]
    for version, rows in groupby(wanting, key=lambda cell: cell.version):
        with operation(
            actor=system_actor(source), action="training.demonstrate", subject=version.code, reason=NOTE
        ) as op:
            Training.objects.bulk_create(
                Training(
                    person=cell.person,
                    protocol_version=version,
                    task=cell.task.value,
                    way=Way.DEMONSTRATION.value,
                    note=NOTE,
                    trained_at=now,
                    valid_until=now + YEAR,
                    operation=op,
                )
                for cell in rows
            )
    return len(wanting)


def _wants(cell: Cell) -> bool:
    ran_out = cell.state is State.EXPIRED and cell.way == Way.DEMONSTRATION.label
    return ran_out or cell.state in (State.NONE, State.RETRAIN)
