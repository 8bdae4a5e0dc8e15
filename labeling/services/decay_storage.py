"""Waste in decay storage: its earliest release date, and the survey that clears it, signed by radiation safety."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from django.conf import settings
from django.utils import timezone

from labeling.domain.decay_storage import becquerel, earliest_release
from labeling.domain.quantities import parse_nonnegative
from labeling.domain.units import dimension_of, unit, wrong_unit
from labeling.models import Container, DecayStorage, WasteSurvey
from labeling.selectors.clearance import Clearance, clearance_of, no_limit, site_limit
from labeling.selectors.clock import database_now
from labeling.selectors.ledgers import events_of, half_life_of, ledger_of
from labeling.services.container_events import code_of, columns_of, lock_container, refuse_unless_in_use
from labeling.services.equipment import instrument_for
from lims.accounts.actors import Actor
from lims.accounts.attestation import Credential, attest
from lims.accounts.roles import Permission, require
from lims.audit.operations import operation
from lims.errors import Conflict, InvalidInput
from lims.signatures.meanings import Meaning
from lims.signatures.signing import sign

# What a surveyor may call background: a default of this project, to be set by the site's own procedure.
MOST_OVER_BACKGROUND = 2


def store_for_decay(
    *,
    actor: Actor,
    container_id: int,
    place: str,
    limit: Mapping[str, str] | None = None,
    limit_source: str = "",
) -> DecayStorage:
    """Put a container away.

    The clearance limit is the site's, or a stricter one. Where the site has set none the container is stored all the
    same, with ten half-lives as its earliest date, and nothing releases it until there is one.
    """
    require(actor.user, Permission.KEEP_CONTAINERS)
    if not place.strip():
        raise InvalidInput("Say where it is stored.", code="missing_value", field="place")
    if limit and not limit_source.strip():
        raise InvalidInput("Say where this clearance limit comes from.", code="missing_value", field="limit_source")
    with operation(actor=actor, action="container.store", subject=code_of(container_id)) as op:
        row = lock_container(container_id)
        refuse_unless_in_use(row)
        half_life = half_life_of(row)
        if half_life is None:
            raise Conflict(
                f"Nobody has said which nuclide {row.code} holds, so when it has decayed is not known.",
                code="nuclide_unknown",
            )
        now = database_now()
        content = ledger_of(row, events_of([row])).at(now)
        site = site_limit(row.nuclide)
        if limit:
            _refuse_wider(limit, site, nuclide=row.nuclide)
        elif site:
            limit, limit_source = site, settings.CLEARANCE_SOURCE
        amounts = columns_of(content)
        stored = DecayStorage.objects.create(
            container=row,
            place=place.strip(),
            stored_at=now,
            activity=amounts["activity"],
            u=amounts["u"],
            limit=dict(limit) if limit else None,
            limit_source=limit_source.strip(),
            earliest_release_at=earliest_release(
                stored_at=now,
                half_life=half_life,
                activity=content.activity,
                limit=becquerel(limit) if limit else None,
            ),
            stored_by=op.actor,
        )
        row.status = Container.Status.DECAY_STORAGE
        row.save(update_fields=["status"])
    return stored


def survey_waste(
    *,
    actor: Actor,
    container_id: int,
    credential: Credential,
    equipment: str,
    background: str,
    reading: str,
    unit_given: str,
    outcome: str,
    label_defaced: bool = False,
    note: str = "",
) -> WasteSurvey:
    """Survey stored waste and sign for it. Passed, it clears the container; refused before its earliest date."""
    attestation = attest(actor, credential, purpose="container.survey")
    attestation.require(Permission.CLEAR_WASTE)
    with operation(
        actor=attestation.actor, action="container.survey", subject=code_of(container_id), reason=note
    ) as op:
        row = lock_container(container_id)
        now = database_now()
        clearance = _due(row, now)
        if outcome not in WasteSurvey.Outcome.values:
            raise InvalidInput(f"A survey passes or fails, not “{outcome}”.", code="unknown_choice", field="outcome")
        surveyed = WasteSurvey(
            container=row,
            measured_at=now,
            equipment=instrument_for(equipment, kind="survey_meter", at=now),
            background=str(parse_nonnegative(background, field="background")),
            reading=str(parse_nonnegative(reading, field="reading")),
            unit=_meter_unit(unit_given),
            outcome=outcome,
            label_defaced=label_defaced,
            note=note.strip(),
        )
        if outcome == WasteSurvey.Outcome.PASS:
            _refuse_unless_clear(surveyed)
        surveyed.signature = sign(
            op,
            attestation,
            meaning=Meaning.SURVEYED,
            permission=Permission.CLEAR_WASTE,
            covers=f"container {row.code}",
            manifest=survey_manifest(surveyed, clearance),
        )
        surveyed.save(force_insert=True)
        if outcome == WasteSurvey.Outcome.PASS:
            row.status = Container.Status.CLEARED
            row.save(update_fields=["status"])
    return surveyed


def survey_manifest(survey: WasteSurvey, clearance: Clearance) -> dict[str, object]:
    return {
        "container": survey.container.code,
        "nuclide": survey.container.nuclide,
        "measured_at": survey.measured_at.isoformat(),
        "equipment": survey.equipment.code,
        "background": survey.background,
        "reading": survey.reading,
        "unit": survey.unit,
        "outcome": survey.outcome,
        "label_defaced": survey.label_defaced,
        "clearance_limit": f"{clearance.limit['value']} {clearance.limit['unit']}",
        "clearance_limit_source": clearance.source,
        "earliest_release_at": clearance.earliest.isoformat(),
    }


def _due(row: Container, now: datetime) -> Clearance:
    """What clears it now. Raises Conflict before its time, and where the site has set no limit."""
    if row.status != Container.Status.DECAY_STORAGE:
        raise Conflict(
            f"{row.code} is {row.get_status_display().lower()}; waste is surveyed for release from decay storage.",
            code="not_in_decay_storage",
            container_status=row.status,
        )
    clearance = clearance_of(row, row.decay_storage)
    if clearance is None:
        raise Conflict(no_limit(row), code="no_clearance_limit")
    due = clearance.earliest
    if now < due:
        raise Conflict(
            f"{row.code} may be surveyed for release from {timezone.localtime(due):%H:%M %Z on %d %b %Y} on; "
            "until then it stays in decay storage.",
            code="too_early",
            earliest_release_at=due.isoformat(),
        )
    return clearance


def _refuse_unless_clear(survey: WasteSurvey) -> None:
    most = MOST_OVER_BACKGROUND * parse_nonnegative(survey.background, field="background")
    if parse_nonnegative(survey.reading, field="reading") > most:
        raise InvalidInput(
            f"{survey.reading} {survey.unit} is more than twice the background of {survey.background} {survey.unit}: "
            "this can be told from background. Record that it failed; it stays in decay storage.",
            code="above_background",
            field="reading",
        )
    if not survey.label_defaced:
        raise InvalidInput(
            "Deface the radiation label first, and say that it is done (10 CFR 20.1904(b)).",
            code="label_not_defaced",
            field="label_defaced",
        )


def _refuse_wider(limit: Mapping[str, str], site: Mapping[str, str] | None, *, nuclide: str) -> None:
    """Whoever stores may be stricter than the site, and does not set a limit in its place."""
    stated = becquerel(limit)
    if site is None:
        raise InvalidInput(
            f"The site has set no clearance limit for {nuclide}, and whoever stores waste does not set one. Store it"
            " without a limit; it is released once the site has set one.",
            code="no_site_limit",
            field="limit.value",
        )
    if stated > becquerel(site):
        raise InvalidInput(
            f"{limit['value']} {limit['unit']} is more than the limit of the site for {nuclide}, "
            f"{site['value']} {site['unit']}.",
            code="above_site_limit",
            field="limit.value",
        )


def _meter_unit(given: str) -> str:
    """What a survey meter shows: a dose rate or a count rate."""
    read_in = unit(given, field="unit")
    if read_in.dimension not in (dimension_of("uSv/h"), dimension_of("1/s")):
        raise wrong_unit(read_in, dimension_of("uSv/h"), field="unit")
    return read_in.symbol
