#!/bin/sh
# Members of a replica set authenticate with a key, which mongod reads only from a file that it owns.
set -eu
install -m 0400 -o mongodb -g mongodb /run/secrets/mongo_key /tmp/key
exec docker-entrypoint.sh mongod --replSet frontrow --keyFile /tmp/key --bind_ip_all
