"""One batch of a campaign, from plan to sealed record. Each part is done by the account whose part it is."""

from __future__ import annotations

import time
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

from campaign_report import Outcome, Record
from campaign_stock import Say, Stock
from oxinate_client import Json, Oxinate, RefusedError, segment

# An entry counts as late after 15 minutes; the margin covers the time that the run itself takes.
LATE = timedelta(minutes=10)
AFTER_THE_FACT = "Recorded after the fact: the campaign was replayed from its file."
ASSESSMENT = "Assessed with the campaign file: replayed as it was recorded; the tests decide about the batch."
SEALED_WITHIN_S = 120.0
POLL_EVERY_S = 0.5


class BatchMaker:
    def __init__(self, lims: Oxinate, stock: Stock, *, now: datetime, say: Say, records: Path | None) -> None:
        self._lims = lims
        self._stock = stock
        self._say = say
        self._records = records
        self._behind = now.timestamp() - time.time()  # the server's clock counts, not this computer's

    def make(self, name: str, plan: Json, *, synthesis: str | None) -> Outcome:
        """A refusal on the way ends this batch; it is told, and the next batch gets its turn."""
        outcome = Outcome(name, plan)
        try:
            self._make(outcome, synthesis)
        except RefusedError as refusal:
            outcome.problem = str(refusal)
            self._say(f"  stopped. {refusal}")
        if outcome.number:
            outcome.batch = self._batch(outcome.number)
        return outcome

    def _make(self, outcome: Outcome, synthesis: str | None) -> None:
        plan = outcome.plan
        number = self._start(outcome)
        self._say(f"{outcome.name.capitalize()}: {number} ({plan['protocol']}): planned and started.")
        for entry in plan.get("entries", []):
            self._record(number, entry, synthesis)
        for timer in plan.get("timers", []):
            self._time(number, timer)
        self._say(f"  {len(plan.get('entries', []))} entries and {len(plan.get('timers', []))} timers recorded.")
        verified = self._verify(self._batch(number))
        path = f"batches/{number}/complete/"
        outcome.batch = self._lims.sign(path, {}, role="operator", about=f"Completing {number}")
        self._say(f"  {verified} verifications by the second person; completed.")
        self._assess_deviations(self._batch(number))
        self._test(number, plan.get("test_results", {}))
        self._review_trail(number)
        self._decide(outcome)
        outcome.record = self._fetch_record(number)

    def _start(self, outcome: Outcome) -> str:
        plan = outcome.plan
        body = {"protocol": plan["protocol"]}
        if "identity" in plan:
            body["identity"] = self._stock.names[plan["identity"]]
        outcome.batch = self._lims.post("batches/", body, role="operator", about=f"Planning {outcome.name}")
        number = str(outcome.batch["number"])
        when = {"started_at": plan["started_at"]} if "started_at" in plan else {}
        if when:
            when["reason"] = plan.get("reason", AFTER_THE_FACT)
        self._lims.post(f"batches/{number}/start/", when, role="operator", about=f"Starting {number}")
        return number

    def _record(self, number: str, entry: Json, synthesis: str | None) -> None:
        about = f"{number} {entry['step']}.{entry['field']}"
        body = {**entry, "value": self._value(entry["value"], synthesis)}
        if "equipment" in entry:
            body["equipment"] = self._stock.instruments.get(entry["equipment"], entry["equipment"])
        if "at" in entry:
            body |= self._reason_if_late(entry, entry["at"])
        answer = self._lims.post(f"batches/{number}/entries/", body, role="operator", about=about)
        for warning in answer.get("warnings", []):
            self._say(f"  {about}: {warning}")

    def _value(self, value: Any, synthesis: str | None) -> Any:
        if isinstance(value, dict):
            return synthesis
        return self._stock.names.get(value, value) if isinstance(value, str) else value

    def _time(self, number: str, timer: Json) -> None:
        for event, key in (("start", "started_at"), ("stop", "stopped_at")):
            if key in timer:
                body = {"step": timer["step"], "event": event, "at": timer[key]}
                body |= self._reason_if_late(timer, timer[key])
                about = f"{number} {timer['step']}, {event} of the timer"
                self._lims.post(f"batches/{number}/timers/", body, role="operator", about=about)

    def _reason_if_late(self, row: Json, at: str) -> Json:
        if "reason" in row:
            return {"reason": row["reason"]}
        age = time.time() + self._behind - datetime.fromisoformat(at).timestamp()
        return {"reason": AFTER_THE_FACT} if age > LATE.total_seconds() else {}

    def _verify(self, batch: Json) -> int:
        """The marked steps as a whole, and in the other steps each critical value."""
        number, done = batch["number"], 0
        for step in batch["steps"]:
            if step["verified_by_second_person"]:
                path, about = (
                    f"batches/{number}/steps/{segment(step['key'])}/verify/",
                    f"{number} {step['key']}, verification",
                )
                self._lims.sign(path, {}, role="verifier", about=about)
                done += 1
                continue
            for field in step["fields"]:
                entry = field["entry"]
                if field["critical"] and entry and not entry["verified_by"]:
                    path = f"batches/{number}/entries/{entry['id']}/verify/"
                    about = f"{number} {step['key']}.{field['key']}, verification"
                    self._lims.sign(path, {}, role="verifier", about=about)
                    done += 1
        return done

    def _assess_deviations(self, batch: Json) -> None:
        number = batch["number"]
        for deviation in batch["deviations"]:
            self._say(f"  deviation in {deviation['step']}: {deviation['text']}")
            if deviation["status"] == "open":
                path = f"batches/{number}/deviations/{deviation['id']}/assess/"
                about = f"{number}, assessing the deviation in {deviation['step']}"
                self._lims.sign(path, {"assessment": ASSESSMENT}, role="reviewer", about=about)

    def _test(self, number: str, results: Json) -> None:
        for test, value in results.items():
            body = {"test": test, **_test_value(value)}
            about = f"{number}, result of {test}"
            self._lims.post(f"batches/{number}/test-results/", body, role="analyst", about=about)
        reviewed = 0
        for test in self._batch(number)["tests"]:
            if test["result_id"] is not None and not test["reviewed_by"]:
                path = f"batches/{number}/test-results/{test['result_id']}/review/"
                self._lims.sign(path, {}, role="reviewer", about=f"{number}, review of {test['key']}")
                reviewed += 1
        self._say(f"  {len(results)} test results recorded, {reviewed} reviewed.")

    def _review_trail(self, number: str) -> None:
        about = f"Review of the audit trail of {number}"
        review = self._lims.sign(f"batches/{number}/audit-review/", {}, role="reviewer", about=about)
        self._say(f"  audit trail reviewed up to event {review['up_to']}.")

    def _decide(self, outcome: Outcome) -> None:
        """Ask for the release; a batch that cannot be released is rejected, with the refusal as the signed reason."""
        path, about = f"batches/{outcome.number}/disposition/", f"Release of {outcome.number}"
        try:
            self._lims.sign(path, {"decision": "release"}, role="releaser", about=about)
        except RefusedError as refusal:
            if (refusal.status, refusal.code) != (409, "not_releasable"):
                raise
            outcome.decision, outcome.blockers = "refused", refusal.problem.get("blockers") or []
            details = " ".join(str(blocker.get("detail", "")) for blocker in outcome.blockers)
            reason = f"The release was refused. {details or refusal.detail}"
            body = {"decision": "reject", "reason": reason}
            self._lims.sign(path, body, role="releaser", about=f"Rejection of {outcome.number}")
            self._say(f"  release refused; rejected. {details}")
        else:
            outcome.decision = "released"
            self._say("  released.")

    def _fetch_record(self, number: str) -> Record:
        document = self._sealed_document(number)
        if document.get("state") != "sealed":
            error = f" {document['error']}" if document.get("error") else ""
            said = f"Not sealed after {SEALED_WITHIN_S:.0f} s, but {document['state']}: does the worker run?{error}"
            if document["state"] == "failed":
                said = f"It could not be printed.{error}"
            return Record(document.get("id"), "", valid=False, state=str(document["state"]), said=said)
        about = f"Record of {number}"
        content = self._lims.content(f"documents/{document['id']}/content/", role="reviewer", about=about)
        digest = sha256(content).hexdigest()
        found = self._lims.upload(
            "documents/verify/",
            content,
            content_type="application/pdf",
            role="reviewer",
            about=f"Verifying the record of {number}",
        )
        faults = _faults(found, digest, document, number)
        saved = ""
        if self._records:
            path = self._records / f"{number}.pdf"
            path.write_bytes(content)
            saved = str(path)
        said = (
            "The seal does not hold: " + "; ".join(faults) + "."
            if faults
            else "The seal holds, and the server knows the record."
        )
        self._say(f"  record {document['id']} fetched. {said}")
        return Record(document["id"], digest, valid=not faults, state="sealed", said=said, saved_as=saved)

    def _sealed_document(self, number: str) -> Json:
        """The batch's record once it is sealed, or as far as it came in the time that is given to it."""
        until = time.monotonic() + SEALED_WITHIN_S
        newest: Json = {"state": "not requested"}
        while time.monotonic() < until:
            documents = self._lims.get_all(f"batches/{number}/documents/", role="reviewer")
            newest = max(documents, key=lambda document: document["requested_at"], default=newest)
            if newest["state"] in {"sealed", "failed"}:
                break
            time.sleep(POLL_EVERY_S)
        return newest

    def _batch(self, number: str) -> Json:
        batch: Json = self._lims.get(f"batches/{number}/", role="operator")
        return batch


def _test_value(value: Any) -> Json:
    """A plain value; or the inputs of the test's formula; or either of them by name, with an instant."""
    if not isinstance(value, dict):
        return {"value": value}
    if {"value", "inputs"} & value.keys() and value.keys() <= {"value", "unit", "inputs", "at"}:
        return value
    return {"inputs": value}


def _faults(found: Json, digest: str, document: Json, number: str) -> list[str]:
    faults = []
    if digest != document["sha256"]:
        faults.append(f"its SHA-256 is {digest}, the server states {document['sha256']}")
    if not found.get("valid"):
        faults.append("the server judges it invalid")
    if not found.get("known"):
        faults.append("the server does not know it")
    if str(found.get("number")).partition("/")[0] != number:
        faults.append(f"it is the record of {found.get('number')}")
    return faults
