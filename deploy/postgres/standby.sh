#!/bin/sh
# A PostgreSQL that follows PRIMARY (host:port): copies it on the first start. Promote it by
# `pg_ctl promote`, once the primary is surely gone.
set -eu
host=${PRIMARY%:*} port=${PRIMARY##*:}
PGPASSWORD=$(cat "$PASSWORD_FILE")
export PGPASSWORD
# The last file of a copy. Without it a copy was cut off, and no server starts on what there is.
if [ ! -s "$PGDATA/global/pg_control" ]; then
    install -d -m 0700 "$PGDATA"
    find "$PGDATA" -mindepth 1 -delete
    pg_basebackup --host="$host" --port="$port" --username=frontrow_standby --no-password \
        --pgdata="$PGDATA" --write-recovery-conf --wal-method=stream --checkpoint=fast
fi
exec postgres -D "$PGDATA" -c hot_standby=on "$@"
