"""The audit trail of one subject in sentences, with the rows behind each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from labeling.domain.display import display
from labeling.models import Entry
from lims.audit.models import Change, Operation
from lims.oversight.selectors import LEAVES_THE_RECORD
from lims.records.models import Document
from lims.signatures.manifestation import signature_in_trail
from lims.signatures.meanings import Meaning

Json = dict[str, Any]

# Columns that say nothing a reader asks for: numbers of rows, and what the sentence or the operation says already.
QUIET = {
    *("id", "operation_id", "batch_id", "recorded_by_id", "recorded_at", "entry_id", "corrects_id", "warnings"),
    *("lot_id", "source_batch_id", "equipment_id", "worked", "constants", "flags", "computed_at", "manifest"),
    *("evidence", "source_id", "daily_source_id", "batches", "registered_by_id"),
    *("opened_by_id", "opened_at", "planned_by_id", "started_by_id", "disposed_by_id", "signer_id", "signature_id"),
    *("content", "content_u", "content_at", "content_volume"),
}
VERBS = {
    "batch.plan": "planned the batch",
    "batch.start": "started the batch",
    "batch.complete": "completed the batch",
    "batch.hold": "put the batch on hold",
    "batch.resume": "took the batch up again",
    "batch.release": "released the batch",
    "batch.reject": "rejected the batch",
    "entry.record": "recorded",
    "entry.correct": "corrected",
    "entry.discard": "gave up an entry that had been refused",
    "entry.verify": "verified",
    "step.verify": "verified",
    "timer.start": "started the timer of",
    "timer.stop": "stopped the timer of",
    "deviation.assess": "assessed a deviation",
    "deviation.report": "reported a deviation",
    "timer.missed": "found a timer beyond its limit",
    "result.record": "recorded a test result:",
    "result.correct": "corrected a test result:",
    "audit.review": "reviewed the audit trail",
    "audit.export": "exported the audit trail",
    "audit.print": "printed the audit trail",
    "audit.package": "asked for an inspection package",
    "audit.verify": "verified the seals of the audit trail",
    "audit.sample": "drew a sample of the audit trail for its review",
    "audit.review_period": "reviewed the audit trail of the site",
    "result.review": "reviewed a test result",
    "result.investigate": "invalidated a test result",
    "identity.refused": "was stopped: cells of another identity",
    "scan.match": "scanned",
    "scan.refuse": "gave another code than was expected:",
    "line.clear": "cleared the line",
    "line.verify": "verified that the line is cleared",
    "batch.dispatch": "handed over the product",
    "document.request": "asked for a new record of the batch",
    "signing.refuse": "refused to sign",
    "document.seal": "sealed a printed record",
    "lot.receive": "received a lot",
    "lot.accept": "accepted the lot",
    "lot.reject": "rejected the lot",
    "equipment.certificate": "added the file of a calibration certificate",
    "lot.certificate": "added a certificate to the lot",
    "lot.survey": "surveyed the package of the lot",
    "lot.withdraw": "took something from the lot",
    "container.open": "opened the container",
    "container.read": "read the container",
    "container.transfer": "moved activity out of the container",
    "container.correct": "corrected what was read of the container",
    "container.use_up": "used up the container",
    "container.store": "put the container into decay storage",
    "container.survey": "surveyed the container",
    "equipment.register": "registered an instrument",
    "equipment.check": "checked an instrument",
    "equipment.calibrate": "recorded a calibration",
    "equipment.describe": "changed the register of instruments",
    "equipment.constancy": "read a check source",
    "equipment.linearity": "tested the linearity",
    "equipment.accuracy": "tested the accuracy",
    "equipment.service": "recorded a service",
    "equipment.rule": "set limits and intervals",
    "equipment.serve": "changed whether it is in service",
    "equipment.allow": "allowed a reading on an instrument that is not in order",
    "equipment.restate": "restated readings",
    "batch.restate": "re-evaluated the batch with restated readings",
    "source.register": "registered a check source",
    "label.print": "printed",
    "protocol.print": "asked for the printed master record",
    "downtime.issue": "issued a down-time sheet",
    "downtime.void": "made a down-time sheet void",
    "downtime.attach": "attached a scan of the down-time sheet",
    "downtime.transfer": "signed that the down-time sheet is entered whole",
    "downtime.stand_in": "signed for the down-time sheet in place of the person who worked on it",
    "downtime.reconcile": "compared the down-time sheet with what was entered",
    "nuclide.adopt": "adopted a half-life",
    "training.record": "recorded",
    "training.withdraw": "withdrew",
    "training.demonstrate": "recorded demo accounts as trained for demonstration",
    "person.enroll": "enrolled a person",
    "person.deactivate": "closed an account",
    "person.roles": "changed the roles of a person",
    "person.reset_password": "set a password for one sign-in",
    "person.change_password": "changed their password",
    "person.check_identity": "checked who a person is",
    "person.revoke_factor": "revoked a second factor",
    "person.begin_factor": "began to set up a second factor",
    "person.set_up_factor": "set up a second factor",
    "person.add_key": "added a security key",
    "person.confirm_key": "touched a new security key, which counts from then on",
    "person.revoke_key": "revoked a security key of their own",
    "person.revoke_keys": "revoked the security keys of a person",
    "person.accept_statement": "accepted the statement on signatures",
    "person.unlock": "unlocked an account",
    "person.review_access": "reviewed who has access",
    "protocol.import": "imported a protocol as a draft",
    "protocol.submit": "reviewed and submitted a protocol",
    "protocol.approve": "approved a protocol",
    "protocol.make_effective": "made a protocol effective",
    "protocol.retire": "retired a protocol",
    "specification.import": "imported a specification as a draft",
    "specification.submit": "reviewed and submitted a specification",
    "specification.approve": "approved a specification",
    "specification.make_effective": "made a specification effective",
    "specification.retire": "retired a specification",
    "alarm.raise": "raised an alarm",
    "alarm.acknowledge": "acknowledged an alarm",
    "data.migrate": "migrated data",
}


# New rows that no sentence tells: what they say is listed field by field.
UNTOLD = {
    *("labeling_lot", "labeling_equipment", "labeling_equipmentcheck", "labeling_calibration", "accounts_user"),
    *("labeling_decaystorage", "labeling_wastesurvey"),
    *("labeling_checksource", "labeling_equipmentrules", "labeling_servicestatus", "labeling_restatement"),
    *("labeling_adoptednuclide", "oversight_alarm", "oversight_acknowledgement"),
    *("labeling_lotcertificate", "labeling_packagesurvey", "people_accessreview"),
}


def history_of(subject: str) -> list[Json]:
    """Every act upon the subject, oldest first."""
    operations = (
        Operation.objects.filter(subject=subject).select_related("actor").prefetch_related("changes").order_by("id")
    )
    return history_rows(operations)


def events_since_record(number: str) -> int | None:
    """How many acts upon a batch stand in none of its records; None before there is one."""
    records = Document.objects.filter(kind=Document.Kind.BATCH_RECORD, subject=number)
    last = records.order_by("-pk").values_list("operation_id", flat=True).first()
    if last is None:
        return None
    return Operation.objects.filter(subject=number, pk__gt=last).exclude(LEAVES_THE_RECORD).count()


def history_rows(operations: Iterable[Operation]) -> list[Json]:
    """Each act with what stands behind it; the values that were corrected are read at once."""
    acts = list(operations)
    corrected = [
        change.new_row["corrects_id"]
        for act in acts
        if act.action == "entry.correct"
        for change in act.changes.all()
        if change.table_name == "labeling_entry" and change.new_row
    ]
    # An entry is never changed, so its row says what its trail says.
    originals = {pk: f"{typed} {unit}".rstrip() for pk, typed, unit in _typed(corrected)} if corrected else {}
    return [_row(act, originals) for act in acts]


def _typed(entries: list[int]) -> Iterable[tuple[int, str, str]]:
    return Entry.objects.filter(pk__in=entries).values_list("pk", "typed", "unit")


def _row(operation: Operation, originals: Mapping[int, str]) -> Json:
    changes = list(operation.changes.all())
    return {
        "id": operation.pk,
        "at": operation.at.isoformat(),
        "actor": {"username": operation.actor.username, "full_name": operation.actor.full_name},
        "role": operation.role,
        "action": operation.action,
        "subject": operation.subject,
        "source": operation.source,
        "address": operation.address,
        "sentence": f"{operation.actor.full_name} {_what(operation, changes)}",
        "reason": operation.reason,
        "signatures": [
            signature_in_trail(c.new_row) for c in changes if c.table_name == "signatures_signature" and c.new_row
        ],
        "changes": _changes(operation, changes, originals),
    }


def _changes(operation: Operation, changes: list[Change], originals: Mapping[int, str]) -> list[Json]:
    """What moved: the fields of changed rows, and for a correction the value that was corrected beside the new one."""
    moved = [row for change in changes for row in _differences(change)]
    corrected = next((c.new_row for c in changes if c.table_name == "labeling_entry" and c.new_row), None)
    if operation.action != "entry.correct" or corrected is None:
        return moved
    old, new = originals.get(corrected["corrects_id"]), f"{corrected['typed']} {corrected['unit']}".rstrip()
    return [{"field": _words(corrected["field"]), "old": old, "new": new}, *moved]


def _what(operation: Operation, changes: Iterable[Change]) -> str:
    verb = VERBS.get(operation.action)
    if verb is None:
        return operation.action.replace(".", ": ").replace("_", " ")
    told = list(changes)
    if operation.action == "step.verify":
        return f"{verb} {_steps_signed_for(told)}".rstrip()
    if operation.action == "result.review":
        tests = _tests_signed_for(told)
        return f"{verb}, {tests[0]}" if len(tests) == 1 else f"reviewed test results: {', '.join(tests)}"
    rows = {change.table_name: change.new_row or {} for change in told}
    return f"{verb}{_object(operation.action, rows)}"


def _steps_signed_for(changes: Iterable[Change]) -> str:
    """The steps of one act of verification: it signs for each of them."""
    covers = [c.new_row["covers"] for c in changes if c.table_name == "signatures_signature" and c.new_row]
    steps = [_words(name.removeprefix("step ").partition(" of ")[0]) for name in covers]
    return f"step{'s' if len(steps) > 1 else ''} {', '.join(steps)}" if steps else ""


def _tests_signed_for(changes: Iterable[Change]) -> list[str]:
    """The tests of one act of review: it signs for each of their results."""
    covers = [c.new_row["covers"] for c in changes if c.table_name == "signatures_signature" and c.new_row]
    return [_words(name.removeprefix("test ").partition(" of ")[0]) for name in covers]


def _object(action: str, rows: Mapping[str, Mapping[str, Any]]) -> str:
    """What the verb is about, in words out of the rows that were added."""
    if entry := rows.get("labeling_entry"):
        value = "confirmed" if entry["typed"] == "true" else f"{entry['typed']} {entry['unit']}".rstrip()
        return f" {_words(entry['field'])} ({_words(entry['step'])}): {value}"
    if bench := _at_the_bench(rows):
        return bench
    if result := rows.get("qc_testresult"):
        return f" {_words(result['test'])} {_shown(result)}".rstrip()
    if refusal := rows.get("signatures_refusal"):
        return f" {refusal['covers']}: “{Meaning(refusal['meaning']).text}”"
    signature = rows.get("signatures_signature")
    return _signed_for(action, signature["covers"]) if signature else ""


def _signed_for(action: str, covers: str) -> str:
    if action.startswith("training."):
        return f" {covers}"
    if action in {"result.investigate", "entry.verify"}:
        about = covers.partition(" of ")[0].removeprefix("test ").replace(".", ": ")
        return f", {_words(about)}" if action.startswith("result.") else f" {_words(about)}"
    return ""


def _at_the_bench(rows: Mapping[str, Mapping[str, Any]]) -> str:
    if timer := rows.get("labeling_timerevent"):
        return f" {_words(timer['step'])}"
    if scan := rows.get("labeling_scan"):
        return f" “{scan['scanned']}” for {scan['expected']}"
    if (printed := rows.get("records_document")) and printed["kind"] == Document.Kind.LABEL:
        return f" {printed['title']}"
    if sent := rows.get("labeling_dispatch"):
        return f" to {sent['recipient']}"
    return ""


def _shown(result: Mapping[str, Any]) -> str:
    """A computed result rounded with its uncertainty, a typed one as it was typed."""
    if result["formula"]:
        return display(result["value"], result["u"], result["unit"])
    return f"{result['value']} {result['unit']}".rstrip()


def _differences(change: Change) -> Iterable[Json]:
    """The fields of a changed row, old and new; a new row is listed where its sentence does not tell it."""
    if change.verb == "INSERT" and change.table_name not in UNTOLD:
        return
    old: Mapping[str, Any] = change.old_row or {}
    new: Mapping[str, Any] = change.new_row or {}
    for field in new:
        moved = old.get(field) != new.get(field) and (change.verb != "INSERT" or new[field] not in ("", None, []))
        if field not in QUIET and moved and not field.endswith(("_signature_id", "_by_id")):
            yield {"field": _words(field), "old": old.get(field), "new": new.get(field)}


def _words(key: str) -> str:
    return key.replace("_", " ")
