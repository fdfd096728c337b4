#!/bin/sh
# A PostgreSQL that follows PRIMARY (host:port): copies it on the first start. Promote it by
# `pg_ctl promote`, after making sure that the primary is down.
set -eu
host=${PRIMARY%:*} port=${PRIMARY##*:}
PGPASSWORD=$(cat "$PASSWORD_FILE")
export PGPASSWORD
# The last file of a copy. Without it the copy was interrupted, and no server can start from it.
if [ ! -s "$PGDATA/global/pg_control" ]; then
    install -d -m 0700 "$PGDATA"
    find "$PGDATA" -mindepth 1 -delete
    pg_basebackup --host="$host" --port="$port" --username=frontrow_standby --no-password \
        --pgdata="$PGDATA" --write-recovery-conf --wal-method=stream --checkpoint=fast
fi
exec postgres -D "$PGDATA" -c hot_standby=on "$@"
