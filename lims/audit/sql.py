"""SQL for migrations: capture the row changes of a table, or make it append-only. The triggers have no off switch."""

from __future__ import annotations

from django.db import migrations

# Statement-level triggers with transition tables cost half of row-level ones. Each serves one event, so a table has
# three; the function runs as its owner, because the server's role may not write audit_change.
FUNCTIONS = """
CREATE FUNCTION audit_capture() RETURNS trigger LANGUAGE plpgsql
  SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  op bigint := NULLIF(current_setting('lims.operation', true), '')::bigint;
  touched boolean;
BEGIN
  IF TG_OP = 'DELETE' THEN SELECT EXISTS (SELECT 1 FROM old_rows) INTO touched;
  ELSE SELECT EXISTS (SELECT 1 FROM new_rows) INTO touched; END IF;
  IF NOT touched THEN RETURN NULL; END IF;
  PERFORM 1 FROM audit_operation WHERE id = op AND txid = txid_current();
  IF NOT FOUND THEN
    RAISE EXCEPTION 'write to % outside an audited operation', TG_TABLE_NAME
      USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  IF TG_OP = 'INSERT' THEN
    INSERT INTO audit_change (operation_id, table_name, row_pk, verb, old_row, new_row, at)
    SELECT op, TG_TABLE_NAME, n.id::text, TG_OP, NULL, to_jsonb(n), clock_timestamp() FROM new_rows n ORDER BY n.id;
  ELSIF TG_OP = 'UPDATE' THEN
    INSERT INTO audit_change (operation_id, table_name, row_pk, verb, old_row, new_row, at)
    SELECT op, TG_TABLE_NAME, COALESCE(o.id, n.id)::text, TG_OP, to_jsonb(o), to_jsonb(n), clock_timestamp()
    FROM old_rows o FULL JOIN new_rows n ON n.id = o.id ORDER BY COALESCE(o.id, n.id);
  ELSE
    INSERT INTO audit_change (operation_id, table_name, row_pk, verb, old_row, new_row, at)
    SELECT op, TG_TABLE_NAME, o.id::text, TG_OP, to_jsonb(o), NULL, clock_timestamp() FROM old_rows o ORDER BY o.id;
  END IF;
  RETURN NULL;
END $$;
CREATE FUNCTION audit_forbid() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'integrity_constraint_violation';
END $$;
CREATE FUNCTION audit_operation_is_now() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  NEW.at := clock_timestamp();
  NEW.txid := txid_current();
  RETURN NEW;
END $$;
REVOKE ALL ON FUNCTION audit_capture() FROM PUBLIC;
"""
# The database's clock stamps whatever a client says (TIM-1).
STAMPS = ("at", "recorded_at", "computed_at", "opened_at")
FUNCTIONS += "".join(
    f"""
CREATE FUNCTION audit_stamp_{column}() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN NEW.{column} := clock_timestamp(); RETURN NEW; END $$;
"""
    for column in STAMPS
)
DROP_FUNCTIONS = "DROP FUNCTION audit_capture(), audit_forbid(), audit_operation_is_now()" + "".join(
    f", audit_stamp_{column}()" for column in STAMPS
)


def track(table: str) -> migrations.RunSQL:
    """Refuse writes to `table` outside an audited operation and record the rows of those inside."""
    return migrations.RunSQL(
        f"""
        CREATE TRIGGER {table}_audit_insert AFTER INSERT ON {table}
          REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION audit_capture();
        CREATE TRIGGER {table}_audit_update AFTER UPDATE ON {table}
          REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
          FOR EACH STATEMENT EXECUTE FUNCTION audit_capture();
        CREATE TRIGGER {table}_audit_delete AFTER DELETE ON {table}
          REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION audit_capture();
        CREATE TRIGGER {table}_no_truncate BEFORE TRUNCATE ON {table}
          FOR EACH STATEMENT EXECUTE FUNCTION audit_forbid();
        REVOKE TRUNCATE ON {table} FROM lims_app;
        """,
        f"""
        DROP TRIGGER {table}_audit_insert ON {table}; DROP TRIGGER {table}_audit_update ON {table};
        DROP TRIGGER {table}_audit_delete ON {table}; DROP TRIGGER {table}_no_truncate ON {table};
        """,
    )


def stamped(table: str, column: str) -> migrations.RunSQL:
    """The instant in `column` is that of the insertion, by the database's clock, whatever the client sent."""
    return migrations.RunSQL(
        f"CREATE TRIGGER {table}_stamped BEFORE INSERT ON {table}"
        f" FOR EACH ROW EXECUTE FUNCTION audit_stamp_{column}();",
        f"DROP TRIGGER {table}_stamped ON {table};",
    )


def append_only(table: str) -> migrations.RunSQL:
    """Rows of `table` are added, never changed: the server lacks the privilege, and even the owner meets a trigger."""
    return migrations.RunSQL(
        f"""
        CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table}
          FOR EACH STATEMENT EXECUTE FUNCTION audit_forbid();
        REVOKE UPDATE, DELETE, TRUNCATE ON {table} FROM lims_app;
        """,
        f"DROP TRIGGER {table}_append_only ON {table}; GRANT UPDATE, DELETE ON {table} TO lims_app;",
    )


def never_deleted(table: str) -> migrations.RunSQL:
    """Rows of `table` change state but never go away."""
    return migrations.RunSQL(
        f"""
        CREATE TRIGGER {table}_never_deleted BEFORE DELETE ON {table}
          FOR EACH STATEMENT EXECUTE FUNCTION audit_forbid();
        REVOKE DELETE ON {table} FROM lims_app;
        """,
        f"DROP TRIGGER {table}_never_deleted ON {table}; GRANT DELETE ON {table} TO lims_app;",
    )
