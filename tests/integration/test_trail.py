"""Look through the trail: filters, exceptions alone, pages by cursor, files that no spreadsheet runs."""

from __future__ import annotations

import csv
import hashlib
import io
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from labeling.domain.training import Task
from labeling.models import Batch, Entry, EquipmentCheck
from labeling.selectors.exceptions import Exceptional, exceptions
from labeling.services.audit_review import review_audit_trail
from labeling.services.recording import Reading, correct_entry
from labeling.services.trail_export import Format, export_trail
from labeling.services.training import require_training_for
from lims.accounts.attestation import Credential
from lims.audit.models import Operation
from lims.downloads import neutral
from lims.errors import InvalidInput, PermissionRefused, SignatureRefused, TrainingRefused
from lims.oversight.clocks import Clocks, Synchronization
from lims.oversight.trail import Wanted, operations, wanted_of
from lims.oversight.watch import watch_clocks
from qc.services.investigations import invalidate_result
from qc.services.refusals import refuse_to_sign
from qc.services.results import record_result
from tests import factories
from tests.factories import People, credential
from tests.integration.rest import Rest


@pytest.fixture
def eventful(laboratory: People) -> Batch:
    """A batch with one of each exception: every one of them is to be found, and nothing else."""
    batch = factories.recorded(laboratory, factories.campaign()["synthesis"], values={"react.temperature": "28.0"})
    entry = Entry.objects.get(batch=batch, step="react", field="temperature")
    reading = Reading(value="22.0", unit="degC", reason="Misread the display.")
    correct_entry(actor=laboratory.operator, number=batch.number, entry_id=entry.pk, reading=reading)
    factories.verify_all(laboratory, batch.number)
    from labeling.services.completion import complete_batch

    complete_batch(actor=laboratory.operator, number=batch.number, credential=credential("operator"))
    result = record_result(actor=laboratory.analyst, number=batch.number, test="ph", value="8.3")
    invalidate_result(
        actor=laboratory.quality,
        number=batch.number,
        result_id=result.pk,
        cause="The electrode was dry.",
        credential=credential("quality"),
    )
    assayed = Entry.objects.get(batch=batch, step="product", field="product").measured_at
    record_result(
        actor=laboratory.analyst,
        number=batch.number,
        test="appearance",
        value="clear and colourless",
        at=assayed - timedelta(minutes=1),
        reason="The vial was looked at while it was filled.",
    )
    refuse_to_sign(actor=laboratory.reviewer, act="audit.review", subject=batch.number, reason="The analyst is away.")
    with pytest.raises(SignatureRefused):
        review_audit_trail(
            actor=laboratory.reviewer, number=batch.number, credential=Credential("reviewer", "not the password")
        )
    with pytest.raises(TrainingRefused):
        require_training_for(laboratory.inspector, batch.number, Task.MAKE, doing="entry.record")
    watch_clocks(Clocks(Synchronization.NO, "a test", datetime.now(UTC), 0.0))
    return batch


@pytest.mark.requirement("PI-9.6")
@pytest.mark.requirement("AUD-7")
def test_every_seeded_exception_is_found_and_nothing_else(laboratory: People, eventful: Batch) -> None:
    found = exceptions(Wanted(), size=500).rows
    assert {kind for row in found for kind in row["kinds"]} == {kind.value for kind in Exceptional}
    assert all(row["kinds"] for row in found)
    by_kind = {kind: [r for r in found if kind.value in r["kinds"]] for kind in Exceptional}
    assert [r["sentence"] for r in by_kind[Exceptional.CORRECTION]] == [
        "Operator Test corrected temperature (react): 22.0 degC"
    ]
    assert by_kind[Exceptional.CORRECTION][0]["changes"][0]["old"] == "28.0 degC"
    assert [r["actor"]["username"] for r in by_kind[Exceptional.REFUSED_SIGNING]] == ["reviewer"]
    assert len(by_kind[Exceptional.OUT_OF_RANGE]) == len(by_kind[Exceptional.INVALIDATED]) == 1
    late = Entry.objects.filter(late=True).count() + eventful.timer_events.filter(late=True).count()
    late += EquipmentCheck.objects.filter(late=True).count()
    assert len(by_kind[Exceptional.LATE]) == late > 0
    assert [r["action"] for r in by_kind[Exceptional.BEFORE_PRODUCT]] == ["result.record"]
    quiet = {"entry.verify", "step.verify", "batch.complete", "lot.receive"}
    assert not quiet & {row["action"] for row in found}


@pytest.mark.requirement("AUD-7")
def test_exceptions_are_paged_without_losing_or_repeating_one(laboratory: People, eventful: Batch) -> None:
    whole = [(row["id"], row["access_event"]) for row in exceptions(Wanted(), size=500).rows]
    rest, paged, path = Rest("reviewer"), [], {"kind": ["late", "correction", "refused_signing", "clock"]}
    before: str = ""
    while True:
        page = exceptions(Wanted(), before=before, size=7)
        paged += [(row["id"], row["access_event"]) for row in page.rows]
        if not page.older:
            break
        before = page.older
    assert paged == whole
    answer = rest.client.get("/api/v1/audit/exceptions/", path)
    assert answer.status_code == 200
    assert rest.get("audit/exceptions/", kind="odd").status_code == 422
    assert rest.get("audit/exceptions/", before="nonsense").status_code == 422
    one = rest.get("audit/exceptions/", kind="clock").data["results"]
    assert [row["kinds"] for row in one] == [["clock"]]


@pytest.mark.requirement("AUD-7")
@pytest.mark.parametrize(
    ("query", "least"),
    [
        ({"person": "ANALYST"}, 1),
        ({"action": "entry"}, 10),
        ({"action": "entry.correct"}, 1),
        ({"source": "command"}, 10),
        ({"table": "qc_testresult"}, 1),
        ({"from": "2020-01-01", "to": "2999-01-01"}, 10),
    ],
)
def test_the_trail_is_filtered(laboratory: People, eventful: Batch, query: dict[str, str], least: int) -> None:
    rows = Rest("inspector").get("audit/operations/", **query).data["results"]
    assert len(rows) >= least
    if "person" in query:
        assert {row["actor"]["username"] for row in rows} == {"analyst"}
    if "action" in query:
        assert all(row["action"].startswith(query["action"]) for row in rows)
    if "table" in query:
        assert all(query["table"] in {c["table"] for c in row["changes"]} for row in rows)


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ({"source": "sea"}, "unknown_choice"),
        ({"from": "yesterday"}, "bad_time"),
        ({"to": "2026-03-01T10:00"}, "naive_time"),
    ],
)
def test_a_filter_that_is_not_understood_is_refused(who: People, query: dict[str, str], code: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        wanted_of(query)
    assert refusal.value.code == code
    assert not operations(wanted_of({"from": "2999-01-01"})).exists()


def rows_of(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff"))))


@pytest.mark.requirement("AUD-8")
@pytest.mark.requirement("A11D-12.9")
def test_the_trail_is_exported_and_that_stands_in_the_trail(laboratory: People, eventful: Batch) -> None:
    rest = Rest("inspector")
    answer: Any = rest.post("audit/exports/", {"format": "csv", "subject": eventful.number})
    assert answer.status_code == 200
    assert answer["Content-Disposition"].startswith('attachment; filename="audit-trail-')
    rows = rows_of(b"".join(answer.streaming_content).decode())
    operation_ids = set(Operation.objects.filter(subject=eventful.number).values_list("pk", flat=True))
    assert {int(row["event"]) for row in rows} == operation_ids
    assert sorted(rows, key=lambda row: row["at_utc"])
    [corrected] = [r for r in rows if r["action"] == "entry.correct" and r["table"] == "labeling_entry"]
    assert json.loads(corrected["new"])["typed"] == "22.0"
    exported = Operation.objects.get(action="audit.export")
    assert (exported.actor.username, exported.reason) == ("inspector", f"csv: subject {eventful.number}")


@pytest.mark.requirement("AUD-8")
@pytest.mark.requirement("P11-SA2")
def test_the_export_as_json_carries_zone_and_hash(laboratory: People, eventful: Batch) -> None:
    made = export_trail(actor=laboratory.inspector, wanted=Wanted(), form=Format.JSON)
    text = "".join(made.parts)
    content = json.loads(text)
    lines = [line.removesuffix(",") for line in text.splitlines()[1:-1]]
    assert content["time_zone"] == "Europe/Berlin"
    assert hashlib.sha256("".join(f"{line}\n" for line in lines).encode()).hexdigest() == content["rows_sha256"]
    assert [row["id"] for row in content["operations"]] == list(
        Operation.objects.order_by("pk").values_list("pk", flat=True)
    )


def test_an_export_of_many_portions_misses_none(who: People, monkeypatch: pytest.MonkeyPatch) -> None:
    from labeling.services import trail_export

    monkeypatch.setattr(trail_export, "AT_ONCE", 3)
    made = export_trail(actor=who.inspector, wanted=Wanted(), form=Format.JSON)
    assert len(json.loads("".join(made.parts))["operations"]) == Operation.objects.count()


@pytest.mark.requirement("AUD-8")
@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1"])
def test_no_cell_is_a_formula(who: People, text: str) -> None:
    from lims.audit.operations import operation

    assert neutral(text) == f"'{text}"
    with operation(actor=who.operator, action="attack", subject=text, reason=text):
        pass
    made = export_trail(actor=who.inspector, wanted=Wanted(action="attack"), form=Format.CSV)
    [row] = rows_of("".join(made.parts))
    assert row["subject"] == row["reason"] == f"'{text}"


@pytest.mark.requirement("AUD-8")
@pytest.mark.parametrize("role", ["operator", "verifier", "analyst", "administrator"])
def test_the_trail_is_exported_by_those_who_may_read_it(who: People, role: str) -> None:
    with pytest.raises(PermissionRefused):
        export_trail(actor=getattr(who, role), wanted=Wanted(), form=Format.CSV)
    rest = Rest(role)
    assert rest.post("audit/exports/", {}).status_code == 403
    assert rest.get("audit/exceptions/").status_code == 403


@pytest.mark.requirement("AUD-7")
def test_the_pages_show_filters_exceptions_and_files(laboratory: People, eventful: Batch) -> None:
    from django.test import Client

    client = Client()
    client.force_login(laboratory.inspector.user)
    everything = client.get("/audit/", {"person": "analyst"}).content.decode()
    assert "Analyst Test recorded a test result: ph 8.3" in everything
    only = client.get("/audit/", {"only": "exceptions"}).content.decode()
    assert "Corrected" in only
    assert "received" not in only
    assert client.get("/audit/", {"from": "yesterday"}).status_code == 422
    batch = client.get(f"/batches/{eventful.number}/history/", {"only": "exceptions"}).content.decode()
    assert "Out of range" in batch
    file: Any = client.post("/audit/export/", {"as": "json", "subject": eventful.number})
    content = json.loads(b"".join(file.streaming_content))
    assert {row["subject"] for row in content["operations"]} == {eventful.number}
