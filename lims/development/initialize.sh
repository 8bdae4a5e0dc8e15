#!/bin/sh
# PostgreSQL's container runs this once, on an empty data directory: the same SQL that the embedded servers get.
set -eu
psql -v ON_ERROR_STOP=1 -U "${POSTGRES_USER:-postgres}" -d "$POSTGRES_DB" --single-transaction \
    -v owner_password="$(cat /run/secrets/lims_owner)" \
    -v app_password="$(cat /run/secrets/lims_app)" \
    -v database="$POSTGRES_DB" \
    -f /oxinate/roles.sql -f /oxinate/database.sql
