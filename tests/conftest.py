"""The databases of the tests, on real servers that `./oxinate test` started.

A test says by its fixtures what its database already holds, each stage standing on the one before it:

    db           what migrations put in, and nothing else
    who          one person for each role
    laboratory   the people, with effective protocols, checked instruments and accepted lots
    ready        a synthesis in quarantine whose results are all there and reviewed

What such a test does is rolled back. A test that commits (other threads or processes look at it, a server answers) asks
for `transactional_db` or `live_server` beside them, or is marked `django_db(transaction=True)`, and gets a copy of its
own, because `lims_app`, as which all of them log in, may not TRUNCATE. A stage is made once in a session, through the
services and committed, when a test first asks for it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql

from lims.development.provision import make_database, with_parts

ORDER = ("unit", "integration", "browser")
STAGES = ("db", "who", "laboratory", "ready")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Shuffled within each folder, files with tests that may take long first, so that two processes end together.

    The browser comes last: Playwright's event loop stays on the main thread until the end of the session, and pyHanko,
    which starts one for each seal it checks, cannot work beside it.
    """
    here = Path(__file__).parent
    long = {item.path for item in items if item.get_closest_marker("timeout")}
    items.sort(key=lambda item: (ORDER.index(item.path.relative_to(here).parts[0]), item.path not in long))


@dataclass(frozen=True, slots=True)
class DatabaseServer:
    """Makes and drops databases."""

    admin_url: str
    owner_url: str
    app_url: str

    def execute(self, *statements: sql.Composed) -> None:
        with psycopg.connect(with_parts(self.admin_url, database="postgres"), autocommit=True) as connection:
            for statement in statements:
                connection.execute(statement)

    def copy(self, name: str, *, of: str) -> None:
        copy, template = sql.Identifier(name), sql.Identifier(of)
        self.execute(
            # By files: the default, page by page through the log, takes twice as long.
            sql.SQL("CREATE DATABASE {} TEMPLATE {} OWNER lims_owner STRATEGY FILE_COPY").format(copy, template),
            # Privileges on a database are not copied with it.
            sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(copy),
            sql.SQL("GRANT CONNECT ON DATABASE {} TO lims_app").format(copy),
        )

    def drop(self, name: str) -> None:
        self.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


@contextmanager
def connected_to(name: str) -> Iterator[None]:
    """Point Django at another database; connections of other threads follow when they are made."""
    from django.db import connection

    before = connection.settings_dict["NAME"]
    connection.close()
    connection.settings_dict["NAME"] = name
    try:
        yield
    finally:
        connection.close()
        connection.settings_dict["NAME"] = before


@dataclass(slots=True)
class Databases:
    """Of each stage a template, which is only copied, and a copy in which tests are rolled back.

    The names carry the session's process number, so that two sessions can share a server.
    """

    server: DatabaseServer
    made: set[str] = field(default_factory=set)
    numbers: Iterator[int] = field(default_factory=count)

    def to_roll_back(self, stage: str) -> str:
        template = self.template(stage)
        return self._once(f"{template}_rolled_back", lambda name: self.server.copy(name, of=template))

    @contextmanager
    def to_commit(self, stage: str) -> Iterator[str]:
        name = f"oxinate_{os.getpid()}_{next(self.numbers)}"
        self.server.copy(name, of=self.template(stage))
        try:
            yield name
        finally:
            self.server.drop(name)

    def template(self, stage: str) -> str:
        from django.utils import timezone

        # An instrument is checked for a day of the site: past midnight its laboratory is made anew.
        name = f"oxinate_{os.getpid()}_{stage}_{timezone.localdate():%d}"
        return self._once(name, self._migrate if stage == STAGES[0] else lambda name: self._furnish(name, stage))

    def _once(self, name: str, make: Callable[[str], None]) -> str:
        if name not in self.made:
            self.server.drop(name)  # of an attempt that failed
            make(name)
            self.made.add(name)
        return name

    def _migrate(self, name: str) -> None:
        """As lims_owner, as an installation does."""
        from django.core.management import call_command
        from django.db import connection

        from lims.environment import database

        os.environ["DATABASE_OWNER_URL"] = self.server.owner_url
        owner = database("DATABASE_OWNER_URL", "")
        app = {key: connection.settings_dict[key] for key in ("USER", "PASSWORD")}
        make_database(self.server.admin_url, name)
        with connected_to(name):
            connection.settings_dict.update({key: owner[key] for key in app})
            try:
                call_command("migrate", interactive=False, verbosity=0)
            finally:
                connection.settings_dict.update(app)

    def _furnish(self, name: str, stage: str) -> None:
        from tests import factories

        self.server.copy(name, of=self.template(STAGES[STAGES.index(stage) - 1]))
        with connected_to(name):
            match stage:
                case "who":
                    factories.people()
                case "laboratory":
                    factories.furnish(factories.known_people())
                case "ready":
                    factories.ready_to_decide(factories.known_people())


@pytest.fixture(scope="session")
def database_server() -> DatabaseServer:
    if "LIMS_ADMIN_DATABASE_URL" not in os.environ:
        pytest.exit("The tests need servers: start them with ./oxinate test [pytest's arguments].", returncode=2)
    names = ("LIMS_ADMIN_DATABASE_URL", "DATABASE_OWNER_URL", "DATABASE_URL")
    return DatabaseServer(*(os.environ[name] for name in names))


@pytest.fixture(scope="session")
def databases(database_server: DatabaseServer) -> Iterator[Databases]:
    all_of_them = Databases(database_server)
    yield all_of_them
    for name in all_of_them.made:
        database_server.drop(name)


@pytest.fixture(scope="session")
def django_db_setup(django_test_environment: None) -> None:
    """In the place of pytest-django's, which makes a database at once: here a test makes what it first asks for."""


@pytest.fixture
def _django_db_helper(
    request: pytest.FixtureRequest, django_db_setup: None, django_db_blocker: Any, databases: Databases
) -> Iterator[None]:
    """Where pytest-django's `db`, `transactional_db`, `live_server` and `django_db` marker all come together."""
    marker = request.node.get_closest_marker("django_db")
    names = set(request.fixturenames)
    commits = bool(names & {"transactional_db", "live_server"}) or bool(marker and marker.kwargs.get("transaction"))
    stage = next((stage for stage in reversed(STAGES) if stage in names), STAGES[0])
    with django_db_blocker.unblock():
        if commits:
            with databases.to_commit(stage) as name, connected_to(name):
                yield
        else:
            with connected_to(databases.to_roll_back(stage)):
                yield from _rolled_back()


def _rolled_back() -> Iterator[None]:
    from django.db import connection, transaction

    atomic = transaction.atomic()
    # As Django's TestCase says it: the durable transactions of operations may open inside this one.
    atomic._from_testcase = True  # type: ignore[attr-defined]
    with atomic:
        try:
            yield
            if not connection.needs_rollback:
                connection.check_constraints()  # deferred ones would never be asked
        finally:
            transaction.set_rollback(True)


@pytest.fixture
def process_environment(database_server: DatabaseServer, tmp_path: Path) -> dict[str, str]:
    """For a real process (gunicorn, a Celery worker) that is to work on this test's database.

    Ask for `transactional_db` before it: another process does not see what is rolled back.
    """
    from django.db import connection

    url = with_parts(database_server.app_url, database=str(connection.settings_dict["NAME"]))
    return {**os.environ, "DATABASE_URL": url, "LIMS_ENV": "test", "LIMS_DATA_DIR": str(tmp_path)}
