"""The guard of records_document: requested inside an audited operation, frozen from then on, its bytes written once."""

from __future__ import annotations

from django.db import migrations

# SECURITY DEFINER: the note in audit_change is written with the owner's rights, the server's role may only read it.
# The note holds the digest of what is to be printed, not a second copy of it.
GUARD = """
CREATE FUNCTION records_document_guard() RETURNS trigger LANGUAGE plpgsql
  SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE op bigint := NULLIF(current_setting('lims.operation', true), '')::bigint;
BEGIN
  IF TG_OP = 'INSERT' THEN
    PERFORM 1 FROM audit_operation WHERE id = op AND txid = txid_current();
    IF NOT FOUND OR NEW.operation_id IS DISTINCT FROM op THEN
      RAISE EXCEPTION 'document % requested outside the audited operation it names', NEW.number
        USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF NEW.state <> 'queued' OR NEW.attempts <> 0 OR NEW.claim IS NOT NULL THEN
      RAISE EXCEPTION 'document % must begin in the queue', NEW.number
        USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
  END IF;
  IF OLD.state = 'sealed' THEN
    RAISE EXCEPTION 'document % is sealed and never changes', OLD.number
      USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  IF (NEW.id, NEW.kind, NEW.number, NEW.subject, NEW.title, NEW.template, NEW.operation_id, NEW.requested_at)
       IS DISTINCT FROM
     (OLD.id, OLD.kind, OLD.number, OLD.subject, OLD.title, OLD.template, OLD.operation_id, OLD.requested_at)
     OR NEW.context IS DISTINCT FROM OLD.context OR NEW.attachments IS DISTINCT FROM OLD.attachments THEN
    RAISE EXCEPTION 'what document % prints was frozen when it was requested', OLD.number
      USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  IF NEW.state = 'sealed' AND (
       OLD.state <> 'rendering' OR NEW.claim IS DISTINCT FROM OLD.claim
       OR NEW.sha256 IS DISTINCT FROM encode(sha256(NEW.pdf), 'hex')) THEN
    RAISE EXCEPTION 'document % is sealed by the worker that claimed it, with the hash of its bytes', OLD.number
      USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  RETURN NEW;
END $$;

CREATE FUNCTION records_document_note() RETURNS trigger LANGUAGE plpgsql
  SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  INSERT INTO audit_change (operation_id, table_name, row_pk, verb, old_row, new_row, at)
  VALUES (NEW.operation_id, TG_TABLE_NAME, NEW.id::text, TG_OP, NULL,
          jsonb_build_object('id', NEW.id, 'kind', NEW.kind, 'number', NEW.number, 'subject', NEW.subject,
                             'title', NEW.title, 'template', NEW.template,
                             'context_sha256', encode(sha256(convert_to(NEW.context::text, 'UTF8')), 'hex'),
                             'attachments_sha256', encode(sha256(convert_to(NEW.attachments::text, 'UTF8')), 'hex')),
          clock_timestamp());
  RETURN NULL;
END $$;

REVOKE ALL ON FUNCTION records_document_guard(), records_document_note() FROM PUBLIC;
CREATE TRIGGER records_document_guard BEFORE INSERT OR UPDATE ON records_document
  FOR EACH ROW EXECUTE FUNCTION records_document_guard();
CREATE TRIGGER records_document_note AFTER INSERT ON records_document
  FOR EACH ROW EXECUTE FUNCTION records_document_note();
CREATE TRIGGER records_document_stays BEFORE DELETE OR TRUNCATE ON records_document
  FOR EACH STATEMENT EXECUTE FUNCTION audit_forbid();
REVOKE DELETE, TRUNCATE ON records_document FROM lims_app;
"""
DROP_GUARD = """
DROP TRIGGER records_document_stays ON records_document;
DROP TRIGGER records_document_note ON records_document;
DROP TRIGGER records_document_guard ON records_document;
DROP FUNCTION records_document_note();
DROP FUNCTION records_document_guard();
GRANT DELETE ON records_document TO lims_app;
"""


def guard() -> migrations.RunSQL:
    return migrations.RunSQL(GUARD, DROP_GUARD)
