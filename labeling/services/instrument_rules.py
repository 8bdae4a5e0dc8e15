"""What a site sets for an instrument, and whether it is in service: each by signature, with its reason."""

from __future__ import annotations

from datetime import timedelta

from labeling.domain.instruments import (
    ACCURACY_PERCENT,
    CONSTANCY_ACTION_PERCENT,
    CONSTANCY_WARNING_PERCENT,
    LINEARITY_PERCENT,
)
from labeling.domain.quantities import parse_number
from labeling.models import Equipment, EquipmentRules, ServiceStatus
from labeling.selectors.instruments import condition_of
from labeling.services.equipment import find_equipment
from labeling.services.instrument_checks import find_source
from lims.accounts.actors import Actor
from lims.accounts.attestation import Credential, attest
from lims.accounts.roles import Permission
from lims.audit.operations import operation
from lims.errors import Conflict, InvalidInput
from lims.signatures.meanings import Meaning
from lims.signatures.signing import sign

LONGEST_INTERVAL = timedelta(days=10 * 366)


def set_rules(
    *,
    actor: Actor,
    code: str,
    credential: Credential,
    reason: str,
    calibration_days: int | None = None,
    linearity_days: int | None = None,
    accuracy_days: int | None = None,
    service_days: int | None = None,
    constancy_warning_percent: str = CONSTANCY_WARNING_PERCENT,
    constancy_action_percent: str = CONSTANCY_ACTION_PERCENT,
    linearity_percent: str = LINEARITY_PERCENT,
    accuracy_percent: str = ACCURACY_PERCENT,
    daily_source: str = "",
) -> EquipmentRules:
    """Intervals in days and limits in % from now on. What was checked before keeps the limits it was judged by."""
    attestation = attest(actor, credential, purpose="equipment.rule")
    attestation.require(Permission.RULE_EQUIPMENT)
    intervals = {
        "calibration_days": calibration_days,
        "linearity_days": linearity_days,
        "accuracy_days": accuracy_days,
        "service_days": service_days,
    }
    limits = {
        "constancy_warning_percent": constancy_warning_percent.strip(),
        "constancy_action_percent": constancy_action_percent.strip(),
        "linearity_percent": linearity_percent.strip(),
        "accuracy_percent": accuracy_percent.strip(),
    }
    for name, days in intervals.items():
        if days is not None and not 0 < days <= LONGEST_INTERVAL.days:
            raise InvalidInput(f"{name}: {days} days is no interval of upkeep.", code="out_of_range", field=name)
    for name, limit in limits.items():
        if not 0 < parse_number(limit, field=name) <= 50:
            raise InvalidInput(
                f"{name}: a limit of {limit} % shows nothing; it is above 0 and at most 50 %.",
                code="out_of_range",
                field=name,
            )
    if parse_number(constancy_warning_percent, field="w") > parse_number(constancy_action_percent, field="a"):
        raise InvalidInput(
            "constancy_warning_percent: the warning limit lies beyond the action limit.",
            code="out_of_range",
            field="constancy_warning_percent",
        )
    equipment, source = find_equipment(code), find_source(daily_source) if daily_source else None
    _refuse_without(reason)
    with operation(actor=attestation.actor, action="equipment.rule", subject=code, reason=reason.strip()) as op:
        signature = sign(
            op,
            attestation,
            meaning=Meaning.APPROVED,
            permission=Permission.RULE_EQUIPMENT,
            covers=f"limits and intervals of {code}",
            manifest={"equipment": code, **intervals, **limits, "daily_source": daily_source},
        )
        return EquipmentRules.objects.create(
            equipment=equipment, daily_source=source, signature=signature, **intervals, **limits
        )


def set_service_status(
    *, actor: Actor, code: str, in_service: bool, credential: Credential, reason: str
) -> ServiceStatus:
    """Take an instrument out of service or put it back. Out of service, no reading on it is accepted."""
    attestation = attest(actor, credential, purpose="equipment.serve")
    attestation.require(Permission.SERVE_EQUIPMENT)
    _refuse_without(reason)
    with operation(actor=attestation.actor, action="equipment.serve", subject=code, reason=reason.strip()) as op:
        equipment = Equipment.objects.select_for_update().get(pk=find_equipment(code).pk)
        if condition_of(equipment).in_service == in_service:
            raise Conflict(
                f"{code} is {'in' if in_service else 'out of'} service already.",
                code="illegal_transition",
                field="reason",
            )
        signature = sign(
            op,
            attestation,
            meaning=Meaning.PUT_IN_SERVICE if in_service else Meaning.TAKEN_OUT_OF_SERVICE,
            permission=Permission.SERVE_EQUIPMENT,
            covers=code,
            manifest={"equipment": code, "in_service": in_service, "reason": reason.strip()},
        )
        return ServiceStatus.objects.create(equipment=equipment, in_service=in_service, signature=signature)


def _refuse_without(reason: str) -> None:
    if not reason.strip():
        raise InvalidInput("Say why.", code="reason_missing", field="reason")
