#!/bin/sh
# The roles of the database and their passwords, as its superuser; before each migration, and nothing
# changes where nothing is new. What an earlier version made as the superuser becomes the owner's.
set -eu
PGPASSWORD=$(cat /run/secrets/postgres_password)
export PGPASSWORD PGHOST=postgres PGUSER=frontrow PGDATABASE=frontrow PGSSLMODE=disable
{
    cat /sql/roles.sql /standby.sql
    for role in owner sell house worker standby; do
        # Hexadecimal: nothing in it ends the literal.
        echo "ALTER ROLE frontrow_$role PASSWORD '$(cat "/run/secrets/postgres_${role}_password")';"
    done
} | psql --quiet --no-psqlrc --set=ON_ERROR_STOP=1 --single-transaction --output=/dev/null
