"""Roles and databases on a server: the SQL files beside this one, filled in. docker-compose runs the same files."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import quote, urlsplit

import psycopg
from psycopg import sql

from lims.development.processes import StartFailed
from lims.development.secret_files import Secrets

HERE = Path(__file__).resolve().parent
OWNER, APP = "lims_owner", "lims_app"
MAINTENANCE = ("postgres", "template1")
# psql's :'literal' and :"identifier", never the :: of a cast.
VARIABLE = re.compile(r"(?<!:):(?:'(\w+)'|\"(\w+)\")")


def run_file(connection: psycopg.Connection, name: str, **variables: str) -> None:
    text = (HERE / name).read_text(encoding="utf-8")

    def filled(match: re.Match[str]) -> str:
        literal, identifier = match.groups()
        part = sql.Literal(variables[literal]) if literal else sql.Identifier(variables[identifier])
        return part.as_string(connection)

    connection.execute(VARIABLE.sub(filled, text).encode())


def with_parts(url: str, *, database: str | None = None, role: str | None = None, password: str = "") -> str:
    parts = urlsplit(url)
    if role is not None:
        address = parts.netloc.rpartition("@")[2]
        parts = parts._replace(netloc=f"{role}:{quote(password, safe='')}@{address}")
    if database is not None:
        parts = parts._replace(path=f"/{quote(database, safe='')}")
    return parts.geturl()


def connect(url: str) -> psycopg.Connection:
    try:
        return psycopg.connect(url, autocommit=True, connect_timeout=5)
    except psycopg.Error as error:
        said = str(error).strip().splitlines()
        address = urlsplit(url).netloc.rpartition("@")[2]
        raise StartFailed(f"PostgreSQL at {address} cannot be used: {said[-1] if said else error}") from error


def make_roles(url: str, secrets: Secrets) -> None:
    """lims_owner and lims_app, with random passwords that only `secrets` remembers. Done once for a server."""
    with connect(url) as connection:
        there = {
            name
            for (name,) in connection.execute("SELECT rolname FROM pg_roles WHERE rolname = ANY(%s)", [[OWNER, APP]])
        }
        if there and not {OWNER, APP} <= {name for name in (OWNER, APP) if name in secrets}:
            raise StartFailed(
                f"The server has the role {' and '.join(sorted(there))} already, with a password that is not known "
                f"here: set DATABASE_URL to {APP}'s and DATABASE_OWNER_URL to {OWNER}'s."
            )
        if not there:
            with connection.transaction():
                run_file(connection, "roles.sql", owner_password=secrets.get(OWNER), app_password=secrets.get(APP))


def make_database(url: str, database: str) -> None:
    """The database, owned by lims_owner, where there is none yet."""
    with connect(url) as connection:
        row = connection.execute(
            "SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = %s", [database]
        ).fetchone()
        if row is None:
            connection.execute(
                sql.SQL("CREATE DATABASE {} TEMPLATE template0 ENCODING 'UTF8'").format(sql.Identifier(database))
            )
    if row is None or row[0] != OWNER:
        with connect(with_parts(url, database=database)) as connection, connection.transaction():
            run_file(connection, "database.sql", database=database)


def may_set_up(url: str) -> bool:
    with connect(url) as connection:
        row = connection.execute(
            "SELECT rolsuper OR (rolcreaterole AND rolcreatedb) FROM pg_roles WHERE rolname = current_user"
        ).fetchone()
    return bool(row and row[0])


def provision(url: str, secrets: Secrets, *, database: str) -> tuple[str, str]:
    """(DATABASE_URL, DATABASE_OWNER_URL) of the database on the server that `url` may set up."""
    make_roles(url, secrets)
    make_database(url, database)
    return (
        with_parts(url, database=database, role=APP, password=secrets.get(APP)),
        with_parts(url, database=database, role=OWNER, password=secrets.get(OWNER)),
    )


def adopt(url: str, secrets: Secrets) -> tuple[str, str]:
    """The same for a server that DATABASE_URL names, without a DATABASE_OWNER_URL."""
    database = urlsplit(url).path.strip("/") or "postgres"
    server = url
    try:
        psycopg.connect(url, connect_timeout=5).close()
    except psycopg.OperationalError as error:
        if "does not exist" not in str(error):
            connect(url)
        server = with_parts(url, database="postgres")
    if not may_set_up(server):
        raise StartFailed(
            "DATABASE_URL's role may not make roles and databases: set DATABASE_OWNER_URL too, to the role that owns "
            f"the schema (migrations alone use it; see lims/development/roles.sql), and DATABASE_URL to {APP}."
        )
    return provision(server, secrets, database="oxinate" if database in MAINTENANCE else database)
