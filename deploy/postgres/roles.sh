#!/bin/sh
# The roles of the database and their passwords, set by its superuser before each migration; a repeat changes
# nothing. Objects that an earlier version made as the superuser become the owner's.
set -eu
PGPASSWORD=$(cat /run/secrets/postgres_password)
export PGPASSWORD PGHOST=postgres PGUSER=frontrow PGDATABASE=frontrow PGSSLMODE=disable
{
    cat /sql/roles.sql /standby.sql
    for role in owner sell house worker standby; do
        # Hexadecimal: it contains no quote that would end the literal.
        echo "ALTER ROLE frontrow_$role PASSWORD '$(cat "/run/secrets/postgres_${role}_password")';"
    done
} | psql --quiet --no-psqlrc --set=ON_ERROR_STOP=1 --single-transaction --output=/dev/null
