"""The process that renders organisers' templates: ``python -m engine.notifications.rendering_child``.

Jobs come over stdin and answers go over stdout, each in msgpack after four bytes of length. The process
has nothing of value to a template: no secret, no store, no file. A template that costs too much ends the
whole process: by a timer of the kernel for processor time, by a limit for memory.
``engine.notifications.rendering_pool`` is its other end.
"""

import os
import resource
import signal
import sys
from contextlib import suppress
from functools import lru_cache
from typing import Any, BinaryIO, Final

import msgspec
from msgspec import Struct

from engine.notifications.model import Texts, Written
from engine.notifications.rendering import Template, TemplateBroken

LENGTH_BYTES: Final = 4
READY: Final = b"."
#: Exit code after a template needed more memory than the limit.
OUT_OF_MEMORY: Final = 75
_MEMORY_MAX: Final = 256 * 1024 * 1024
_KEPT_MAX: Final = 32
#: Lower priority than processes that serve people on the same processor.
_NICENESS: Final = 5


class Piece(Struct, frozen=True):
    """One template, and the facts of each mail to write with it."""

    texts: Texts
    letters: list[dict[str, Any]]


class Job(Struct, frozen=True):
    """``cpu_s``: the processor time that the whole job may take."""

    layout: Texts
    pieces: list[Piece]
    cpu_s: float


class Broken(Struct, frozen=True):
    """See ``TemplateBroken``; ``piece`` counts from 0."""

    piece: int
    place: str
    problem: str
    line: int | None


class Outcome(Struct, frozen=True):
    """The first mail of the first piece, if all mails could be rendered."""

    written: Written | None = None
    broken: Broken | None = None


class _Writer:
    """Keeps compiled templates: most mails of an hour use few templates."""

    def __init__(self) -> None:
        self._template = lru_cache(maxsize=_KEPT_MAX)(Template)

    def answer(self, job: Job) -> Outcome:
        first: Written | None = None
        for no, piece in enumerate(job.pieces):
            try:
                template = self._template(piece.texts, job.layout)
                for facts in piece.letters:
                    written = template.write(facts)
                    first = first or written
            except TemplateBroken as error:
                return Outcome(broken=Broken(no, error.place, error.problem, error.line))
        return Outcome(written=first)


def serve(source: BinaryIO, sink: BinaryIO) -> None:
    """Answer jobs until there are no more."""
    writer, decoder = _Writer(), msgspec.msgpack.Decoder(Job)
    sink.write(READY)
    sink.flush()
    while length := source.read(LENGTH_BYTES):
        job = decoder.decode(source.read(int.from_bytes(length)))
        # It counts processor time, also inside one long call; a stalled machine uses none.
        signal.setitimer(signal.ITIMER_PROF, job.cpu_s)
        answer = msgspec.msgpack.encode(writer.answer(job))
        signal.setitimer(signal.ITIMER_PROF, 0)
        sink.write(len(answer).to_bytes(LENGTH_BYTES) + answer)
        sink.flush()


def _limit() -> None:
    # A signal to the whole group is meant for our parent, which ends us by closing stdin.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    signal.signal(signal.SIGPROF, signal.SIG_DFL)
    limits = {
        "RLIMIT_AS": _MEMORY_MAX,
        "RLIMIT_DATA": _MEMORY_MAX,
        "RLIMIT_CORE": 0,
        "RLIMIT_FSIZE": 0,
        "RLIMIT_NPROC": 0,
    }
    for name, value in limits.items():
        # Not every system has all limits, and some have none on memory; time is limited on all.
        with suppress(AttributeError, OSError, ValueError):
            resource.setrlimit(getattr(resource, name), (value, value))
    with suppress(OSError):
        os.nice(_NICENESS)


def main() -> None:
    _limit()
    try:
        serve(sys.stdin.buffer, sys.stdout.buffer)
    except MemoryError:
        os._exit(OUT_OF_MEMORY)
    except BrokenPipeError:
        # The parent has gone; nobody would read the rest of the buffer.
        os._exit(0)


if __name__ == "__main__":
    main()
