"""A small client of Oxinate's REST interface: sign-in, signatures, repeated submissions and refusals.

It needs nothing but Python and `one_time_codes.py`. Copy both beside your own program; `run_campaign.py` shows its use.
"""

from __future__ import annotations

import json
import math
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from one_time_codes import Authenticator

Json = dict[str, Any]

TIMEOUT_S = 60
LONGEST_WAIT_S = 30.0
# Within ten minutes of a signature the next one takes the password alone; some acts always take the code too.
SEQUENCE_S = 9 * 60
ALWAYS_WITH_CODE = ("disposition/", "reject/", "approve/", "make-effective/")
MOST_CODES = 4


class UnusableError(Exception):
    """The server cannot be reached or does not answer as Oxinate does, or the accounts do not serve."""


class RefusedError(Exception):
    """The server refused a request. `code` is stable, `detail` is a sentence for people, `problem` is all it said."""

    def __init__(self, status: int, problem: Json, *, about: str) -> None:
        self.status = status
        self.problem = problem
        self.code = str(problem.get("code", ""))
        self.detail = str(problem.get("detail") or problem.get("title") or f"HTTP status {status}")
        super().__init__(f"{about}: {self.detail}{_errors(problem, self.detail)} [{status} {self.code}]")


def _errors(problem: Json, detail: str) -> str:
    told = [
        f"{error.get('field') or 'request'}: {error.get('detail')}"
        for error in problem.get("errors") or []
        if error.get("detail") != detail
    ]
    return f" ({'; '.join(told)})" if told else ""


@dataclass(frozen=True, slots=True)
class Account:
    username: str
    password: str = field(repr=False)
    roles: tuple[str, ...]
    authenticator: Authenticator | None = field(default=None, repr=False, compare=False)


def read_accounts(path: Path) -> list[Account]:
    """The accounts file: {"accounts": [{"username", "password", "totp_secret"?, "roles": [...]}]}."""
    try:
        rows = json.loads(path.read_text(encoding="utf-8"))["accounts"]
        return [_account(row) for row in rows]
    except OSError as error:
        raise UnusableError(
            f"The accounts file {path} cannot be read: {error.strerror}. Name it with --accounts."
        ) from error
    except (ValueError, KeyError, TypeError) as error:
        raise UnusableError(
            f'{path} is not an accounts file: it needs "accounts" with username, password, roles.'
        ) from error


def _account(row: Json) -> Account:
    secret = row.get("totp_secret")
    return Account(row["username"], row["password"], tuple(row["roles"]), Authenticator(secret) if secret else None)


def cast_roles(accounts: list[Account], roles: tuple[str, ...]) -> dict[str, list[Account]]:
    """The accounts of each role, first another person for each as far as there are enough of them.

    Whoever comes after the first signs too: one-time codes are good once, and two people have twice as many.
    """
    cast: dict[str, list[Account]] = {}
    taken: list[Account] = []
    for role in roles:
        able = [account for account in accounts if role in account.roles]
        if not able:
            raise UnusableError(f"No account in the accounts file has the role {role}.")
        first = next((account for account in able if account not in taken), able[0])
        taken.append(first)
        cast[role] = [first]
    for role in roles:
        cast[role] += [account for account in accounts if role in account.roles and account not in taken]
    return cast


@dataclass(frozen=True, slots=True)
class _Answer:
    status: int
    content_type: str
    body: bytes
    location: str
    retry_after: str

    def json(self, about: str) -> Any:
        try:
            return json.loads(self.body) if self.body else {}
        except ValueError:
            raise UnusableError(
                f"{about}: the server answered {self.status} with {self.content_type or 'no content type'} "
                "instead of JSON. Is this the address of Oxinate?"
            ) from None


class Oxinate:
    """The REST interface of one server, used by several people: every act names the role that does it.

    `about` says in the words of the laboratory what a request is for; a refusal begins with it.
    """

    def __init__(self, url: str, cast: Mapping[str, list[Account]]) -> None:
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise UnusableError(f"{url} is not the address of a server: write for example http://127.0.0.1:8000.")
        self._url = url
        self._connection = HTTPSConnection if parts.scheme == "https" else HTTPConnection
        self._netloc = parts.netloc
        self._base = parts.path.rstrip("/") + "/api/v1/"
        self._cast = cast
        self._tokens: dict[str, str] = {}
        self._signed_at: dict[tuple[str, str], float] = {}

    def get(self, path: str, *, role: str, about: str = "", **query: str) -> Any:
        target = path + (f"?{urlencode(query)}" if query else "")
        return self._ask("GET", target, None, role=role, about=about or f"Reading {path}").json(about or path)

    def get_all(self, path: str, *, role: str, **query: str) -> list[Json]:
        """Every row of a list, whether it comes whole or page by page."""
        page = self.get(path, role=role, page_size="500", **query)
        rows: list[Json] = []
        while isinstance(page, dict):
            rows += page.get("results", [])
            following = urlsplit(page.get("next") or "")
            if not following.query:
                return rows
            page = self.get(f"{path}?{following.query}", role=role)
        return rows + list(page)

    def content(self, path: str, *, role: str, about: str) -> bytes:
        return self._ask("GET", path, None, role=role, about=about).body

    def post(self, path: str, body: Json, *, role: str, about: str) -> Any:
        return self._ask("POST", path, json.dumps(body).encode(), role=role, about=about).json(about)

    def sign(self, path: str, body: Json, *, role: str, about: str) -> Any:
        """A token alone never signs: a signed act carries username and password once more, and a one-time code at
        the first signature of a sequence and for what matters most."""
        self._token(role)  # first: signing in takes a code too, and codes have to arrive in their order
        signer = self._signer(role, path)
        signature = {"username": signer.username, "password": signer.password}
        since = time.monotonic() - self._signed_at.get((role, signer.username), -math.inf)
        with_code = path.endswith(ALWAYS_WITH_CODE) or since > SEQUENCE_S
        for attempt in range(1, MOST_CODES + 1):
            if with_code and signer.authenticator is not None:
                signature["otp"] = signer.authenticator.next()
            try:
                done = self.post(path, {**body, "signature": signature}, role=role, about=about)
            except RefusedError as refusal:
                # Used: by an earlier run, for instance. The next code is another one.
                if refusal.code not in {"otp_required", "otp_used"} or attempt == MOST_CODES:
                    raise
                with_code = True
            else:
                self._signed_at[role, signer.username] = time.monotonic()
                return done
        raise AssertionError("unreachable")

    def _signer(self, role: str, path: str) -> Account:
        """Where a code is needed, whoever has one first; else the role's first account, which is in its sequence."""
        able = self._cast[role]
        if not path.endswith(ALWAYS_WITH_CODE):
            return next((a for a in able if (role, a.username) in self._signed_at), able[0])
        return min(able, key=lambda a: a.authenticator.ready_in() if a.authenticator else 0.0)

    def upload(self, path: str, body: bytes, *, content_type: str, role: str, about: str) -> Any:
        return self._ask("POST", path, body, role=role, about=about, content_type=content_type).json(about)

    def _ask(
        self,
        method: str,
        path: str,
        body: bytes | None,
        *,
        role: str,
        about: str,
        content_type: str = "application/json",
    ) -> _Answer:
        headers = {"Accept": "*/*", "Authorization": f"Bearer {self._token(role)}"}
        if method == "POST":
            headers |= {"Content-Type": content_type, "Idempotency-Key": secrets.token_urlsafe(16)}
        answer = self._patiently(method, path, body, headers)
        if answer.status == 401:  # the token has expired; a wrong signature is answered with 403
            del self._tokens[role]
            headers["Authorization"] = f"Bearer {self._token(role)}"
            answer = self._patiently(method, path, body, headers)
        if answer.status >= 400:
            problem = answer.json(about)
            raise RefusedError(answer.status, problem if isinstance(problem, dict) else {}, about=about)
        return answer

    def _token(self, role: str) -> str:
        if role not in self._tokens:
            self._tokens[role] = self._sign_in(self._cast[role][0])
        return self._tokens[role]

    def _sign_in(self, account: Account) -> str:
        about = f"Signing in as {account.username}"
        given = {"username": account.username, "password": account.password}
        for attempt in range(1, MOST_CODES + 1):
            if account.authenticator is not None:
                given["otp"] = account.authenticator.next()
            answer = self._patiently(
                "POST", "tokens/", json.dumps(given).encode(), {"Content-Type": "application/json"}
            )
            told = answer.json(about)
            problem = told if isinstance(told, dict) else {}
            if answer.status < 400:
                return str(problem["token"])
            if problem.get("code") != "otp_used" or attempt == MOST_CODES:
                break
        raise UnusableError(str(RefusedError(answer.status, problem, about=about)))

    def _patiently(self, method: str, path: str, body: bytes | None, headers: dict[str, str]) -> _Answer:
        """Sent again where the server asks for patience: too fast, not ready, or still at work on the first copy."""
        until = time.monotonic() + LONGEST_WAIT_S
        while True:
            answer = self._persistently(method, path, body, headers)
            running = answer.status == 409 and b"still_running" in answer.body
            if (answer.status not in {429, 503} and not running) or time.monotonic() > until:
                return answer
            pause = float(answer.retry_after) if answer.retry_after.isdigit() else 1.0
            time.sleep(min(pause, LONGEST_WAIT_S))

    def _persistently(self, method: str, path: str, body: bytes | None, headers: dict[str, str]) -> _Answer:
        """Sent once more where the connection drops: the Idempotency-Key keeps the server from doing it twice."""
        try:
            return self._once(method, path, body, headers)
        except ConnectionRefusedError as error:
            raise self._unreachable(error) from error
        except (OSError, HTTPException):
            time.sleep(0.5)
        try:
            return self._once(method, path, body, headers)
        except (OSError, HTTPException) as error:
            raise self._unreachable(error) from error

    def _once(self, method: str, path: str, body: bytes | None, headers: dict[str, str]) -> _Answer:
        connection = self._connection(self._netloc, timeout=TIMEOUT_S)
        try:
            connection.request(method, self._base + path, body=body, headers=headers)
            response: HTTPResponse = connection.getresponse()
            answer = _Answer(
                status=response.status,
                content_type=response.getheader("Content-Type", ""),
                body=response.read(),
                location=response.getheader("Location", ""),
                retry_after=response.getheader("Retry-After", ""),
            )
        finally:
            connection.close()
        if 300 <= answer.status < 400:
            raise UnusableError(f"The server sends on to {answer.location}; give that server's address with --url.")
        return answer

    def _unreachable(self, error: Exception) -> UnusableError:
        why = getattr(error, "strerror", None) or str(error) or type(error).__name__
        return UnusableError(f"No connection to {self._url}: {why}. Is the server running?")


def segment(text: str) -> str:
    """A number or code as one part of a path."""
    return quote(text, safe="")
