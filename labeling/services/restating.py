"""Restate readings: another calibration factor or dial setting for a period that is past, signed once for the
instrument. What becomes of each batch stands in `reevaluating`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Max

from labeling.domain.instruments import parse_factor, parse_setting
from labeling.domain.nuclides import nuclide as known_nuclide
from labeling.models import Batch, RestatedReading, Restatement
from labeling.selectors.batch import find_batch
from labeling.selectors.clock import database_now
from labeling.selectors.reevaluation import (
    Json,
    Reevaluated,
    affected_entries,
    reevaluated,
    terms_of,
)
from labeling.selectors.restated_readings import (
    batches_with_typed_results,
    event_row,
    left_out,
    restated_events,
    restated_lots,
    settings_unsaid,
)
from labeling.services.arrivals import restated_arrival
from labeling.services.calibrating import FURTHEST_BACK, percent
from labeling.services.equipment import find_equipment
from labeling.services.reevaluating import AT_ONCE, carry_on
from lims.accounts.actors import Actor
from lims.accounts.attestation import Credential, attest
from lims.accounts.roles import Permission, require
from lims.audit.models import Operation
from lims.audit.operations import operation
from lims.errors import Conflict, InvalidInput, Stale
from lims.oversight.models import Alarm
from lims.oversight.services import raise_alarm
from lims.signatures.meanings import Meaning
from lims.signatures.signing import digest_of, sign


@dataclass(frozen=True, slots=True)
class Proposal:
    """What readings of an instrument between two instants are to be multiplied by, or the setting they belong to.

    `setting_used` is for readings that did not say theirs. `until` is now where none is given.
    """

    since: datetime
    certificate: str
    factor: str = "1"
    relative_u_percent: str = ""
    nuclide: str = ""
    setting_used: str = ""
    setting_correct: str = ""
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Preview:
    """A page of the batches that a proposal touches, and what a signer is shown of all of them."""

    restatement: Restatement
    batches: Sequence[str]
    rows: Sequence[Reevaluated]
    next: str  # the number after which the next page begins; empty on the last
    manifest: Json
    readings: Sequence[Json]  # of lots and containers, before and after

    @property
    def digest(self) -> str:
        return digest_of(self.manifest)


def preview(*, actor: Actor, code: str, proposal: Proposal, after: str = "") -> Preview:
    """Every batch whose results would move, a page at a time. Computed and shown; nothing is kept."""
    require(actor.user, Permission.VIEW)
    restatement = _proposed(code, proposal)
    numbers = _batches_of(restatement)
    start = numbers.index(after) + 1 if after in numbers else 0
    page = numbers[start : start + AT_ONCE]
    rows = [reevaluated(find_batch(number), restatement) for number in page]
    more = numbers[start + AT_ONCE :]
    found = _readings(restatement)
    manifest = _manifest(restatement, numbers, found)
    return Preview(restatement, numbers, rows, page[-1] if more else "", manifest, [row.reading for row in found])


def restate(
    *, actor: Actor, code: str, proposal: Proposal, credential: Credential, reason: str, seen: str = ""
) -> Restatement:
    """Sign a proposal and re-evaluate each batch beside its originals; a batch in progress goes on with the new values.

    `seen` is the digest of the preview; Stale where readings were recorded or corrected since.
    """
    attestation = attest(actor, credential, purpose="equipment.restate")
    attestation.require(Permission.RESTATE)
    if not reason.strip():
        raise InvalidInput("Say why these readings are restated.", code="reason_missing", field="reason")
    restatement = _proposed(code, proposal)
    with operation(actor=attestation.actor, action="equipment.restate", subject=code, reason=reason.strip()) as op:
        restatement.batches = _batches_of(restatement)
        readings = _readings(restatement)
        manifest = _manifest(restatement, restatement.batches, readings)
        if seen and seen != digest_of(manifest):
            raise Stale(f"Readings on {code} changed since the preview. Look at what would move again.")
        if not restatement.batches and not readings:
            raise Conflict(f"{code} has no readings in that period.", code="nothing_to_restate", field="since")
        restatement.signature = sign(
            op,
            attestation,
            meaning=Meaning.RESTATED,
            permission=Permission.RESTATE,
            covers=f"readings on {code}",
            manifest=manifest,
        )
        restatement.save(force_insert=True)
        _keep(op, restatement, readings)
    carry_on(restatement.pk, source=actor.source)
    return restatement


def _proposed(code: str, proposal: Proposal) -> Restatement:
    """The proposal as it would be kept, once it can be one."""
    equipment, now = find_equipment(code), database_now()
    since, until = proposal.since, proposal.until or now
    if not now - FURTHEST_BACK <= since < until <= now:
        raise InvalidInput(
            "The readings to restate lie in a period that is past: it begins before it ends, and ends by now.",
            code="out_of_range",
            field="since",
        )
    if not proposal.certificate.strip():
        raise InvalidInput(
            "Name the certificate or report that this rests on.", code="missing_value", field="certificate"
        )
    if proposal.nuclide:
        known_nuclide(proposal.nuclide)
    used, correct = (
        parse_setting(text, field=name)
        for name, text in (("setting_used", proposal.setting_used), ("setting_correct", proposal.setting_correct))
    )
    if used and not correct:
        raise InvalidInput("Give the setting that is right as well.", code="missing_value", field="setting_correct")
    if correct and not proposal.nuclide:
        raise InvalidInput("Say for which nuclide this setting is right.", code="missing_value", field="nuclide")
    restatement = Restatement(
        equipment=equipment,
        nuclide=proposal.nuclide,
        since=since,
        until=until,
        factor=str(parse_factor(proposal.factor.strip() or "1")),
        relative_u_percent=percent(proposal.relative_u_percent, field="relative_u_percent", required=False),
        setting_used=used,
        setting_correct=correct,
        certificate=proposal.certificate.strip(),
        batches=[],
    )
    unsaid = affected_entries(restatement).filter(setting="").exists() or settings_unsaid(restatement)
    if correct and not used and unsaid:
        raise InvalidInput(
            "Some of these readings do not say their setting; give the one that was used.",
            code="missing_value",
            field="setting_used",
        )
    return restatement


def _batches_of(restatement: Restatement) -> list[str]:
    read = Batch.objects.filter(pk__in=affected_entries(restatement).values("batch"))
    typed = Batch.objects.filter(pk__in=batches_with_typed_results(restatement).values("pk"))
    return list((read | typed).order_by("pk").values_list("number", flat=True))


def _readings(restatement: Restatement) -> list[RestatedReading]:
    """The readings of lots and containers as they would be kept."""
    lots = [(lot, restated_arrival(lot, restatement)) for lot in restated_lots(restatement)]
    events = [(event, event_row(event, restatement)) for event in restated_events(restatement)]
    return [
        *(RestatedReading(lot=lot, reading=row, verdict_moved=row["verdict_moved"]) for lot, row in lots),
        *(RestatedReading(event=event, reading=row, verdict_moved=False) for event, row in events),
    ]


def _keep(op: Operation, restatement: Restatement, readings: Sequence[RestatedReading]) -> None:
    """Beside the originals; a lot that would have been judged otherwise on arrival is told of."""
    for row in readings:
        row.restatement, row.operation = restatement, op
    RestatedReading.objects.bulk_create(readings)
    for row in readings:
        if row.verdict_moved and row.lot is not None:
            raise_alarm(
                op,
                kind=Alarm.Kind.RESTATED,
                subject=row.lot.number,
                text=f"The arrival of lot {row.lot.number}, restated, comes out otherwise: "
                f"{row.reading['after']['display']}, {row.reading['after']['detail']}.",
                cause=f"restated:{restatement.pk}:lot:{row.lot.pk}",
            )


def _manifest(restatement: Restatement, batches: Sequence[str], readings: Sequence[RestatedReading]) -> Json:
    """What is proposed, what it touches and what not, and what of the batches changes with any new value of theirs."""
    newest = {"entry": Max("entries"), "result": Max("results"), "test_result": Max("test_results")}
    return {
        **terms_of(restatement),
        "batches": list(batches),
        "newest": Batch.objects.filter(number__in=batches).aggregate(**newest),
        "readings": [[row.lot_id, row.event_id, row.reading["after"]["display"]] for row in readings],
        "left_out": left_out(restatement),
    }
