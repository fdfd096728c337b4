#!/bin/sh
# Run once, when the database is made: a standby on the same network may follow it. The image reads it
# into its own script, so it sets nothing.
echo 'host replication frontrow_standby samenet scram-sha-256' >>"$PGDATA/pg_hba.conf"
