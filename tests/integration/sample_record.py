"""The frozen context of a small batch record with everything in it that a record may hold, and the wish to print it."""

from __future__ import annotations

from typing import Any

from lims.accounts.actors import system_actor
from lims.audit.operations import operation
from lims.records.models import Document
from lims.records.services import request_document

Json = dict[str, Any]
OPERATOR = {"username": "operator", "full_name": "Olga Operator"}
VERIFIER = {"username": "verifier", "full_name": "Viktor Verifier"}
ANALYST = {"username": "analyst", "full_name": "Anna Analyst"}
REVIEWER = {"username": "reviewer", "full_name": "Rosa Reviewer"}
RELEASER = {"username": "releaser", "full_name": "Renate Releaser"}


def entry(number: int, typed: str, **more: Any) -> Json:
    return {
        "id": number,
        "step": "formulate",
        "field": "cells",
        "typed": typed,
        "value": typed,
        "unit": "MBq",
        "at": "2026-03-03T08:11:00+00:00",
        "recorded_at": "2026-03-03T08:11:40.123456+00:00",
        "recorded_by": OPERATOR,
        "equipment": "DC-1",
        "lot": None,
        "late": False,
        "reason": "",
        "out_of_range": False,
        "corrects": None,
        "verified_by": None,
        "verified_at": None,
        "warnings": [],
        **more,
    }


def field(key: str, label: str, current: Json | None, **more: Any) -> Json:
    plain: Json = {"type": "activity", "unit": "MBq", "min": None, "max": None, "options": [], "critical": False}
    kinds: Json = {"material": None, "equipment_kind": "dose_calibrator", "superseded": []}
    return {"key": key, "label": label, "entry": current, **plain, **kinds, **more}


def steps() -> list[Json]:
    corrected = entry(
        2, "3.88", corrects=1, reason="digits swapped", recorded_at="2026-03-03T08:15:00+00:00", verified_by=VERIFIER
    )
    corrected["verified_at"] = "2026-03-03T08:20:00+00:00"
    late = entry(3, "0.0662", late=True, reason="hands in the hot cell", recorded_at="2026-03-03T09:31:00+00:00")
    fields = [
        field("cells", "Labeled cells", corrected, min="0.1", max="60", critical=True, superseded=[entry(1, "8.38")]),
        field("wash", "Wash 2", late),
        field("warm", "Temperature", entry(4, "27.4", unit="degC", out_of_range=True), unit="degC", min="18", max="26"),
        field("lot", "PBS lot", entry(5, "PBS-302", unit="", lot="PBS-302", equipment=None), type="lot", unit=""),
        field("volume", "Volume", None, unit="mL"),
    ]
    timer: Json = {"min_minutes": "15", "max_minutes": "30", "minutes": "20", "conforms": True}
    timer |= {"started_at": "2026-03-03T06:38:00+00:00", "stopped_at": "2026-03-03T06:58:00+00:00"}
    return [
        {
            "key": "formulate",
            "title": "Formulate the labeled cells",
            "instruction": "Mix gently.",
            "verified_by_second_person": True,
            "state": "done",
            "timer": timer,
            "verified_by": VERIFIER,
            "verified_at": "2026-03-03T08:25:00+00:00",
            "fields": fields,
        }
    ]


def result(**more: Any) -> Json:
    return {
        "key": "specific_activity",
        "title": "Activity per million viable cells",
        "unit": "kBq/10^6 cells",
        "value": "56.35439360929557",
        "u": "1.2",
        "display": "56.4 ± 1.2 kBq/10^6 cells",
        "at": "2026-03-03T08:11:00+00:00",
        "formula": "cell-specific-activity",
        "version": "1",
        "worked": "3880 kBq / 68.85 = 56.35 kBq/10^6 cells",
        "constants": {"half-life Zr-89": {"value": "78.41", "unit": "h", "u": "0.12"}},
        "missing": [],
        "flags": [],
        "warning_limit": {"min": None, "max": "70"},
        "action_limit": {"min": None, "max": "100"},
        "limit_state": "within",
        **more,
    }


def tests() -> list[Json]:
    first: Json = {
        "id": 8,
        "value": "28",
        "display": "28 EU/mL",
        "recorded_by": ANALYST,
        "cause": "cartridge left open",
    }
    first["recorded_at"] = "2026-03-03T08:40:00+00:00"
    done: Json = {
        "key": "endotoxin",
        "title": "Bacterial endotoxin",
        "unit": "EU/mL",
        "type": "number",
        "verdict": "pass",
    }
    done |= {"criterion": {"min": None, "max": "17.5", "accept": []}, "required_before": "release", "formula": None}
    done |= {"from_result": None, "value": "<0.50", "display": "<0.50 EU/mL", "result_id": 9, "recorded_by": ANALYST}
    done |= {"recorded_at": "2026-03-03T08:50:00+00:00", "reviewed_by": REVIEWER, "invalidated": [first]}
    done |= {"reviewed_at": "2026-03-03T09:00:00+00:00"}
    later: Json = {**done, "key": "sterility", "title": "Sterility", "unit": "", "type": "choice", "verdict": "missing"}
    later |= {"criterion": {"accept": ["no growth"]}, "required_before": "final", "value": None, "display": ""}
    later |= {"result_id": None, "recorded_by": None, "recorded_at": None, "reviewed_by": None, "invalidated": []}
    return [done, later]


def signatures() -> list[Json]:
    common: Json = {
        "reason": "",
        "covers": "step formulate of L-2026-0001",
        "holds": True,
        "manifest_sha256": "ab" * 32,
    }
    return [
        {
            "id": 1,
            "meaning": "verified",
            "meaning_text": "Verified as second person",
            "full_name": "Viktor Verifier",
            "username": "verifier",
            "role": "Verifier",
            "at": "2026-03-03T08:25:00+00:00",
            **common,
        },
        {
            "id": 2,
            "meaning": "released",
            "meaning_text": "Released for use",
            "full_name": "Renate Releaser",
            "username": "releaser",
            "role": "Qualified person",
            "at": "2026-03-03T23:30:17+00:00",
            **common,
        },
    ]


def batch(number: str) -> Json:
    deviation: Json = {
        "id": 1,
        "step": "formulate",
        "text": "Temperature 27.4 °C is outside 18 to 26 °C.",
        "severity": "minor",
    }
    deviation |= {"status": "assessed", "opened_at": "2026-03-03T08:12:00+00:00", "assessment": "No influence."}
    deviation |= {"assessed_by": REVIEWER, "assessed_at": "2026-03-03T09:10:00+00:00"}
    nuclide: Json = {
        "code": "Zr-89",
        "half_life": {"value": "78.41", "unit": "h", "u": "0.12"},
        "source": "evaluated data",
    }
    return {
        "number": number,
        "status": "released",
        "status_label": "Released",
        "revision": 12,
        "kind": "labeling",
        "protocol": {"code": "t-cells", "version": 1, "title": "T cells with [89Zr]Zr-oxine", "sha256": "12" * 32},
        "specification": {
            "code": "labeled-t-cells",
            "version": 1,
            "title": "89Zr-labeled T cells",
            "sha256": "34" * 32,
        },
        "product": "89Zr-labeled T cells",
        "nuclide": nuclide,
        "identity": "COI-302-1",
        "planned_at": "2026-03-03T05:45:00+00:00",
        "planned_by": OPERATOR,
        "started_at": "2026-03-03T06:05:00+00:00",
        "start_recorded_at": "2026-03-03T06:05:02+00:00",
        "started_by": OPERATOR,
        "start_reason": "",
        "completed_at": "2026-03-03T08:30:00+00:00",
        "expires_at": "2026-03-03T14:11:00+00:00",
        "disposed_at": "2026-03-03T23:30:17+00:00",
        "steps": steps(),
        "results": [result()],
        "deviations": [deviation],
        "tests": tests(),
        "signatures": signatures(),
        "documents": [],
        "actions": [],
    }


def context(number: str = "L-2026-0001", *, acts: int = 3) -> Json:
    """`acts` lengthens the audit trail: 60 of them fill a page."""
    change = {"field": "value", "old": "8.38 MBq", "new": "3.88 MBq"}
    act: Json = {
        "at": "2026-03-03T08:15:00+00:00",
        "actor": OPERATOR,
        "sentence": "Corrected Labeled cells",
        "reason": "",
    }
    return {
        "batch": batch(number),
        "printed": {
            "at": "2026-03-03T23:30:18+00:00",
            "zone": "Europe/Berlin",
            "version": "0.1.0",
            "site": "Radiopharmacy of the Test",
        },
        "history": [{**act, "changes": [change]}] * acts,
        "decision": {"decision": "release", "by": RELEASER, "at": "2026-03-03T23:30:17+00:00", "reason": ""},
        "gate": {"decision_possible": True, "blockers": []},
    }


def requested(number: str = "L-2026-0001", **more: Any) -> Document:
    acts = more.pop("acts", 3)
    wish: dict[str, Any] = {
        "kind": Document.Kind.BATCH_RECORD,
        "number": f"{number}/1",
        "title": f"Batch record {number}",
        "template": "records/batch_record.html",
        "context": context(number, acts=acts),
        "subject": number,
        **more,
    }
    with operation(actor=system_actor(), action="batch.release", subject=number) as op:
        return request_document(op, **wish)
