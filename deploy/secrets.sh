#!/bin/sh
# Makes the secrets of compose.yaml under deploy/secrets, once: what is there stays.
#
# Only their owner may enter the folder. The files in it may be read by anybody who gets that far,
# because containers read them as users that this machine does not know.
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

for name in postgres_password redis_password mongo_password mongo_key token_secret organiser_key grafana_password; do
    keep "$name" "$(random)"
done
keep redis_auth "requirepass $(cat secrets/redis_password)"
keep postgres_url "postgresql://frontrow:$(cat secrets/postgres_password)@postgres:5432/frontrow?sslmode=disable"
# The mail catcher; for mails that leave: smtp://user:password@mail.example:587
keep smtp_url "smtp://mail:1025"
keep redis_url "redis://:$(cat secrets/redis_password)@redis:6379/0"
keep mongo_url "mongodb://frontrow:$(cat secrets/mongo_password)@mongo:27017/?authSource=admin&replicaSet=frontrow"
