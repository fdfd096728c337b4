"""Real PostgreSQL, Redis and MongoDB-protocol servers from wheels, run as our own children.

Everything they need lives under one folder, the data directory::

    lock            held (flock) by the process that owns the servers
    run.json        who owns them and where they listen, while they run
    secrets.json    generated passwords and keys, mode 0600
    ports.json      the port each server had last, so that it has it again
    postgres/ redis/ mongo/     data
    postgres/frontrow.roles     which roles that database has (a digest)
    logs/<server>.log           what each server said
    <server>.pid    process id and start time of each, to clean up after a crash of the owner

A server never outlives its owner: Linux ends it when the owner dies (PR_SET_PDEATHSIG), and
elsewhere the next owner ends what it finds by pid file. Nothing but loopback is listened on, and
the MongoDB-protocol server, which knows no passwords, on a socket in a folder of its own (mode 0700).

PostgreSQL's superuser cannot connect at all. What only it can do (sql/roles.sql) is done while no server
runs, in single-user mode; everybody else is one of the roles of ``engine.stores.roles``.

PostgreSQL is durable (fsync on). Redis starts empty every time, on purpose: it holds the present
moment only, and an empty one is rebuilt from PostgreSQL under a new epoch.
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
