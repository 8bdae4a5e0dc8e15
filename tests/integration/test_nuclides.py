"""The half-life is data with a source: adopted by signature, kept by each protocol version, never moved afterwards."""

from __future__ import annotations

import pytest

from labeling.models import AdoptedNuclide, ProtocolVersion, Result
from labeling.services.versions import import_protocol
from tests import factories
from tests.factories import People
from tests.integration.rest import Rest

ADOPTION = {
    "half_life": {"value": "78.36", "unit": "h", "u": "0.06"},
    "source": "A later evaluation",
    "reason": "adopted with the yearly review",
}


@pytest.mark.requirement("QMS-10")
def test_a_half_life_adopted_later_moves_no_batch_and_no_effective_version(laboratory: People) -> None:
    batch = factories.recorded(laboratory, factories.campaign()["synthesis"])
    before = list(Result.objects.filter(batch=batch).values_list("key", "value"))
    answer = Rest("quality").signed("nuclides/Zr-89/adopt/", ADOPTION)
    assert (answer.status_code, answer.data["half_life"]["value"]) == (201, "78.36")
    assert answer.data["library"]["half_life"]["value"] == "78.41"
    version = ProtocolVersion.objects.get(code="zr89-oxine-kit")
    assert version.constants is not None
    assert version.constants["nuclide"]["half_life"]["value"] == "78.41"
    assert list(Result.objects.filter(batch=batch).values_list("key", "value")) == before


def test_the_next_version_is_made_effective_with_the_adopted_value(laboratory: People) -> None:
    Rest("quality").signed("nuclides/Zr-89/adopt/", ADOPTION)
    text = (factories.ROOT / "library/protocols/zr89-oxine-kit.yaml").read_text(encoding="utf-8")
    version, added = import_protocol(actor=laboratory.operator, text=text + "\n# second version\n")
    factories.adopt(laboratory, ProtocolVersion, version.code, version.number)
    version.refresh_from_db()
    assert added
    assert version.constants is not None
    assert version.constants["nuclide"]["source"] == "A later evaluation"


@pytest.mark.parametrize("role", ["operator", "reviewer", "inspector"])
def test_only_quality_adopts_a_half_life(laboratory: People, role: str) -> None:
    assert Rest(role).signed("nuclides/Zr-89/adopt/", ADOPTION).status_code == 403
    assert not AdoptedNuclide.objects.exists()


@pytest.mark.parametrize(
    ("half_life", "code"),
    [
        ({"value": "0", "unit": "h"}, "not_positive"),
        ({"value": "-78", "unit": "h"}, "not_positive"),
        ({"value": "78,41", "unit": "h"}, "ambiguous_number"),
        ({"value": "78.41", "unit": "MBq"}, "wrong_unit"),
    ],
)
def test_a_half_life_that_cannot_be_is_refused(laboratory: People, half_life: dict[str, str], code: str) -> None:
    answer = Rest("quality").signed("nuclides/Zr-89/adopt/", {**ADOPTION, "half_life": half_life})
    assert (answer.status_code, answer.data["code"]) == (422, code)
