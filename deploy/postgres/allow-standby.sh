#!/bin/sh
# Run once, when the database is made: allows a standby on the same network to follow it. The image sources
# this file in its own script, so it sets no shell options.
echo 'host replication frontrow_standby samenet scram-sha-256' >>"$PGDATA/pg_hba.conf"
