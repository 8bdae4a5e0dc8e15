"""The database of the tests, on real servers that `./oxinate test` started.

`lims_app` may not TRUNCATE, so a test that commits gets a database of its own, copied from a migrated template; every
other test (`db`) runs in a transaction of the session's database that is rolled back. Both log in as `lims_app`.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql

from lims.development.provision import make_database, with_parts

ORDER = ("unit", "integration", "browser")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Shuffled within each folder, the browser last: Playwright's event loop stays on the main thread until the end of
    the session, and pyHanko, which starts one for each seal it checks, cannot work beside it."""
    here = Path(__file__).parent
    items.sort(key=lambda item: ORDER.index(item.path.relative_to(here).parts[0]))


@dataclass(slots=True)
class DatabaseServer:
    """Makes and drops databases; the session's names carry its process number, so that two sessions can share it."""

    admin_url: str
    owner_url: str
    app_url: str
    template: str

    def execute(self, statement: sql.Composed) -> None:
        with psycopg.connect(with_parts(self.admin_url, database="postgres"), autocommit=True) as connection:
            connection.execute(statement)

    def copy(self, name: str) -> None:
        self.execute(
            sql.SQL("CREATE DATABASE {} TEMPLATE {} OWNER lims_owner").format(
                sql.Identifier(name), sql.Identifier(self.template)
            )
        )
        # Privileges on a database are not copied with it.
        self.execute(sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(sql.Identifier(name)))
        self.execute(sql.SQL("GRANT CONNECT ON DATABASE {} TO lims_app").format(sql.Identifier(name)))

    def drop(self, name: str) -> None:
        self.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


def _connect_to(name: str) -> None:
    """Point Django at another database; connections of other threads follow when they are made."""
    from django.db import connection

    connection.close()
    connection.settings_dict["NAME"] = name


@pytest.fixture(scope="session")
def database_server() -> DatabaseServer:
    if "LIMS_ADMIN_DATABASE_URL" not in os.environ:
        pytest.exit("The tests need servers: start them with ./oxinate test [pytest's arguments].", returncode=2)
    return DatabaseServer(
        admin_url=os.environ["LIMS_ADMIN_DATABASE_URL"],
        owner_url=os.environ["DATABASE_OWNER_URL"],
        app_url=os.environ["DATABASE_URL"],
        template=f"oxinate_template_{os.getpid()}",
    )


@pytest.fixture(scope="session")
def django_db_setup(
    django_test_environment: None, django_db_blocker: Any, database_server: DatabaseServer
) -> Iterator[None]:
    """Migrate the template as lims_owner, as an installation does, then work as lims_app on copies of it."""
    from django.core.management import call_command
    from django.db import connection

    session = f"oxinate_session_{os.getpid()}"
    make_database(database_server.admin_url, database_server.template)
    app = {key: connection.settings_dict[key] for key in ("NAME", "USER", "PASSWORD")}
    from lims.environment import database

    os.environ["DATABASE_OWNER_URL"] = database_server.owner_url
    owner = database("DATABASE_OWNER_URL", "")
    with django_db_blocker.unblock():
        connection.settings_dict.update(USER=owner["USER"], PASSWORD=owner["PASSWORD"])
        _connect_to(database_server.template)
        try:
            call_command("migrate", interactive=False, verbosity=0)
        finally:
            connection.settings_dict.update(app)
            connection.close()
        database_server.copy(session)
        _connect_to(session)
    yield
    with django_db_blocker.unblock():
        _connect_to(app["NAME"])
    database_server.drop(session)
    database_server.drop(database_server.template)


@pytest.fixture
def _django_db_helper(
    request: pytest.FixtureRequest, django_db_setup: None, django_db_blocker: Any, database_server: DatabaseServer
) -> Iterator[None]:
    """Where pytest-django's `db`, `transactional_db`, `live_server` and `django_db` marker all come together."""
    marker = request.node.get_closest_marker("django_db")
    names = set(request.fixturenames)
    commits = bool(names & {"transactional_db", "live_server"}) or bool(marker and marker.kwargs.get("transaction"))
    with django_db_blocker.unblock():
        yield from _own_database(database_server) if commits else _rolled_back()


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
    connection.close()


_copies = iter(range(1_000_000))


def _own_database(server: DatabaseServer) -> Iterator[None]:
    from django.db import connection

    before = connection.settings_dict["NAME"]
    name = f"oxinate_test_{os.getpid()}_{next(_copies)}"
    server.copy(name)
    _connect_to(name)
    try:
        yield
    finally:
        _connect_to(before)
        server.drop(name)


@pytest.fixture
def process_environment(database_server: DatabaseServer, tmp_path: Path) -> dict[str, str]:
    """For a real process (gunicorn, a Celery worker) that is to work on this test's database.

    Ask for `transactional_db` before it: another process does not see what is rolled back.
    """
    from django.db import connection

    url = with_parts(database_server.app_url, database=str(connection.settings_dict["NAME"]))
    return {**os.environ, "DATABASE_URL": url, "LIMS_ENV": "test", "LIMS_DATA_DIR": str(tmp_path)}
