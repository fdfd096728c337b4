#!/bin/sh
# A PostgreSQL that follows PRIMARY (host:port): copies it on the first start. Promote it by
# `pg_ctl promote`, once the primary is surely gone.
set -eu
host=${PRIMARY%:*} port=${PRIMARY##*:}
PGPASSWORD=$(cat "$PASSWORD_FILE")
export PGPASSWORD
if [ ! -s "$PGDATA/PG_VERSION" ]; then
    install -d -m 0700 "$PGDATA"
    pg_basebackup --host="$host" --port="$port" --username=frontrow --no-password \
        --pgdata="$PGDATA" --write-recovery-conf --wal-method=stream --checkpoint=fast
fi
exec postgres -D "$PGDATA" -c hot_standby=on "$@"
