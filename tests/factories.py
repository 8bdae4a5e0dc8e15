"""Test data as a laboratory makes it: through the services, by the people who may, never by setting a status."""

from __future__ import annotations

import json
from base64 import b32encode
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from django.utils import timezone
from pyotp import TOTP

from labeling.models import Batch, Equipment, Lot, ProtocolVersion, SpecificationVersion
from labeling.selectors.batch import find_batch
from labeling.selectors.clock import database_now
from labeling.selectors.facts import facts_of
from labeling.services.audit_review import review_audit_trail
from labeling.services.completion import complete_batch
from labeling.services.demonstration import train_demo_accounts
from labeling.services.equipment import record_check, register_equipment
from labeling.services.materials import decide_lot, receive_lot
from labeling.services.planning import plan_batch, start_batch
from labeling.services.recording import Reading, record_entry
from labeling.services.timers import record_timer
from labeling.services.verification import verify_entry, verify_step
from labeling.services.versions import (
    approve_version,
    import_protocol,
    import_specification,
    make_version_effective,
    submit_version,
)
from lims.accounts.actors import Actor, system_actor
from lims.accounts.attestation import Credential
from lims.accounts.models import Factor, User
from lims.accounts.roles import Role
from lims.people.services import enroll_for_demonstration
from qc.services.disposition import release_batch
from qc.services.results import record_result
from qc.services.reviews import review_result

ROOT = Path(__file__).resolve().parent.parent
LATE = "written down at the hot cell, entered afterwards"
PASSWORD = "a-long-password-for-{}"


def totp_secret(username: str) -> str:
    return b32encode(f"{username:*<20}"[:20].encode()).decode()


def fresh_code(username: str) -> str:
    """A one-time code that will be accepted now: tests sign more often than every thirty seconds.

    What was used is forgotten in the database of the test; the program has no such switch.
    """
    Factor.objects.filter(user__username=username).update(last_step=0)
    return TOTP(totp_secret(username)).at(timezone.now())


def credential(username: str) -> Credential:
    return Credential(username, PASSWORD.format(username), fresh_code(username))


@dataclass(frozen=True, slots=True)
class People:
    operator: Actor
    verifier: Actor
    analyst: Actor
    reviewer: Actor
    releaser: Actor
    quality: Actor
    radiation_safety: Actor
    administrator: Actor
    inspector: Actor
    integration: Actor


def people() -> People:
    """One person for each role, who signs with `credential(role)`."""
    roles = [role for role in Role if role is not Role.SYSTEM]
    return People(**{role.value: another(role.value, role.value) for role in roles})


def known_people() -> People:
    """Those whom `people` made, as the database of this test holds them."""
    return People(**{user.username: Actor(user) for user in User.objects.filter(username__in=People.__slots__)})


def another(username: str, *roles: str) -> Actor:
    """One more person, who can work and sign at once, trained as demo accounts are for what is in use by then."""
    user = enroll_for_demonstration(
        actor=system_actor(),
        username=username,
        full_name=f"{username.replace('_', ' ').capitalize()} Test",
        roles=roles,
        password=PASSWORD.format(username),
        totp_secret=totp_secret(username),
    )
    train_demo_accounts()
    return Actor(user)


def adopt_library(who: People) -> None:
    """The shipped protocols and specifications of the campaign, made effective."""
    for name in ("zr89-oxine", "labeled-t-cells"):
        text = (ROOT / f"library/specifications/{name}.yaml").read_text(encoding="utf-8")
        version, _ = import_specification(actor=who.operator, text=text)
        adopt(who, SpecificationVersion, version.code, version.number)
    for name in ("zr89-oxine-kit", "t-cell-labeling"):
        text = (ROOT / f"library/protocols/{name}.yaml").read_text(encoding="utf-8")
        protocol, _ = import_protocol(actor=who.operator, text=text)
        adopt(who, ProtocolVersion, protocol.code, protocol.number)


def adopt(who: People, model: Any, code: str, number: int) -> None:
    target = {"model": model, "code": code, "number": number}
    submit_version(actor=who.reviewer, credential=credential("reviewer"), **target)
    approve_version(actor=who.quality, credential=credential("quality"), **target)
    make_version_effective(actor=who.quality, credential=credential("quality"), **target)


def instrument(who: People, code: str, kind: str, *, checked: bool = True) -> Equipment:
    """An instrument; `checked` today and yesterday, because a batch made just after midnight began before it."""
    equipment = register_equipment(actor=who.operator, code=code, kind=kind)
    if checked:
        now = database_now()
        for at in (now - timedelta(days=1), now):
            record_check(actor=who.operator, code=code, at=at, outcome="pass", reason=LATE if at < now else "")
    return equipment


def lot(who: People, number: str, material: str, *, accepted: bool = True, days: float = 30, identity: str = "") -> Lot:
    received = receive_lot(
        actor=who.operator,
        number=number,
        material=material,
        expires_at=database_now() + timedelta(days=days),
        identity=identity,
    )
    if not accepted:
        return received
    return decide_lot(actor=who.quality, lot_id=received.pk, credential=credential("quality"), accept=True)


@cache
def campaign() -> dict[str, Any]:
    content: dict[str, Any] = json.loads((ROOT / "examples/campaign.json").read_text(encoding="utf-8"))
    return content


def stock(who: People) -> None:
    """The instruments and lots of the reference campaign."""
    for row in campaign()["equipment"]:
        instrument(who, row["code"], row["kind"])
    lot(who, campaign()["lot"]["lot"], campaign()["lot"]["material"])
    for row in campaign()["other_lots"]:
        lot(who, row["lot"], row["material"], identity=row.get("identity", ""))


def furnish(who: People) -> None:
    """A laboratory that can make the reference campaign."""
    adopt_library(who)
    stock(who)


def shift() -> timedelta:
    """What moves the times of the campaign's synthesis so that it ended a few minutes ago."""
    last = max(datetime.fromisoformat(e["at"]) for e in campaign()["synthesis"]["entries"] if "at" in e)
    return database_now() - last - timedelta(minutes=5)


def started(who: People, plan: dict[str, Any], moved: timedelta) -> Batch:
    batch = plan_batch(actor=who.operator, protocol=plan["protocol"], identity=plan.get("identity", ""))
    at = datetime.fromisoformat(plan["started_at"]) + moved
    return start_batch(actor=who.operator, number=batch.number, started_at=at, reason=LATE)


def record(who: People, number: str, row: dict[str, Any], moved: timedelta, **changed: str) -> None:
    value = "true" if row["value"] is True else row["value"]
    reading = Reading(
        value=changed.get("value", value),
        unit=row.get("unit", ""),
        at=datetime.fromisoformat(row["at"]) + moved if "at" in row else None,
        equipment=row.get("equipment", ""),
        reason=LATE,
    )
    record_entry(actor=who.operator, number=number, step=row["step"], field=row["field"], reading=reading)


def recorded(
    who: People, plan: dict[str, Any], *, moved: timedelta | None = None, values: Mapping[str, str] | None = None
) -> Batch:
    """A batch with all its entries and timers; `values` replaces some by `step.field`."""
    moved = moved if moved is not None else shift()
    batch = started(who, plan, moved)
    for row in plan["entries"]:
        value = (values or {}).get(f"{row['step']}.{row['field']}")
        record(who, batch.number, row, moved, **({"value": value} if value else {}))
    for timer in plan["timers"]:
        for event, key in (("start", "started_at"), ("stop", "stopped_at")):
            at = datetime.fromisoformat(timer[key]) + moved
            record_timer(actor=who.operator, number=batch.number, step=timer["step"], event=event, at=at, reason=LATE)
    return batch


def verify_all(who: People, number: str) -> None:
    facts = facts_of(find_batch(number))
    for step in facts.protocol.steps:
        if step.verified_by_second_person:
            verify_step(actor=who.verifier, number=number, step=step.key, credential=credential("verifier"))
            continue
        critical = {field.key for field in step.fields if field.critical}
        for entry in facts.entries_of(step.key):
            if entry.field in critical:
                verify_entry(actor=who.verifier, number=number, entry_id=entry.pk, credential=credential("verifier"))


def completed(who: People, plan: dict[str, Any] | None = None, *, values: Mapping[str, str] | None = None) -> Batch:
    """A synthesis (or `plan`) in quarantine."""
    batch = recorded(who, plan or campaign()["synthesis"], values=values)
    verify_all(who, batch.number)
    return complete_batch(actor=who.operator, number=batch.number, credential=credential("operator"))


def give_results(who: People, number: str, results: dict[str, Any], *, reviewed: bool = True) -> None:
    for test, given in results.items():
        raw = {"inputs": given} if isinstance(given, dict) else {"value": given}
        result = record_result(actor=who.analyst, number=number, test=test, **raw)
        if reviewed:
            review_result(actor=who.reviewer, number=number, result_id=result.pk, credential=credential("reviewer"))


def review_trail(who: People, number: str) -> None:
    review_audit_trail(actor=who.reviewer, number=number, credential=credential("reviewer"))


def ready_to_decide(who: People, *, values: Mapping[str, str] | None = None) -> Batch:
    """A synthesis in quarantine with all its results and its audit trail reviewed: ready to be decided about."""
    batch = completed(who, values=values)
    give_results(who, batch.number, campaign()["synthesis"]["test_results"])
    review_trail(who, batch.number)
    return find_batch(batch.number)


def released(who: People) -> Batch:
    batch = ready_to_decide(who)
    return release_batch(actor=who.releaser, number=batch.number, credential=credential("releaser"))
