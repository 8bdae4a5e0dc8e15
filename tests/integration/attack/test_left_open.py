"""Codes that mean two things, instants before anything was there, documents that swell: what was left open."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from typing import Any

import pytest

from labeling.domain.documents import MOST_FINDINGS, MOST_NODES
from labeling.domain.dry_run import dry_run, examples
from labeling.domain.nuclides import nuclide
from labeling.domain.outline import protocol_outline
from labeling.domain.protocol_reading import parse_protocol
from labeling.models import Batch, Container
from labeling.services.containers import open_container
from labeling.services.equipment import register_equipment
from labeling.services.instrument_checks import register_source
from labeling.services.materials import receive_lot
from labeling.services.planning import plan_batch
from labeling.services.receipts import Delivery, Survey
from lims.errors import Conflict, DomainError, InvalidInput
from lims.people.management.commands.make_demo_accounts import PEOPLE
from tests import factories
from tests.browser import small_batch
from tests.factories import People
from tests.integration.attack.test_injection import LESS_THAN_A_SECOND
from tests.integration.rest import Rest

ACTIVITY = {"value": "100", "unit": "MBq"}
LATER = datetime(2099, 1, 1, tzinfo=UTC)


def container(who: People, code: str) -> Container:
    return open_container(actor=who.operator, kind="vial", nuclide="Zr-89", code=code, activity=ACTIVITY)


# ------------------------------------------------------------------------------------------------------- codes


@pytest.mark.parametrize("code", ["a/b", "..", "a..b", ".x", "a b", "new", "L-2026-0007", "C-2026-9999", "ä"])
def test_a_code_that_no_scanner_or_address_can_carry_is_refused(who: People, code: str) -> None:
    with pytest.raises(InvalidInput, match="code"):
        container(who, code)
    answer = Rest("operator").post("containers/", {"kind": "vial", "nuclide": "Zr-89", "code": code})
    assert (answer.status_code, answer.data["code"]) == (422, "bad_name"), answer.data


def test_one_code_is_one_thing(who: People) -> None:
    small_batch.adopt_small(who)
    number = plan_batch(actor=who.operator, protocol="small").number
    factories.instrument(who, "DC-9", "dose_calibrator")
    container(who, "V-1")
    receive_lot(actor=who.operator, number="LOT-A", material="kit", expires_at=LATER)
    for code in ("DC-9", "dc-9", "LOT-A"):
        with pytest.raises(Conflict, match="must mean one thing"):
            container(who, code)
    with pytest.raises(DomainError):
        container(who, number)
    for code in ("V-1", "LOT-A"):
        with pytest.raises(Conflict, match="must mean one thing"):
            register_equipment(actor=who.operator, code=code, kind="dose_calibrator")
    with pytest.raises(Conflict, match="an instrument already"):
        register_source(
            actor=who.operator,
            code="DC-9",
            nuclide="Zr-89",
            activity="1",
            unit="MBq",
            reference_at=datetime(2026, 1, 1, tzinfo=UTC),
            certificate="C-1",
        )
    for code in ("V-1", "DC-9", number):
        with pytest.raises(Conflict, match="must mean one thing"):
            receive_lot(actor=who.operator, number=code, material="kit", expires_at=LATER)
    assert Batch.objects.filter(number=number).count() == 1


# ---------------------------------------------------------------------------------------------------- instants


@pytest.mark.requirement("RAD-11")
@pytest.mark.parametrize("at", ["2020-01-01T00:00:00+00:00", "1900-01-01T00:00:00+00:00"])
def test_a_container_held_nothing_before_it_was_there(who: People, at: str) -> None:
    row, rest = container(who, "V-1"), Rest("operator")
    answer = rest.get(f"containers/{row.pk}/activity/", at=at)
    assert (answer.status_code, answer.data["value"]) == (200, None)
    assert "was not there yet" in answer.data["detail"]
    assert rest.get("inventory/", at=at).data["nuclides"] == []


@pytest.mark.parametrize(
    "at", ["0001-01-01T00:00:00+00:00", "2201-01-01T00:00:00+00:00", "yesterday", "2026-01-01T00:00"]
)
def test_an_instant_that_cannot_be_meant_is_refused(who: People, at: str) -> None:
    row = container(who, "V-1")
    assert Rest("operator").get(f"containers/{row.pk}/activity/", at=at).status_code in (400, 422)
    far = Rest("operator").get(f"containers/{row.pk}/activity/", at="2200-01-01T00:00:00+00:00")
    assert float(far.data["value"]) < 1e-9


# ------------------------------------------------------------------------------------------------ survey meters


@pytest.mark.requirement("RAD-2")
def test_a_package_is_surveyed_with_a_survey_meter(who: People) -> None:
    factories.instrument(who, "DC-9", "dose_calibrator")
    factories.instrument(who, "SM-9", "survey_meter")
    dose = {"value": "5", "unit": "uSv/h"}

    def arrive(number: str, meter: str) -> None:
        survey = Survey(dose, dose, condition="intact", wipe="clean", equipment=meter)
        receive_lot(
            actor=who.operator, number=number, material="kit", expires_at=LATER, delivery=Delivery(survey=survey)
        )

    with pytest.raises(InvalidInput, match="DC-9 is a dose calibrator; a package is surveyed with a survey meter"):
        arrive("K-1", "DC-9")
    arrive("K-2", "SM-9")


def test_a_newcomer_can_survey_waste_with_a_demo_account() -> None:
    assert "radiation_safety" in PEOPLE


# --------------------------------------------------------------------------------------------------- documents


def protocol(fields: int, results: list[str]) -> str:
    head = "protocol: hostile\ntitle: h\nkind: labeling\nnuclide: Zr-89\nproduct: p\nspecification: spec-a\n"
    numbers = [f'      - {{key: f{n}, label: f, type: number, min: "1", max: "2"}}' for n in range(fields)]
    made = [f'  - {{key: r{n}, title: r, expression: "{text}", unit: "1"}}' for n, text in enumerate(results)]
    steps = "\n".join(["steps:", "  - key: s", "    title: s", "    fields:", *numbers, "results:", *made])
    return f'{head}{steps}\nexpires: {{from: s.f0, hours: "1"}}\n'


HOSTILE = {
    "keys": "".join(f"k{n}: 1\n" for n in range(6000)),
    "flow": "{" + ",".join(f"k{n}" for n in range(14_000)) + "}",
    "items": "a: [" + ",".join("1" * 49_000) + "]",
    "questions": "? a\n" * 24_000,
    "anchors": "a: [" + ",".join(f"&a{n} 1" for n in range(10_000)) + "]",
    "aliases": "a: &a [" + ",".join("1" * 100) + "]\nb: [" + ",".join(["*a"] * 100) + "]",
    "number": "protocol: " + "9" * 90_000,
    "text": 'protocol: "' + "\\x41" * 24_000 + '"',
    "empty lines": "\n" * 99_000 + "a: 1",
    "nested": "".join(" " * n + "a:\n" for n in range(440)),
    "directives": "%TAG ! tag:x\n" * 7000,
    "tag": "protocol: !!python/object/new:os.system [id]",
    "nul": "protocol: a\x00b",
    "results": protocol(400, ["s.f0"] * 400),
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_document_is_given_up_before_it_costs_anything(text: str) -> None:
    begun = time.process_time()
    with pytest.raises(InvalidInput) as refusal:
        protocol_outline(text)
    assert time.process_time() - begun < LESS_THAN_A_SECOND
    assert refusal.value.code == "document_invalid"
    assert len(refusal.value.details["errors"]) <= MOST_FINDINGS
    if text.startswith("k0"):
        assert f"{MOST_NODES:,} keys and values" in refusal.value.message


@pytest.mark.parametrize("path", ["protocols/", "pages"])
def test_import_and_preview_refuse_them_too(who: People, client: Any, path: str) -> None:
    for name, text in HOSTILE.items():
        if path == "pages":
            client.force_login(who.operator.user)
            page = client.post("/protocols/check/", {"document": text})
            assert page.status_code in (200, 400, 422), name
            assert b"Traceback" not in page.content
        else:
            answer = Rest("operator").post("protocols/", {"document": text})
            assert answer.status_code in (400, 422), name
            assert len(json.dumps(answer.data)) < 100_000, name


def test_a_dry_run_of_the_largest_document_is_soon_over() -> None:
    """What a document may hold bounds what is calculated: 200 results of the longest expressions."""
    chain = ["s.f0", *(f"min(2, r{n}**9) + " + " + ".join(f"s.f{k}" for k in range(18)) for n in range(199))]
    begun = time.process_time()
    read = parse_protocol(protocol(40, chain))
    run = dry_run(read, examples(read, begins_at=datetime(2026, 1, 1, tzinfo=UTC)), nuclide=nuclide("Zr-89"))
    assert len(run.results) == 200
    assert time.process_time() - begun < LESS_THAN_A_SECOND
