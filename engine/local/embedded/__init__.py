"""Real PostgreSQL, Redis and MongoDB-protocol servers from wheels, run as our own children.

Everything they need lives under one folder, the data directory::

    lock            locked (flock) by the process that owns the servers
    run.json        their owner and their addresses, while they run
    secrets.json    generated passwords and keys, mode 0600
    ports.json      each server's last port, to use it again
    postgres/ redis/ mongo/     data
    postgres/frontrow.roles     a digest of the roles that the database has
    logs/<server>.log           the output of each server
    <server>.pid    process id and start time of each, to clean up after a crash of the owner

A server never outlives its owner: Linux ends it when the owner dies (PR_SET_PDEATHSIG); elsewhere
the next owner ends it by its pid file. Servers listen on loopback only; the MongoDB-protocol server,
which knows no passwords, listens on a socket in a folder of its own (mode 0700).

PostgreSQL's superuser cannot connect at all. The work that needs it (sql/roles.sql) is done in
single-user mode while no server runs; every connection is one of the roles of ``engine.stores.roles``.

PostgreSQL is durable (fsync on). Redis starts empty every time, on purpose: it holds the live state
only, which is rebuilt from PostgreSQL under a new epoch.
"""

from engine.local.embedded.mongo import EmbeddedMongo
from engine.local.embedded.postgres import EmbeddedPostgres
from engine.local.embedded.processes import (
    end_leftover,
    leashed,
    port_is_free,
    postgres_bin,
    remember_process,
)
from engine.local.embedded.redis import REDIS_RIGHTS, EmbeddedRedis
from engine.local.embedded.server import EmbeddedServer
from engine.local.embedded.stores import EmbeddedStores, stores

__all__ = [
    "REDIS_RIGHTS",
    "EmbeddedMongo",
    "EmbeddedPostgres",
    "EmbeddedRedis",
    "EmbeddedServer",
    "EmbeddedStores",
    "end_leftover",
    "leashed",
    "port_is_free",
    "postgres_bin",
    "remember_process",
    "stores",
]
