"""More ways to write without leaving a trace, each tried: COPY, upserts, the shell, data migrations as the owner."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import suppress

import psycopg
import pytest
from django.conf import settings
from django.core.management import call_command
from django.db import Error, IntegrityError, ProgrammingError, connection, migrations, transaction
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.state import StateApps
from django.test import Client

from labeling.models import Batch, Equipment, Lot
from lims.accounts.models import AccessEvent, Secret
from lims.audit.data_migration import audited
from lims.audit.models import Change, Operation, Submission
from lims.audit.operations import operation
from lims.environment import database
from tests import factories
from tests.factories import People

REFUSED = "outside an audited operation"
UPSERT = (
    "INSERT INTO labeling_equipment (code, kind, name, serial, registered_by_id) "
    "SELECT code, kind, 'renamed', serial, registered_by_id FROM labeling_equipment "
    "ON CONFLICT (code) DO UPDATE SET name = EXCLUDED.name"
)
MERGE = (
    "MERGE INTO labeling_equipment AS kept USING labeling_equipment AS same ON kept.id = same.id "
    "WHEN MATCHED THEN UPDATE SET name = 'renamed'"
)
HIDDEN_IN_A_QUERY = "WITH quiet AS (UPDATE labeling_equipment SET name = 'renamed' RETURNING 1) SELECT * FROM quiet"


@pytest.fixture
def scale(who: People) -> Equipment:
    return factories.instrument(who, "BAL-1", "balance", checked=False)


def sql(statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)


def copy_in(user_id: int) -> None:
    with (
        connection.cursor() as cursor,
        cursor.copy("COPY labeling_equipment (code, kind, name, serial, registered_by_id) FROM STDIN") as copy,
    ):
        copy.write_row(("BAL-2", "balance", "", "", user_id))


@pytest.mark.requirement("AUD-4")
@pytest.mark.parametrize("statement", [UPSERT, HIDDEN_IN_A_QUERY, MERGE])
def test_a_write_in_another_guise_is_refused(scale: Equipment, statement: str) -> None:
    with pytest.raises(IntegrityError, match=REFUSED), transaction.atomic():
        sql(statement)
    scale.refresh_from_db()
    assert scale.name == ""


@pytest.mark.requirement("AUD-4")
def test_copy_is_refused(who: People) -> None:
    with pytest.raises(psycopg.errors.IntegrityConstraintViolation, match=REFUSED), transaction.atomic():
        copy_in(who.operator.user.pk)
    assert not Equipment.objects.exists()


@pytest.mark.requirement("AUD-2")
@pytest.mark.parametrize(
    ("statement", "verbs"), [(UPSERT, ["UPDATE"]), (HIDDEN_IN_A_QUERY, ["UPDATE"]), (MERGE, ["UPDATE"])]
)
def test_inside_an_operation_the_old_row_and_the_new_one_are_kept(
    who: People, scale: Equipment, statement: str, verbs: list[str]
) -> None:
    with operation(actor=who.operator, action="equipment.rename", subject="BAL-1", reason="a better name") as op:
        sql(statement)
    changes = list(Change.objects.filter(operation=op))
    assert [c.verb for c in changes] == verbs
    assert [(c.old_row or {}).get("name") for c in changes] == [""]
    assert [(c.new_row or {}).get("name") for c in changes] == ["renamed"]


@pytest.mark.requirement("AUD-2")
def test_rows_copied_inside_an_operation_are_kept(who: People) -> None:
    with operation(actor=who.operator, action="equipment.import") as op:
        copy_in(who.operator.user.pk)
    change = Change.objects.get(operation=op)
    assert (change.verb, (change.new_row or {})["code"]) == ("INSERT", "BAL-2")


@pytest.mark.requirement("AUD-4")
@pytest.mark.parametrize(
    "typed",
    [
        "from labeling.models import Equipment; Equipment.objects.update(name='renamed')",
        "from labeling.models import Equipment; e = Equipment.objects.get(); e.name = 'renamed'; e.save()",
        "from django.db import connection; connection.cursor().execute(\"UPDATE labeling_equipment SET name = 'x'\")",
    ],
)
def test_the_management_shell_is_refused(scale: Equipment, typed: str) -> None:
    with pytest.raises(IntegrityError, match=REFUSED), transaction.atomic():
        call_command("shell", command=typed)
    scale.refresh_from_db()
    assert scale.name == ""


@pytest.mark.requirement("AUD-4")
def test_a_fixture_is_refused(who: People, tmp_path: object) -> None:
    from pathlib import Path

    file = Path(str(tmp_path)) / "stock.json"
    fields = f'{{"code": "BAL-9", "kind": "balance", "registered_by": {who.operator.user.pk}}}'
    file.write_text(f'[{{"model": "labeling.equipment", "pk": 9, "fields": {fields}}}]', encoding="utf-8")
    with pytest.raises(IntegrityError, match=REFUSED), transaction.atomic():
        call_command("loaddata", str(file), verbosity=0)


def rename_lots(apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    apps.get_model("labeling", "Lot").objects.update(name="renamed by a migration")


@pytest.fixture
def as_owner(transactional_db: None) -> Iterator[Callable[[migrations.RunPython], None]]:
    """Run one operation of a migration as `lims_owner`, in a transaction, as `migrate` does."""
    app = {key: connection.settings_dict[key] for key in ("USER", "PASSWORD")}
    owner = database("DATABASE_OWNER_URL", os.environ["DATABASE_OWNER_URL"])

    def run(step: migrations.RunPython) -> None:
        connection.close()
        connection.settings_dict.update(USER=owner["USER"], PASSWORD=owner["PASSWORD"])
        try:
            state = MigrationLoader(connection).project_state()
            with connection.schema_editor(atomic=True) as editor:
                step.database_forwards("labeling", editor, state, state)
        finally:
            connection.close()
            connection.settings_dict.update(app)

    yield run
    connection.close()
    connection.settings_dict.update(app)


@pytest.mark.requirement("AUD-4")
@pytest.mark.django_db(transaction=True)
def test_a_data_migration_without_an_operation_is_refused_even_as_the_owner(
    who: People,
    as_owner: Callable[[migrations.RunPython], None],
) -> None:
    factories.lot(who, "L-1", "oxalate", accepted=False)
    with pytest.raises(IntegrityError, match=REFUSED):
        as_owner(migrations.RunPython(rename_lots))
    assert Lot.objects.get().name == ""


@pytest.mark.requirement("AUD-4")
@pytest.mark.django_db(transaction=True)
def test_a_data_migration_opens_an_operation_as_the_system_user(
    who: People,
    as_owner: Callable[[migrations.RunPython], None],
) -> None:
    factories.lot(who, "L-1", "oxalate", accepted=False)
    as_owner(audited(rename_lots, subject="lots", reason="Every lot gets a name."))
    assert Lot.objects.get().name == "renamed by a migration"
    op = Operation.objects.latest("pk")
    assert (op.actor.username, op.role, op.action) == ("system", "system", "data.migrate")
    assert (op.subject, op.reason, op.source) == ("lots", "Every lot gets a name.", "command")
    change = op.changes.get()
    assert (change.old_row or {})["name"] == ""
    assert (change.new_row or {})["name"] == "renamed by a migration"


# --- Credentials, whose content must stay out of the trail ----------------------------------------------------------

PASSWORD = "$argon2id$v=19$m=102400,t=2,p=8$c2FsdA$written-by-hand"


def noted() -> list[tuple[str, str, str]]:
    rows = AccessEvent.objects.filter(kind=AccessEvent.Kind.CREDENTIAL_WRITTEN).order_by("pk")
    return list(rows.values_list("username", "purpose", "why"))


@pytest.mark.requirement("AUD-6")
@pytest.mark.parametrize(
    ("statement", "purpose", "why"),
    [
        (f"UPDATE accounts_secret SET encoded = '{PASSWORD}' WHERE user_id = {{}}", "secret: encoded", "update"),
        ("UPDATE accounts_secret SET checks_void_to = 0 - 1 WHERE user_id = {}", "secret: checks_void_to", "update"),
        ("UPDATE accounts_secret SET must_change = true WHERE user_id = {}", "secret: must_change", "update"),
        ("UPDATE accounts_secret SET generation = generation - 1 WHERE user_id = {}", "secret: generation", "update"),
        ("UPDATE accounts_factor SET sealed = 'another' WHERE user_id = {}", "factor: sealed", "update"),
        ("UPDATE accounts_factor SET recovery = '{{abc}}' WHERE user_id = {}", "factor: recovery", "update"),
        ("DELETE FROM accounts_factor WHERE user_id = {}", "factor: confirmed_at, recovery, sealed", "delete"),
        ("DELETE FROM accounts_secret WHERE user_id = {}", "secret: changed_at", "delete"),
    ],
)
def test_a_credential_written_around_the_program_stands_in_the_access_log(
    who: People, statement: str, purpose: str, why: str
) -> None:
    before = len(noted())
    sql(statement.format(who.quality.user.pk))
    [(username, said, how)] = noted()[before:]
    assert (username, how) == ("quality", why)
    assert said.startswith(purpose)
    with pytest.raises(ProgrammingError, match="permission denied"), transaction.atomic():
        sql("DELETE FROM accounts_accessevent")


@pytest.mark.requirement("AUD-6")
def test_what_a_sign_in_counts_is_no_line_of_its_own(who: People) -> None:
    from lims.accounts import access

    before = len(noted())
    access.failed(who.operator.user, address="10.0.0.1")
    assert len(noted()) == before


@pytest.mark.requirement("P11-300d")
def test_a_token_that_nobody_was_issued_is_refused(who: People) -> None:
    forged = (
        "INSERT INTO accounts_token (user_id, sha256, created_at, expires_at) "
        f"VALUES ({who.quality.user.pk}, repeat('0', 64), now(), now() + interval '1 day')"
    )
    with pytest.raises(IntegrityError, match="says it was issued"), transaction.atomic():
        sql(forged)


@pytest.mark.requirement("AUD-6")
def test_inside_an_operation_the_trail_keeps_a_fingerprint_of_a_password_and_never_the_hash(who: People) -> None:
    from lims.people.services import reset_password

    reset_password(
        actor=who.administrator, username="operator", password="quite-another-long-one", reason="It was forgotten."
    )
    encoded = Secret.objects.get(user=who.operator.user).encoded
    changes = Change.objects.filter(operation__action="person.reset_password", table_name="accounts_secret")
    rows = [row for change in changes for row in (change.old_row, change.new_row) if row]
    assert rows
    assert all(row["encoded"].startswith("fingerprint ") for row in rows)
    assert len({row["encoded"] for row in rows}) == 2
    assert not Change.objects.filter(new_row__icontains=encoded[-20:]).exists()


@pytest.mark.requirement("P11-10d")
def test_a_session_put_into_the_table_by_hand_opens_nothing(who: People) -> None:
    sql(
        "INSERT INTO django_session (session_key, session_data, expire_date) "
        f"VALUES ('forged', '{{\"_auth_user_id\": \"{who.quality.user.pk}\"}}', now() + interval '1 day')"
    )
    client = Client()
    client.cookies[settings.SESSION_COOKIE_NAME] = "forged"
    answer = client.get("/audit/")
    assert answer.status_code == 302
    assert "sign-in" in answer["Location"]


# --- The trail's own tables, written by hand ------------------------------------------------------------------------


@pytest.mark.requirement("AUD-3")
def test_an_operation_made_by_hand_carries_the_roles_that_its_actor_has(who: People) -> None:
    op = Operation.objects.create(actor=who.operator.user, role="quality", action="forge", source="page")
    op.refresh_from_db()
    assert op.role == "operator"
    for source, action in (("sql", "forge"), ("page", "")):
        with pytest.raises(IntegrityError, match="says what is done"), transaction.atomic():
            Operation.objects.create(actor=who.operator.user, role="", action=action, source=source)


@pytest.mark.requirement("AUD-3")
def test_an_answer_once_given_to_a_request_stays(who: People) -> None:
    kept = Submission.objects.create(user=who.operator.user, key="a", request_sha256="0" * 64)
    Submission.objects.filter(pk=kept.pk).update(status=201, answer={})
    forged = "INSERT INTO audit_submission (user_id, key, request_sha256, status, answer) "
    forged += f"VALUES ({who.operator.user.pk}, 'b', repeat('0', 64), 201, '{{}}')"
    for statement in (
        "UPDATE audit_submission SET answer = '{\"forged\": 1}'",
        "UPDATE audit_submission SET status = NULL",
        "DELETE FROM audit_submission",
        forged,
        "TRUNCATE audit_submission",
    ):
        with pytest.raises(Error), transaction.atomic():
            sql(statement)


@pytest.mark.requirement("AUD-3")
@pytest.mark.parametrize(
    "attack",
    [
        "UPDATE audit_block SET mac = ''",
        "DELETE FROM audit_block",
        "INSERT INTO audit_change SELECT * FROM audit_change",
        "ALTER TABLE labeling_entry DISABLE TRIGGER USER",
        "ALTER TABLE labeling_entry DISABLE TRIGGER labeling_entry_audit_insert",
        "DROP TRIGGER labeling_entry_audit_insert ON labeling_entry",
        "CREATE TRIGGER mine BEFORE INSERT ON labeling_entry FOR EACH ROW EXECUTE FUNCTION audit_forbid()",
        "ALTER TABLE labeling_entry RENAME TO hidden",
        "SET session_replication_role = 'replica'",
        "SET LOCAL session_replication_role = 'replica'",
        "SET ROLE lims_owner",
        "SET SESSION AUTHORIZATION lims_owner",
        "ALTER ROLE lims_app SUPERUSER",
        "GRANT lims_owner TO lims_app",
        "ALTER FUNCTION audit_capture() SECURITY INVOKER",
        "ALTER FUNCTION audit_capture() OWNER TO lims_app",
        "CREATE FUNCTION mine() RETURNS void LANGUAGE sql SECURITY DEFINER AS 'SELECT'",
        "CREATE SCHEMA mine",
        "CREATE RULE quiet AS ON INSERT TO labeling_entry DO INSTEAD NOTHING",
        "COPY audit_change TO '/tmp/trail.txt'",
        "COPY audit_change FROM PROGRAM 'true'",
        "ALTER SYSTEM SET session_replication_role = 'replica'",
        "DO $$ BEGIN PERFORM set_config('session_replication_role', 'replica', true); END $$",
        "SELECT lo_import('/etc/passwd')",
        "SELECT setval('audit_operation_id_seq', 1)",
        "LOCK TABLE audit_change IN ACCESS EXCLUSIVE MODE",
        "CREATE EXTENSION dblink",
        "CREATE PUBLICATION mine FOR TABLE audit_change",
    ],
)
def test_the_server_cannot_go_around_the_trail(ready: Batch, attack: str) -> None:
    with pytest.raises(Error), transaction.atomic():
        sql(attack)


@pytest.mark.requirement("AUD-3")
def test_the_server_cannot_grant_itself_what_it_may_not(db: None) -> None:
    """PostgreSQL warns and grants nothing."""
    with suppress(Error), transaction.atomic():
        sql("GRANT ALL ON audit_change, audit_operation, audit_block TO lims_app")
    with connection.cursor() as cursor:
        for table in ("audit_change", "audit_operation", "audit_block"):
            cursor.execute("SELECT has_table_privilege('lims_app', %s, 'UPDATE, DELETE, TRUNCATE, TRIGGER')", [table])
            assert cursor.fetchone() == (False,)


@pytest.mark.requirement("AUD-3")
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("statement", ["CLUSTER labeling_lot USING labeling_lot_pkey", "VACUUM FULL labeling_lot"])
def test_rewriting_a_table_changes_no_row_that_the_trail_knows(statement: str) -> None:
    """As lims_app neither does anything (a refusal, or a warning that the table is skipped)."""
    factories.lot(factories.people(), "L-1", "oxalate", accepted=False)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_relation_filenode('labeling_lot')")
        before = cursor.fetchone()
    with suppress(Error):
        sql(statement)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_relation_filenode('labeling_lot')")
        assert cursor.fetchone() == before


@pytest.mark.requirement("AUD-4")
def test_a_temporary_table_of_the_same_name_hides_nothing_from_the_trail(who: People) -> None:
    """The capture function reads its own schema first, whatever the session puts before it."""
    with operation(actor=who.operator, action="attack") as op:
        try:
            with transaction.atomic():
                sql("CREATE TEMPORARY TABLE audit_change (LIKE public.audit_change)")
                sql("SET LOCAL search_path = pg_temp, public")
        except Error:
            pass
        sql(
            "INSERT INTO public.labeling_equipment (code, kind, name, serial, registered_by_id) "
            f"VALUES ('X-1', 'balance', '', '', {who.operator.user.pk})"
        )
        sql("SET LOCAL search_path = public")
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM public.audit_change WHERE operation_id = %s", [op.pk])
        assert cursor.fetchone() == (1,)


@pytest.mark.requirement("AUD-4")
def test_a_row_addressed_by_its_place_is_a_write_like_any_other(scale: Equipment) -> None:
    with pytest.raises(IntegrityError, match=REFUSED), transaction.atomic():
        sql("UPDATE labeling_equipment SET name = 'X' WHERE ctid = (SELECT ctid FROM labeling_equipment LIMIT 1)")
