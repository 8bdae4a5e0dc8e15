"""How long the site's timeline and its exceptions take to show over a trail of a million changes.

.venv/bin/python -m bench.timeline
"""

from __future__ import annotations

import os
import statistics
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import psycopg

from bench.audit import prepare
from lims.development import servers
from lims.development.provision import with_parts

CHANGES = 1_000_000
OPERATIONS = CHANGES // 4
LATE_EVERY = 500
TIMES = 5

# Operations of ten people over five years; every hundredth of a rare kind; entries of which few are late.
LENGTHEN = f"""
SET session_replication_role = replica;
INSERT INTO audit_operation (actor_id, role, action, subject, reason, source, address, at, txid, cluster)
SELECT (SELECT array_agg(id ORDER BY id) FROM accounts_user)[1 + g %% 10], 'operator',
  CASE WHEN g %% 10000 = 0 THEN 'result.investigate' WHEN g %% 1000 = 0 THEN 'entry.correct'
       WHEN g %% 7 = 0 THEN 'timer.start' WHEN g %% 5 = 0 THEN 'lot.receive' ELSE 'entry.record' END,
  'S-' || (2021 + g / 50000) || '-' || lpad((g / 150)::text, 4, '0'), '',
  CASE WHEN g %% 3 = 0 THEN 'rest' ELSE 'page' END,
  '10.0.0.' || g %% 250, timestamptz '2021-01-01' + g * interval '10 minutes', g, 1
FROM generate_series(1, {OPERATIONS}) g;
INSERT INTO labeling_batch (number, protocol_version_id, identity, status, planned_by_id, start_reason)
SELECT 'X-1', (SELECT min(id) FROM labeling_protocolversion), '', 'planned', (SELECT min(id) FROM accounts_user), '';
INSERT INTO labeling_entry (batch_id, step, field, typed, value, unit, u, measured_at, recorded_by_id, reason, late,
  out_of_range, warnings, operation_id, recorded_at)
SELECT (SELECT id FROM labeling_batch WHERE number = 'X-1'), 's', 'f' || o.txid, '1', '1', 'MBq', '', now(), o.actor_id,
  'because',
  o.txid %% {LATE_EVERY} = 1, o.txid %% {LATE_EVERY * 2} = 2, '[]', o.id, now()
FROM audit_operation o WHERE o.cluster = 1 AND o.action IN ('entry.record', 'entry.correct');
INSERT INTO audit_change (operation_id, table_name, row_pk, verb, new_row, at)
SELECT o.id, CASE WHEN o.action LIKE 'entry%%' THEN 'labeling_entry' WHEN o.txid %% 10000 = 0 THEN 'qc_investigation'
  ELSE 'labeling_lot' END, (4 * o.txid + c)::text, 'INSERT',
  jsonb_build_object('id', c, 'field', 'f', 'step', 's', 'typed', '1', 'unit', 'MBq',
    'late', o.txid %% {LATE_EVERY} = 1,
    'corrects_id', CASE WHEN o.action = 'entry.correct' THEN 1 END, 'out_of_range', o.txid %% {LATE_EVERY * 2} = 2,
    'note', repeat('what a row holds besides, ', 12)), o.at
FROM audit_operation o, generate_series(1, 4) c WHERE o.cluster = 1;
RESET session_replication_role;
"""
WAYS: dict[str, dict[str, str]] = {
    "everything": {},
    "a person": {"person": "analyst"},
    "a person with few acts": {"person": "system"},
    "an act": {"action": "result.investigate"},
    "a group of acts": {"action": "entry"},
    "an act nobody did": {"action": "nobody.did"},
    "a table": {"table": "qc_investigation"},
    "a table of few rows": {"table": "labeling_calibration"},
    "an address": {"address": "10.0.0.7"},
    "an address from where nobody came": {"address": "10.9.9.9"},
    "a week five years ago": {"from": "2021-02-01", "to": "2021-02-08"},
    "a batch": {"subject": "S-2022-0400"},
}


def took(work: Callable[[], object]) -> float:
    work()
    times = []
    for _ in range(TIMES):
        begun = time.perf_counter()
        work()
        times.append(time.perf_counter() - begun)
    return statistics.median(times) * 1e3


def measure() -> None:
    from django.db import connection, reset_queries
    from django.test.utils import CaptureQueriesContext

    from labeling.selectors.exceptions import exceptions
    from labeling.selectors.history import history_rows
    from lims.oversight.trail import operations, wanted_of

    def timeline(query: dict[str, str]) -> list[Any]:
        return history_rows(operations(wanted_of(query)).order_by("-pk")[:51])

    reset_queries()
    print(f"{'a page of 50':<40} {'timeline':>12} {'exceptions':>12}   queries")
    for name, query in WAYS.items():
        with CaptureQueriesContext(connection) as asked:
            timeline(query)
            first = len(asked)
            exceptions(wanted_of(query))
        both = took(partial(timeline, query)), took(partial(exceptions, wanted_of(query)))
        print(f"{name:<40} {both[0]:>9.1f} ms {both[1]:>9.1f} ms   {first}, {len(asked) - first}", flush=True)


def main() -> None:
    with tempfile.TemporaryDirectory() as keys, servers.throw_away() as running:
        environment = dict(running.environment)
        environment["LIMS_AUDIT_KEY_FILE"] = str(Path(keys) / "audit.key")
        prepare(environment)
        admin = with_parts(os.environ["LIMS_ADMIN_DATABASE_URL"], database=servers.DATABASE)
        with psycopg.connect(admin, autocommit=True) as superuser:
            begun = time.perf_counter()
            superuser.execute(LENGTHEN.replace("%%", "%").encode())
            superuser.execute("ANALYZE")
            print(f"{CHANGES} changes of {OPERATIONS} operations, made in {time.perf_counter() - begun:.0f} s")
        measure()


if __name__ == "__main__":
    main()
