"""What docker-compose.yml describes: every name in it is read by somebody, and nothing has a right too many."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

import pytest
from ruamel.yaml import YAML

from tests.factories import ROOT

OURS = ("web", "worker", "beat", "migrate")
ALL = (*OURS, "postgres", "redis")


@cache
def compose() -> Any:
    return YAML(typ="safe").load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))


def test_every_variable_is_one_that_the_program_reads() -> None:
    """A misspelled name would be ignored in silence, and the default taken."""
    sources = [*ROOT.glob("lims/*.py"), ROOT / "lims/development/initialize.sh"]
    text = "".join(path.read_text(encoding="utf-8") for path in sources)
    known = set(re.findall(r"[\"$({]((?:LIMS|DATABASE|REDIS)_[A-Z_]+)", text))
    # `environment.server` and `environment.database` make these of the URL's name.
    known |= {name.replace("_URL", "_PASSWORD") for name in known if name.endswith("_URL")}
    for service in OURS:
        for name in compose()["services"][service]["environment"]:
            assert name in known or name.removesuffix("_FILE") in known, (service, name)


def test_every_secret_is_a_file_and_given_to_those_who_read_it() -> None:
    document = compose()
    for name, secret in document["secrets"].items():
        assert secret == {"file": f"./secrets/{name}"}
    for service, described in document["services"].items():
        environment = described.get("environment", {})
        for name, value in environment.items():
            assert not re.search(r"(PASSWORD|SECRET|KEY)$", name), (service, name)
            if str(value).startswith("/run/secrets/"):
                read = value.removeprefix("/run/secrets/")
                unused = service == "migrate" and name == "DATABASE_PASSWORD_FILE"  # it logs in as the owner
                assert read in described["secrets"] or unused, (service, name)
            assert not re.search(r"://[^/]*:[^/]*@", str(value)), (service, name)


@pytest.mark.requirement("A11D-11.10-11")
@pytest.mark.parametrize("service", ALL)
def test_no_service_may_more_than_it_needs(service: str) -> None:
    described = compose()["services"][service]
    assert described["read_only"] is True
    assert described["cap_drop"] == ["ALL"]
    assert "cap_add" not in described
    assert described["security_opt"] == ["no-new-privileges:true"]
    assert described["user"] not in {"", "root", "0"}
    assert not described.get("privileged")
    assert set(described.get("ports", ())) <= {"127.0.0.1:8000:8000"}
    # The site's health is asked by the image itself (Dockerfile); migrations end.
    assert "healthcheck" in described or service == "web"


def test_the_keys_lie_apart_from_the_data_and_the_anchor_from_both() -> None:
    services, volumes = compose()["services"], compose()["volumes"]
    assert {"data", "keys", "anchor", "database"} <= set(volumes)
    writers = {
        s for s in ALL for v in services[s].get("volumes", ()) if v.startswith("keys:") and not v.endswith(":ro")
    }
    assert writers == {"worker"}
    anchored = {s for s in ALL for v in services[s].get("volumes", ()) if v.startswith("anchor:")}
    assert anchored == {"worker"}
    environment = services["worker"]["environment"]
    for name in ("LIMS_SEAL_DIR", "LIMS_AUDIT_KEY_FILE"):
        assert environment[name].startswith("/var/lib/oxinate-keys/")
    assert environment["LIMS_AUDIT_ANCHOR_FILE"].startswith("/var/lib/oxinate-anchor/")
    image = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    assert "/var/lib/oxinate-keys /var/lib/oxinate-anchor" in image
