"""What production refuses to start with, and that it names every fault at once."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SOUND = {
    "LIMS_ENV": "production",
    "DATABASE_URL": "postgresql://lims_app:p@127.0.0.1:1/oxinate",
    "REDIS_URL": "redis://:p@127.0.0.1:1/0",
    "LIMS_SECRET_KEY": "".join(chr(48 + n % 70) for n in range(60)),
    "LIMS_ALLOWED_HOSTS": "lims.example.org",
}


SAID = "PRODUCTION, settings.DEBUG"
TLS = "SECURE_SSL_REDIRECT, settings.SESSION_COOKIE_SECURE, settings.CSRF_COOKIE_SECURE, settings.SECURE_HSTS_SECONDS"


def settings_say(said: str = SAID, **changes: str) -> subprocess.CompletedProcess[str]:
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("LIMS_", "DATABASE_", "REDIS_"))}
    return subprocess.run(
        [sys.executable, "-c", f"from lims import settings; print(settings.{said})"],
        cwd=ROOT,
        env={**kept, **SOUND, **changes},
        capture_output=True,
        text=True,
        check=False,
    )


def test_production_starts_when_everything_was_said() -> None:
    assert settings_say().stdout == "True False\n"


@pytest.mark.requirement("P11-30")
def test_production_answers_through_tls_alone() -> None:
    assert settings_say(TLS).stdout == "True True True 31536000\n"


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"LIMS_EMBEDDED_SERVERS": "1"}, "the embedded servers are for development"),
        ({"LIMS_DEBUG": "1"}, "LIMS_DEBUG is on"),
        ({"LIMS_DEMO": "1"}, "LIMS_DEMO allows demo accounts"),
        ({"LIMS_SECRET_KEY": ""}, "LIMS_SECRET_KEY is not given"),
        ({"LIMS_SECRET_KEY": "x" * 60}, "LIMS_SECRET_KEY needs at least 50 characters"),
        ({"LIMS_ALLOWED_HOSTS": "*"}, "LIMS_ALLOWED_HOSTS does not name the hosts"),
        ({"DATABASE_URL": ""}, "DATABASE_URL is not given"),
        ({"REDIS_URL": ""}, "REDIS_URL is not given"),
        ({"DATABASE_URL": "mysql://x"}, "DATABASE_URL must look like postgresql://"),
        ({"LIMS_SITE_TIME_ZONE": "Berlin"}, "LIMS_SITE_TIME_ZONE is 'Berlin'"),
        ({"LIMS_STATEMENT_TIMEOUT_MS": "15s"}, "must be a whole number"),
        ({"LIMS_ENV": "prod"}, "must be one of development, test, production"),
        ({"LIMS_SECRET_KEY": "", "LIMS_SECRET_KEY_FILE": "/nowhere"}, "LIMS_SECRET_KEY_FILE names /nowhere"),
    ],
)
def test_production_refuses_and_says_which(changes: dict[str, str], sentence: str) -> None:
    said = settings_say(**changes)
    assert said.returncode != 0
    assert sentence in said.stderr.splitlines()[-1]


def test_every_fault_is_named_at_once() -> None:
    last = settings_say(LIMS_DEBUG="1", LIMS_SECRET_KEY="", LIMS_ALLOWED_HOSTS="").stderr.splitlines()[-1]
    assert all(name in last for name in ("LIMS_DEBUG", "LIMS_SECRET_KEY", "LIMS_ALLOWED_HOSTS"))


def test_a_secret_may_lie_in_a_file(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text(SOUND["LIMS_SECRET_KEY"] + "\n")
    assert settings_say(LIMS_SECRET_KEY="", LIMS_SECRET_KEY_FILE=str(secret)).returncode == 0
