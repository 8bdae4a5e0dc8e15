"""Whether the tables say what the trail says: the newest change of each row, against the row as it stands.

The seals prove the trail; this proves that nobody went around it. A superuser who disables the triggers leaves a row
that its own trail contradicts.
"""

from __future__ import annotations

from collections.abc import Iterator

from django.db import connection

from lims.audit.findings import Finding, What

# Rows that are older than the trail: accounts 0002 makes the system user before there are triggers.
OLDER_THAN_THE_TRAIL = {
    "accounts_user": "t.username = 'system' AND t.roles = '{system}' AND t.full_name = 'Oxinate' AND t.is_active"
}
# A record that is printed is told by digests: its context and attachments are large.
DIGEST = "encode(sha256(convert_to(t.{}::text, 'UTF8')), 'hex')"
TOLD = {
    "records_document": "jsonb_build_object('id', t.id, 'kind', t.kind, 'number', t.number, 'subject', t.subject, "
    "'title', t.title, 'template', t.template, 'context_sha256', "
    + DIGEST.format("context")
    + ", 'attachments_sha256', "
    + DIGEST.format("attachments")
    + ")"
}
SHOWN = 20
TRACKED = """
SELECT c.relname FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_proc p ON p.oid = t.tgfoid
WHERE p.proname IN ('audit_capture', 'records_document_note')
  AND c.relnamespace = 'public'::regnamespace GROUP BY c.relname ORDER BY c.relname
"""
DISABLED = """
SELECT c.relname, t.tgname FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
WHERE NOT t.tgisinternal AND t.tgenabled <> 'O' AND c.relnamespace = 'public'::regnamespace ORDER BY 1, 2
"""
# Columns that came later or are gone were not in the row when it was written: the shared ones are compared.
SHARED = """(SELECT jsonb_object_agg(key, value) FROM jsonb_each({}) WHERE {} ? key)"""
COMPARED = """
WITH newest AS (
  SELECT row_pk, verb, new_row FROM audit_change JOIN (
    SELECT max(id) AS id FROM audit_change WHERE table_name = %(table)s GROUP BY row_pk) last USING (id)
), standing AS (SELECT t.id::text AS pk, {told} AS said, ({older}) AS older FROM {table} t)
SELECT COALESCE(s.pk, n.row_pk), s.pk IS NOT NULL, n.row_pk IS NOT NULL, n.verb,
  (SELECT string_agg(key, ', ' ORDER BY key) FROM jsonb_each(s.said) AS held(key, value)
   WHERE n.new_row ? key AND n.new_row -> key <> value)
FROM standing s FULL JOIN newest n ON n.row_pk = s.pk
WHERE CASE
  WHEN s.pk IS NULL THEN n.verb <> 'DELETE'
  WHEN n.row_pk IS NULL THEN NOT s.older
  WHEN n.verb = 'DELETE' THEN true
  ELSE s.said <> n.new_row AND {said} IS DISTINCT FROM {was} END
ORDER BY length(COALESCE(s.pk, n.row_pk)), COALESCE(s.pk, n.row_pk) LIMIT %(shown)s
"""


def differing_rows() -> list[Finding]:
    """Rows that the trail contradicts, and triggers that somebody switched off. One look is the caller's to hold."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL timezone = 'UTC'")
        for way in ("seqscan", "hashjoin", "mergejoin"):
            cursor.execute(f"SET LOCAL enable_{way} = on")
        cursor.execute(DISABLED)
        found = [
            Finding(What.TRIGGER_OFF, f"The trigger {name} of {table} is switched off.", None, table)
            for table, name in cursor.fetchall()
        ]
        cursor.execute(TRACKED)
        tables = [name for (name,) in cursor.fetchall()]
    return found + [finding for table in tables for finding in _of(table)]


def _of(table: str) -> Iterator[Finding]:
    query = COMPARED.format(
        table=connection.ops.quote_name(table),
        told=TOLD.get(table, "to_jsonb(t)"),
        older=OLDER_THAN_THE_TRAIL.get(table, "false"),
        said=SHARED.format("s.said", "n.new_row"),
        was=SHARED.format("n.new_row", "s.said"),
    )
    with connection.cursor() as cursor:
        cursor.execute(query, {"table": table, "shown": SHOWN})
        for pk, stands, told, verb, fields in cursor.fetchall():
            number = int(pk) if pk.isdecimal() else None
            yield Finding(
                What.NOT_THE_TRAIL, _sentence(f"{table} {pk}", stands, told, verb, fields), None, table, number
            )


def _sentence(row: str, stands: bool, told: bool, verb: str | None, fields: str | None) -> str:
    if not stands:
        return f"The row {row} is gone, and the trail does not say that it was deleted."
    if not told:
        return f"The row {row} stands in its table, and the trail does not know it."
    if verb == "DELETE":
        return f"The row {row} stands in its table, and the trail says that it was deleted."
    return f"The row {row} is not what the trail says: {fields} differs."
