"""Writes of credentials leave a trace without their content: passwords and secrets must stay out of the trail.

Inside an audited operation a write is a change of the trail, with a fingerprint where the secret stood. Outside one,
where sign-ins count failures and use codes, whatever opens a door stands in the access log, which the server's role
cannot change. A token is refused without the line that says it was issued.
"""

from __future__ import annotations

from django.db import migrations

# Columns of which the trail keeps a fingerprint alone.
HIDDEN = "('encoded', 'sealed', 'recovery', 'sha256')"

# SECURITY DEFINER: the trail is written with the owner's rights. Row by row, because one person is written at a time.
NOTE = f"""
CREATE FUNCTION accounts_redacted(kept jsonb) RETURNS jsonb LANGUAGE sql IMMUTABLE
  SET search_path = pg_catalog, pg_temp AS $$
  SELECT jsonb_object_agg(key, CASE WHEN key IN {HIDDEN}
    THEN to_jsonb('fingerprint ' || left(encode(sha256(convert_to(value::text, 'UTF8')), 'hex'), 16)) ELSE value END)
  FROM jsonb_each(kept)
$$;

CREATE FUNCTION accounts_credential_noted() RETURNS trigger LANGUAGE plpgsql
  SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  op bigint := NULLIF(current_setting('lims.operation', true), '')::bigint;
  before jsonb := CASE WHEN TG_OP = 'INSERT' THEN NULL ELSE to_jsonb(OLD) END;
  after jsonb := CASE WHEN TG_OP = 'DELETE' THEN NULL ELSE to_jsonb(NEW) END;
  kept jsonb := COALESCE(after, before);
  opened text;
BEGIN
  PERFORM 1 FROM audit_operation WHERE id = op AND txid = txid_current();
  IF FOUND THEN
    INSERT INTO audit_change (operation_id, table_name, row_pk, verb, old_row, new_row, at)
    VALUES (op, TG_TABLE_NAME, kept ->> 'id', TG_OP, accounts_redacted(before), accounts_redacted(after),
            clock_timestamp());
    RETURN NULL;
  END IF;
  SELECT string_agg(key, ', ' ORDER BY key) INTO opened FROM jsonb_each(kept) AS held(key, value)
  WHERE CASE
    WHEN key IN ('encoded', 'must_change', 'checks_void_to', 'changed_at', 'sealed', 'confirmed_at', 'user_id',
                 'sha256', 'expires_at', 'scopes')
      THEN before IS NULL OR after IS NULL OR (before -> key) <> (after -> key)
    WHEN key IN ('generation', 'last_step') THEN (after ->> key)::bigint < (before ->> key)::bigint
    WHEN key IN ('locked_at', 'revoked_at') THEN before ->> key IS NOT NULL AND after ->> key IS NULL
    WHEN key = 'recovery' THEN NOT COALESCE((after -> key) <@ (before -> key), false)
    ELSE false END;
  IF opened IS NULL OR (TG_TABLE_NAME = 'accounts_token' AND TG_OP = 'INSERT') THEN RETURN NULL; END IF;
  INSERT INTO accounts_accessevent (kind, username, user_id, purpose, why, address, at)
  SELECT 'credential_written', username, id, left(substr(TG_TABLE_NAME, 10) || ': ' || opened, 64), lower(TG_OP), '',
         clock_timestamp()
  FROM accounts_user WHERE id = (kept ->> 'user_id')::bigint;
  RETURN NULL;
END $$;

CREATE FUNCTION accounts_token_issued() RETURNS trigger LANGUAGE plpgsql
  SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  PERFORM 1 FROM accounts_accessevent
  WHERE kind = 'token_issued' AND user_id = NEW.user_id AND at >= transaction_timestamp();
  IF NOT FOUND THEN
    RAISE EXCEPTION 'a token without the line in the access log that says it was issued'
      USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  RETURN NEW;
END $$;

REVOKE ALL ON FUNCTION accounts_credential_noted(), accounts_redacted(jsonb) FROM PUBLIC;
CREATE TRIGGER accounts_token_issued BEFORE INSERT ON accounts_token
  FOR EACH ROW EXECUTE FUNCTION accounts_token_issued();
"""  # noqa: S608 - fixed words
TABLES = ("accounts_secret", "accounts_factor", "accounts_token")
NOTE += "".join(
    f"""
CREATE TRIGGER {table}_noted AFTER INSERT OR UPDATE OR DELETE ON {table}
  FOR EACH ROW EXECUTE FUNCTION accounts_credential_noted();
REVOKE TRUNCATE ON {table} FROM lims_app;
"""
    for table in TABLES
)
DROP_NOTE = "DROP TRIGGER accounts_token_issued ON accounts_token; DROP FUNCTION accounts_token_issued();"
DROP_NOTE += "".join(f"DROP TRIGGER {table}_noted ON {table};" for table in TABLES)
DROP_NOTE += "DROP FUNCTION accounts_credential_noted(); DROP FUNCTION accounts_redacted(jsonb);"


def note_credentials() -> migrations.RunSQL:
    return migrations.RunSQL(NOTE, DROP_NOTE)
