"""A small laboratory at work, with one of everything that an address can name."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from django.core.files.base import ContentFile
from django.db import transaction
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from labeling.models import Batch, Deviation, Entry, EquipmentCheck, Training
from labeling.selectors.clock import database_now
from labeling.services.calibrating import record_calibration
from labeling.services.containers import open_container
from labeling.services.downtime import attach_scan, issue_sheet
from labeling.services.receipts import Certificate, attach_certificate
from labeling.services.restating import Proposal, restate
from labeling.services.site_review import draw_sample
from lims.accounts.models import Token
from lims.accounts.roles import Role
from lims.oversight.models import Alarm
from lims.oversight.services import sound_alarm
from lims.oversight.trail import Wanted
from lims.people.access_review import present_document, review_access
from lims.people.models import AccessReview
from lims.records.models import Document
from qc.models import TestResult
from qc.services.disposition import reject_batch
from tests.browser import small_batch
from tests.factories import PASSWORD, People, credential, fresh_code, lot
from tests.integration.rest import Rest

CERTIFICATE = Certificate(content=b"%PDF-1.7 a certificate", number="C-1", issuer="A supplier")
ROLES = [role for role in Role if role is not Role.SYSTEM]


def all_routes(patterns: list[URLPattern | URLResolver] | None = None, prefix: str = "") -> Iterator[str]:
    """Every address of the site as its URL patterns spell it."""
    for pattern in get_resolver().url_patterns if patterns is None else patterns:
        path = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from all_routes(pattern.url_patterns, path)
        else:
            yield path


@dataclass(slots=True)
class Scene:
    who: People
    working: Batch  # a value of it is out of range
    waiting: Batch  # in quarantine, its results not reviewed
    named: dict[str, Any] = field(default_factory=dict)

    def path(self, route: str) -> str:
        """The address of something that is there."""
        batch = self.waiting if re.search("tests/|test-results/|release/|disposition/|hold/|review", route) else None
        named = {**self.named, "number": (batch or self.working).number}
        if "downtime" in route:
            named["number"] = self.named["sheet"]
        if re.match(r"\^|api/v1/(protocols|specifications)/", route):
            named |= {"code": "small", "number": 1}
        if "nuclides" in route:
            named["code"] = "Zr-89"
        filled = re.sub(r"\(\?P<(\w+)>(?:[^()]|\([^()]*\))*\)", lambda found: str(named[found[1]]), route.strip("^$"))
        return "/" + re.sub(r"<\w+:(\w+)>", lambda found: str(named[found[1]]), filled).replace("$", "")


def scene() -> Scene:
    who = small_batch.laboratory()
    waiting = small_batch.in_quarantine(who, reviewed=False)
    rejected = small_batch.in_quarantine(who, reviewed=False)
    reject_batch(actor=who.releaser, number=rejected.number, credential=credential("releaser"), reason="a test")
    working = small_batch.recorded(who, volume="11.5")
    alarm = sound_alarm(kind=Alarm.Kind.CLOCK, subject="server clock", text="The clock is not synchronized.")
    made = Scene(who, working, waiting)
    bin_ = open_container(actor=who.operator, kind="waste", nuclide="Zr-89", code="BIN-1")
    result, deviation = TestResult.objects.filter(batch=waiting).first(), Deviation.objects.get(batch=working)
    entry = Entry.objects.filter(batch=working, field="volume").get()
    assert result is not None
    waiting_lot = lot(who, "KIT-2", "kit", accepted=False)
    training = Training.objects.filter(person=who.operator.user).first()
    assert training is not None
    now = database_now()
    period = Wanted(since=now - timedelta(days=1), until=now + timedelta(days=1))
    restated = restate(
        actor=who.quality,
        code="DC-1",
        proposal=Proposal(since=working.planned_at, certificate="C-1", factor="1.001"),
        credential=credential("quality"),
        reason="a test",
    )
    calibration = record_calibration(
        actor=who.operator,
        code="DC-1",
        valid_from=now,
        relative_u_percent="3",
        certificate_file=CERTIFICATE.content,
        certificate_name="dc-1.pdf",
    )
    sheet = issue_sheet(actor=who.operator, protocol="small", issued_to="operator")
    scan = attach_scan(actor=who.operator, number=sheet.number, name="sheet.pdf", content=b"%PDF-1.7 a sheet")
    made.named = {
        "sheet": sheet.number,
        "scan_id": scan.pk,
        "check_id": EquipmentCheck.objects.filter(equipment__code="DC-1").latest("pk").pk,
        "restatement_id": restated.pk,
        "code": "DC-1",
        "name": "activity-at",
        "username": "operator",
        "act": "roles",
        "kind": "protocols",
        "action": "submit",
        "step": "clearance",
        "alarm_id": alarm.pk if alarm else Alarm.objects.get().pk,
        "container_id": bin_.pk,
        "event_id": bin_.coming_in.get().pk,
        "event": bin_.coming_in.get().pk,
        "calibration_id": calibration.pk,
        "lot_id": waiting_lot.pk,
        "thing": "lot",
        "key": waiting_lot.pk,
        "certificate_id": attach_certificate(actor=who.operator, lot_id=waiting_lot.pk, certificate=CERTIFICATE).pk,
        "entry_id": entry.pk,
        "deviation_id": deviation.pk,
        "result_id": result.pk,
        "document_id": Document.objects.get(subject=rejected.number).pk,
        "training_id": training.pk,
        "sample_id": draw_sample(actor=who.quality, wanted=period, size=5).pk,
        "token_id": token_of("operator"),
        "review_id": reviewed_access(who).pk,
    }
    return made


def reviewed_access(who: People) -> AccessReview:
    seen = present_document()["sha256"]
    return review_access(actor=who.quality, credential=credential("quality"), conclusion="All are needed.", seen=seen)


def token_of(username: str) -> int:
    """The number of a token of theirs, made where there is none."""
    theirs = Token.objects.filter(user__username=username).order_by("-pk")
    if not theirs.exists():
        Rest(username)
    return theirs[0].pk


def pk_of(made: Scene, route: str) -> int:
    """Pages call every number `pk`; the word before it says of what."""
    words = {
        "alarms": "alarm_id",
        "stock": "lot_id",
        "deviations": "deviation_id",
        "tests": "result_id",
        "records": "document_id",
        "training": "training_id",
        "samples": "sample_id",
        "review": "review_id",
        "tokens": "token_id",
        "keys": "token_id",  # of nobody: what is not there is said on the list
        "containers": "container_id",
        "entries": "entry_id",
        "checks": "check_id",
        "scans": "scan_id",
        "restatements": "restatement_id",
    }
    word = re.findall(r"(\w+)/<int:pk>", route)
    return int(made.named[words[word[0]]]) if word else 0


@contextmanager
def undone() -> Iterator[None]:
    """What happens inside never happened: each attempt meets the same scene."""
    atomic = transaction.atomic()
    atomic._from_testcase = True  # type: ignore[attr-defined]  # as in tests/conftest.py
    with atomic:
        try:
            yield
        finally:
            transaction.set_rollback(True)


def signature(username: str) -> dict[str, str]:
    return {"username": username, "password": PASSWORD.format(username), "otp": fresh_code(username)}


class Visitor:
    """Somebody who tries addresses: a person of one role with a page and a token, or nobody."""

    def __init__(self, role: str = "", people: People | None = None, *, scopes: tuple[str, ...] = ()) -> None:
        self.role = role
        self.page = Client()
        self.rest = Rest(role, *scopes).client if role else Client()
        if role and people is not None:
            self.page.force_login(getattr(people, role).user)

    def get(self, path: str) -> Any:
        answer: Any = (self.rest if is_rest(path) else self.page).get(path)
        return answer

    def delete(self, path: str) -> Any:
        answer: Any = (self.rest if is_rest(path) else self.page).delete(path)
        return answer

    def post(self, path: str, body: dict[str, Any], *, signed_by: str = "") -> Any:
        given = signature(signed_by) if signed_by else {}
        answer: Any
        if is_rest(path):
            answer = self.rest.post(path, {**body, **({"signature": given} if given else {})}, **self._json())
        else:
            files = {name: ContentFile(v, name="scan.png") for name, v in body.items() if isinstance(v, bytes)}
            answer = self.page.post(path, {**body, **files, **given})
        return answer

    def _json(self) -> dict[str, Any]:
        return {} if self.role else {"content_type": "application/json"}


def is_rest(path: str) -> bool:
    return path.startswith("/api/") and not path.startswith("/api/v1/docs/")
