"""How long the genealogy of a lot and of a dose takes to find among 300 000 entries.

.venv/bin/python -m bench.genealogy
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import psycopg

from bench.audit import prepare
from bench.timeline import took
from lims.development import servers
from lims.development.provision import with_parts

SYNTHESES, LABELINGS, ENTRIES = 2_000, 8_000, 30
LOTS = 4_000

# Each synthesis takes three lots and goes into four labelings; one lot, a buffer, went into every labeling.
FILL = f"""
SET session_replication_role = replica;
INSERT INTO audit_operation (actor_id, role, action, subject, reason, source, address, at, txid, cluster)
SELECT min(id), 'operator', 'entry.record', 'X', '', 'rest', '10.0.0.1', now(), 1, 1 FROM accounts_user;
INSERT INTO labeling_lot (number, material, kind, name, identity, supplier, order_number, chemical_form, nuclide,
  quantity_unit, taken, expires_at, received_by_id, status)
SELECT 'X-' || g, 'm', '', '', '', '', '', '', '', '', 0, now() + interval '30 days',
  (SELECT min(id) FROM accounts_user), 'quarantine' FROM generate_series(1, {LOTS}) g;
INSERT INTO labeling_batch (number, protocol_version_id, identity, status, planned_by_id, start_reason)
SELECT CASE WHEN g <= {SYNTHESES} THEN 'XS-' ELSE 'XL-' END || g, (SELECT min(id) FROM labeling_protocolversion),
  CASE WHEN g <= {SYNTHESES} THEN '' ELSE 'COI-' || g END, 'planned', (SELECT min(id) FROM accounts_user), ''
FROM generate_series(1, {SYNTHESES + LABELINGS}) g;
CREATE TEMP TABLE b AS SELECT id, row_number() OVER (ORDER BY id) AS g FROM labeling_batch WHERE number LIKE 'X%';
CREATE TEMP TABLE l AS SELECT id, row_number() OVER (ORDER BY id) AS g FROM labeling_lot WHERE number LIKE 'X%';
CREATE INDEX ON b (g); CREATE INDEX ON l (g);
INSERT INTO labeling_entry (batch_id, step, field, typed, value, unit, u, measured_at, recorded_by_id, reason, late,
  out_of_range, warnings, operation_id, lot_id, source_batch_id)
SELECT b.id, 's', 'f' || e, '1', '1', '', '', now(), (SELECT min(id) FROM accounts_user), '', false, false, '[]',
  (SELECT max(id) FROM audit_operation),
  CASE WHEN e <= 3 AND b.g <= {SYNTHESES} THEN (SELECT id FROM l WHERE l.g = 2 + (b.g * 3 + e) % ({LOTS} - 2))
       WHEN e = 2 AND b.g > {SYNTHESES} THEN (SELECT id FROM l WHERE l.g = 1) END,
  CASE WHEN e = 1 AND b.g > {SYNTHESES} THEN (SELECT id FROM b s WHERE s.g = 1 + b.g % {SYNTHESES}) END
FROM b, generate_series(1, {ENTRIES}) e;
RESET session_replication_role;
"""


def measure() -> None:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    from labeling.models import Batch, Lot
    from labeling.selectors.genealogy import made_from, used_in

    one, everywhere = Lot.objects.get(number="X-100"), Lot.objects.get(number="X-1")
    dose = Batch.objects.get(number="XL-9000")
    works = {
        "a lot to its doses": lambda: used_in(one),
        f"a lot that is in {LABELINGS} doses": lambda: used_in(everywhere),
        "a dose back to its lots": lambda: made_from(dose),
    }
    for name, work in works.items():
        with CaptureQueriesContext(connection) as asked:
            found = work()
        print(f"{name:<32} {took(work):>9.1f} ms   {len(found.members):>5} members   {len(asked)} queries", flush=True)


def main() -> None:
    with tempfile.TemporaryDirectory() as keys, servers.throw_away() as running:
        prepare({**running.environment, "LIMS_AUDIT_KEY_FILE": str(Path(keys) / "audit.key")})
        admin = with_parts(os.environ["LIMS_ADMIN_DATABASE_URL"], database=servers.DATABASE)
        with psycopg.connect(admin, autocommit=True) as superuser:
            superuser.execute(FILL.encode())
            superuser.execute("ANALYZE")
            print(f"{(SYNTHESES + LABELINGS) * ENTRIES} entries of {SYNTHESES + LABELINGS} batches, {LOTS} lots")
        measure()


if __name__ == "__main__":
    main()
