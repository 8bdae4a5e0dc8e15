"""Data migrations leave the same trail as people: an operation of the named system user, in the same transaction."""

from __future__ import annotations

from collections.abc import Callable

from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps

from lims.accounts.actors import Source
from lims.accounts.models import SYSTEM_USERNAME

Work = Callable[[StateApps, BaseDatabaseSchemaEditor], None]

# In SQL, because a migration sees the models of its own time, which need not include the operation as it is today.
OPEN = """
INSERT INTO audit_operation (actor_id, role, action, subject, reason, source, address)
SELECT id, array_to_string(roles, ', '), 'data.migrate', %s, %s, %s, '' FROM accounts_user WHERE username = %s
RETURNING id
"""
BIND = "SELECT set_config('lims.operation', %s, true)"


def audited(work: Work, *, subject: str, reason: str) -> migrations.RunPython:
    """`work` inside an operation: `operations = [audited(fill_in, subject="lots", reason="Every lot gets a kind.")]`.

    Without it the triggers refuse what the migration writes, as they refuse anybody. It is not undone by migrating
    back: what was recorded meanwhile stays.
    """

    def run(apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
        with schema_editor.connection.cursor() as cursor:
            cursor.execute(OPEN, [subject, reason, Source.COMMAND.value, SYSTEM_USERNAME])
            row = cursor.fetchone()
            if row is None:
                raise RuntimeError("There is no system user; depend on accounts 0002_system_user.")
            cursor.execute(BIND, [str(row[0])])
            work(apps, schema_editor)
            cursor.execute(BIND, [""])

    return migrations.RunPython(run, migrations.RunPython.noop)
