#!/bin/sh
# Makes the secrets of compose.yaml under deploy/secrets, once: existing ones stay.
#
# Only their owner may enter the folder. The files in it are readable for everybody, because containers read
# them as users that this machine does not know.
set -eu
cd "$(dirname "$0")"
mkdir -p secrets
chmod 0700 secrets
umask 022

keep() {
    [ -s "secrets/$1" ] || printf '%s\n' "$2" >"secrets/$1"
}

random() {
    head -c 32 /dev/urandom | od -An -v -tx1 | tr -d ' \n'
}

# As keep, but a value that an earlier version of this script wrote ($3) is replaced.
renew() {
    [ "$(cat "secrets/$1" 2>/dev/null)" != "$3" ] || rm -f "secrets/$1"
    keep "$1" "$2"
}

postgres() {
    echo "postgresql://$1:$(cat "secrets/$2")@postgres:5432/frontrow?sslmode=disable"
}

for name in postgres_password postgres_owner_password postgres_sell_password postgres_house_password \
    postgres_worker_password postgres_standby_password redis_password redis_user_password mongo_password \
    mongo_user_password mongo_key token_secret organiser_key grafana_password; do
    keep "$name" "$(random)"
done
# A user with all rights, for a person; and Frontrow's, without administrative rights.
owner="requirepass $(cat secrets/redis_password)"
renew redis_auth "$owner
user frontrow on >$(cat secrets/redis_user_password) ~* &* +@all -@admin -@dangerous +info +role" "$owner"
renew postgres_url "$(postgres frontrow_sell postgres_sell_password)" "$(postgres frontrow postgres_password)"
for role in house worker owner; do
    keep "postgres_${role}_url" "$(postgres "frontrow_$role" "postgres_${role}_password")"
done
# The mail catcher; for mails that leave: smtp://user:password@mail.example:587
keep smtp_url "smtp://mail:1025"
renew redis_url "redis://frontrow:$(cat secrets/redis_user_password)@redis:6379/0" \
    "redis://:$(cat secrets/redis_password)@redis:6379/0"
mongo="@mongo:27017/?replicaSet=frontrow"
renew mongo_url "mongodb://frontrow:$(cat secrets/mongo_user_password)$mongo&authSource=frontrow" \
    "mongodb://frontrow:$(cat secrets/mongo_password)@mongo:27017/?authSource=admin&replicaSet=frontrow"
